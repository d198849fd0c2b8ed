// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import Glibc
import NIOCore

/// How many threads of this process can run at once.
enum UsableCores {
    /// The cores online, less those that a CPU set (`taskset`, `cpuset`) or a container's quota takes away.
    static let count = max(1, min(System.coreCount, permitted(by: status()) ?? .max))

    /// The number of cores in the line `Cpus_allowed` of proc_pid_status(5): a mask in hexadecimal, in groups.
    static func permitted(by status: String) -> Int? {
        let name = "Cpus_allowed:"
        let lines = status.split(separator: "\n")
        guard let line = lines.first(where: { $0.hasPrefix(name) }) else { return nil }
        let digits = line.dropFirst(name.count).filter { $0 != "," && !$0.isWhitespace }
        let count = digits.reduce(0) { $0 + ($1.hexDigitValue?.nonzeroBitCount ?? 0) }
        return count == 0 ? nil : count
    }

    /// Empty where there is no such file: then every core counts.
    private static func status() -> String {
        let file = open("/proc/self/status", O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { return "" }
        defer { close(file) }
        var bytes = [UInt8](repeating: 0, count: 1 << 13)
        let count = bytes.withUnsafeMutableBytes { read(file, $0.baseAddress, $0.count) }
        return String(decoding: bytes.prefix(max(0, count)), as: UTF8.self)
    }
}

// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import Glibc

/// Where the process of an owner runs, so that another one can see that it is gone and need not wait for its
/// lease.
///
/// That can be seen only beside it: under the same kernel since the same boot, on a host of the same name, in
/// the same namespace of process numbers. There a number without a process says that the owner has ended.
/// Whatever cannot be seen counts as alive, a number that somebody else has got meanwhile, too: then the lease
/// decides. A batch that the dead owner has sent and that arrives late is fenced like that of any other.
struct OwnerPlace: Hashable {
    /// Names boot, host and namespace; empty when the system does not tell.
    let surroundings: String
    let process: Int32

    /// Where this process runs, or another one beside it.
    init(process: Int32 = getpid()) {
        self.process = process
        var namespace = stat()
        let boot = Self.line(of: "/proc/sys/kernel/random/boot_id")
        guard !boot.isEmpty, stat("/proc/self/ns/pid", &namespace) == 0 else {
            surroundings = ""
            return
        }
        surroundings = "\(boot) \(Self.hostName) \(namespace.st_ino)"
    }

    /// Reads what `text` has written.
    init?(_ text: String) {
        guard let space = text.lastIndex(of: " "), let process = Int32(text[text.index(after: space)...])
        else {
            return nil
        }
        surroundings = String(text[..<space])
        self.process = process
    }

    /// As Redis keeps it.
    var text: String { "\(surroundings) \(process)" }

    /// Whether the process has ended for certain.
    var isDeserted: Bool {
        guard process > 0, !surroundings.isEmpty, surroundings == OwnerPlace().surroundings else {
            return false
        }
        return kill(process, 0) != 0 && errno == ESRCH
    }

    /// The name of this machine.
    static var hostName: String {
        var name = [CChar](repeating: 0, count: 256)
        gethostname(&name, name.count - 1)
        return String(decoding: name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    private static func line(of path: String) -> String {
        let file = Glibc.open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { return "" }
        defer { Glibc.close(file) }
        var bytes = [UInt8](repeating: 0, count: 128)
        let count = read(file, &bytes, bytes.count)
        return String(
            decoding: bytes.prefix(max(0, count)).prefix { $0 != UInt8(ascii: "\n") }, as: UTF8.self)
    }
}

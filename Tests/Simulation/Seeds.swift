// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import Glibc

/// Runs seeds and says what is wrong with them.
package enum Seeds {
    /// A seed that failed, and why.
    package struct Finding: Hashable, Sendable, CustomStringConvertible {
        package var seed: UInt64
        package var sentence: String

        package var description: String {
            "Seed \(seed): \(sentence). Replay: scripts/simulate \(seed)"
        }
    }

    /// Runs consecutive seeds; stops after a few failures. A process that dies says which seed it died of.
    package static func run(_ seeds: Range<UInt64>, failuresMax: Int = 3) -> [Finding] {
        Obituary.install()
        var findings: [Finding] = []
        for seed in seeds {
            Obituary.living(seed)
            defer { Obituary.living(nil) }
            if let sentence = World(seed: seed).run() {
                findings.append(Finding(seed: seed, sentence: sentence))
                if findings.count == failuresMax { break }
            }
        }
        return findings
    }
}

/// Names the running seeds when a precondition ends the process.
private enum Obituary {
    // Proof for the unsafe global: the slots are words that each thread writes for itself and only a dying
    // process reads; a torn or stale word costs a wrong line, nothing else.
    nonisolated(unsafe) private static let slots = UnsafeMutablePointer<UInt64>.allocate(capacity: 64)
    nonisolated(unsafe) private static var isInstalled = false

    static func install() {
        guard !isInstalled else { return }
        isInstalled = true
        slots.initialize(repeating: .max, count: 64)
        for number in [SIGILL, SIGTRAP, SIGABRT, SIGSEGV] {
            signal(number) { number in
                Obituary.report()
                signal(number, SIG_DFL)
                raise(number)
            }
        }
    }

    static func living(_ seed: UInt64?) {
        slots[Int(pthread_self() >> 12) & 63] = seed ?? .max
    }

    /// Writes with system calls only.
    private static func report() {
        for index in 0..<64 where slots[index] != .max {
            var digits: [UInt8] = []
            var rest = slots[index]
            repeat {
                digits.insert(UInt8(ascii: "0") + UInt8(rest % 10), at: 0)
                rest /= 10
            } while rest > 0
            let line = Array("The process died with this seed: scripts/simulate ".utf8) + digits + [10]
            _ = line.withUnsafeBytes { write(2, $0.baseAddress, $0.count) }
        }
    }
}

// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import Synchronization

@testable import Server

/// Collects the lines of a log.
final class Lines: Sendable {
    private let lines = Mutex<[String]>([])

    var output: LogOutput { LogOutput { line in self.lines.withLock { $0.append(line) } } }

    /// The only line there is, or how many there are.
    var only: String { lines.withLock { $0.count == 1 ? $0[0] : "\($0.count) lines" } }

    func contain(_ words: String) -> Bool { lines.withLock { $0.contains { $0.contains(words) } } }
}

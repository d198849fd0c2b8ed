// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import Persistence

/// Adds up dropped messages between two lines of the log, so that a client that loses thousands of messages a
/// second costs one line a second.
struct DropLog {
    private struct Key: Hashable {
        var session: SessionNumber
        var reason: String
    }

    private var counts: [Key: Int] = [:]
    /// What was dropped for sessions beyond `sessionsMax`.
    private var others = 0

    /// How many sessions are named between two lines.
    private static let sessionsMax = 100

    mutating func add(_ count: Int, for session: SessionNumber, because reason: String) {
        let key = Key(session: session, reason: reason)
        if counts[key] != nil || counts.count < DropLog.sessionsMax {
            counts[key, default: 0] += count
        } else {
            others += count
        }
    }

    /// One sentence per session and reason since the last call.
    mutating func takeLines() -> [String] {
        guard !counts.isEmpty else { return [] }
        var lines = counts.map { key, count in
            "\(count) messages for \(key.session == 0 ? "several sessions" : "session \(key.session)") were "
                + "dropped: \(key.reason)"
        }
        lines.sort()
        if others > 0 { lines.append("\(others) messages for other sessions were dropped") }
        counts.removeAll(keepingCapacity: counts.count < DropLog.sessionsMax)
        others = 0
        return lines
    }
}

// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import Persistence

/// By how many unshared messages each session's queue grows with one batch.
///
/// Many at once fill pages of `settled` by themselves: they need not wait in `recent` for others of their session,
/// which saves two of three insertions and the deletions. Fewer would change about as many pages, three or four for
/// each session, and so write more for each message. Measured with 20, 64 and 500 sessions.
struct QueueGrowth {
    private let countMin: Int
    private var counts: [SessionNumber: Int] = [:]
    private var isBulky = false

    init(countMin: Int) {
        self.countMin = countMin
    }

    /// Looks at another batch.
    mutating func count(_ batch: borrowing ChangeBatch) {
        if !counts.isEmpty { counts.removeAll(keepingCapacity: counts.count < Self.idleCountMax) }
        // Each message is two changes.
        isBulky = batch.changes.count >= 2 * countMin
        guard isBulky else { return }
        var isUnshared = false
        for change in batch.changes {
            switch change {
            case .message(_, _, let references): isUnshared = references == 1
            case .delivery(let session, _, _) where isUnshared: counts[session, default: 0] += 1
            default: break
            }
        }
    }

    /// Whether the unshared messages of a session are enough to be put in their place at once.
    func isBulk(_ session: SessionNumber) -> Bool {
        isBulky && counts[session, default: 0] >= countMin
    }

    /// Beyond as many sessions, memory is given back.
    private static let idleCountMax = 65_536
}

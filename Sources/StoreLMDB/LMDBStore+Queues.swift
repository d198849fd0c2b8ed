// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import CLMDB
package import Persistence

extension LMDBStore: QueueListingStore {
    /// Sessions looked up in one read transaction.
    private static let sessionsPerRead = 1_000

    /// See `QueueListingStore`: the ends of each session's range, which takes three searches.
    package func forEachQueue(_ visit: (QueueSummary) -> Void) throws(StoreError) {
        var next: SessionNumber? = 0
        while let session = next {
            next = try read { (transaction, tables) throws(LMDBFailure) in
                try queues(from: session, Cursor(transaction, tables.delivery), visit)
            }
        }
    }

    /// Visits some; gives the session to go on from, `nil` after the last.
    private func queues(
        from start: SessionNumber, _ cursor: consuming Cursor, _ visit: (QueueSummary) -> Void
    ) throws(LMDBFailure) -> SessionNumber? {
        var isThere = try cursor.seek(NumberKey(start))
        var next = start
        for _ in 0..<Self.sessionsPerRead {
            guard isThere else { return nil }
            guard cursor.key.number() >= next else { throw .corrupt("the deliveries are not in order") }
            let (session, first) = (cursor.key.number(), cursor.key.number(at: 8))
            isThere = session < .max ? try cursor.seek(NumberKey(session + 1)) : false
            let hasLast = isThere ? try cursor.previous() : try cursor.last()
            let last = hasLast ? cursor.key.number(at: 8) : first
            visit(QueueSummary(session: session, from: first, through: last))
            isThere = isThere ? try cursor.next() : false
            next = session &+ 1
        }
        return isThere ? cursor.key.number() : nil
    }

    /// See `QueueListingStore`.
    package func deliveryCount(
        of session: SessionNumber, upTo countMax: Int
    ) throws(StoreError) -> Int {
        try read { (transaction, tables) throws(LMDBFailure) -> Int in
            var count = 0
            var cursor = try Cursor(transaction, tables.delivery)
            var isThere = try cursor.seek(NumberKey(session))
            while isThere, count < countMax, cursor.key.number() == session {
                count += 1
                isThere = try cursor.next()
            }
            return count
        }
    }
}

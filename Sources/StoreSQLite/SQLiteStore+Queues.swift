// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

package import Persistence

/// All queues at once: `recent` has few rows and is counted; `settled` is too, unless it is large. Then only the ends of
/// each session's range are looked up, one session after the other.
extension SQLiteStore: QueueListingStore {
    /// Rows of `settled` beyond which they are not walked.
    private static let walkedCountMax = 2_000_000

    private static let grouped = "SELECT session, min(number), count(*) FROM settled GROUP BY session"

    private static let ends = """
        WITH RECURSIVE queue(session) AS (
            SELECT min(session) FROM settled
            UNION ALL SELECT (SELECT min(session) FROM settled WHERE session > queue.session)
            FROM queue WHERE session IS NOT NULL)
        SELECT session, (SELECT min(number) FROM settled WHERE session = queue.session),
            (SELECT max(number) FROM settled WHERE session = queue.session)
        FROM queue WHERE session IS NOT NULL
        """

    /// See `QueueListingStore`; one read transaction, during which the log cannot be emptied.
    package func forEachQueue(_ visit: (QueueSummary) -> Void) throws(StoreError) {
        try forEachQueue(walkingUpTo: Self.walkedCountMax, visit)
    }

    func forEachQueue(
        walkingUpTo walkedCountMax: Int, _ visit: (QueueSummary) -> Void
    ) throws(StoreError) {
        try readers.readOnce { (connection) throws(StoreError) in
            try translating(location, .reading) { () throws(SQLiteFailure) in try connection.execute("BEGIN")
            }
            let isSmall = try connection.info(location).deliveryCount <= UInt64(walkedCountMax)
            try translating(location, .reading) { () throws(SQLiteFailure) in
                var recent = try Self.recent(connection)
                let rows = try connection.statement(isSmall ? Self.grouped : Self.ends)
                while try rows.step() {
                    var queue = isSmall ? Self.counted(rows) : Self.spanned(rows)
                    if let other = recent.removeValue(forKey: queue.session) { queue.add(other) }
                    visit(queue)
                }
                for queue in recent.values { visit(queue) }
            }
        }
    }

    /// See `QueueListingStore`.
    package func deliveryCount(
        of session: SessionNumber, upTo countMax: Int
    ) throws(StoreError) -> Int {
        let sql = """
            SELECT (SELECT count(*) FROM (SELECT 1 FROM settled WHERE session = ?1 LIMIT ?2))
            + (SELECT count(*) FROM (SELECT 1 FROM recent WHERE session = ?1 LIMIT ?2))
            """
        return try read(sql) { (row, _) throws(SQLiteFailure) -> Int in
            row.bind(1, session)
            row.bind(2, Int64(countMax))
            return try row.step() ? min(Int(row.integer(0)), countMax) : 0
        }
    }

    private static func recent(
        _ connection: Connection
    ) throws(SQLiteFailure) -> [SessionNumber: QueueSummary] {
        var queues: [SessionNumber: QueueSummary] = [:]
        let rows = try connection.statement(
            "SELECT session, min(number), count(*) FROM recent GROUP BY session")
        while try rows.step() { queues[rows.number(0)] = counted(rows) }
        return queues
    }

    private static func counted(_ row: Statement) -> QueueSummary {
        QueueSummary(
            session: row.number(0), first: row.number(1), countMax: row.number(2), isCounted: true)
    }

    private static func spanned(_ row: Statement) -> QueueSummary {
        QueueSummary(session: row.number(0), from: row.number(1), through: row.number(2))
    }
}

extension QueueSummary {
    /// Adds what the same session has in the other table.
    fileprivate mutating func add(_ other: QueueSummary) {
        first = min(first, other.first)
        countMax += other.countMax
    }
}

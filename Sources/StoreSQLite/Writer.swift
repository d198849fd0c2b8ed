// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import Persistence

/// The connection that writes: applies batches, each in one transaction.
///
/// Only the committer's thread uses it. `info`, `settling` and what else it remembers about the database
/// change when a transaction has been committed, never before.
final class Writer {
    let connection: Connection
    let statements: WriterStatements
    let options: SQLiteStore.Options
    /// The counters as of the last committed batch.
    private(set) var info: SysInfoRecord
    /// What the next batch is to record; until it has, commits are synced.
    private(set) var unrecorded: Durability?
    private(set) var settling: Settling
    /// Where the next change's counters go; becomes `info`.
    var draft: SysInfoRecord
    /// Becomes `settling`.
    var settlingDraft: Settling
    /// The body of a message that is not shared, until its delivery follows.
    var unsharedBody: Slice?
    /// Where the deliveries of the batch go.
    private(set) var growth: QueueGrowth

    init(
        _ connection: Connection, _ options: SQLiteStore.Options, info: SysInfoRecord,
        unrecorded: Durability?
    ) throws(SQLiteFailure) {
        self.connection = connection
        self.options = options
        self.info = info
        self.unrecorded = unrecorded
        draft = info
        growth = QueueGrowth(countMin: options.bulkCountMin)
        statements = try WriterStatements(connection)
        let recent = try connection.integer("SELECT count(*) FROM recent")
        settling = Settling(recentCount: Int(recent), message: info.message)
        settlingDraft = settling
    }

    /// Makes all changes in an open transaction.
    func apply(_ batch: borrowing ChangeBatch) throws(SQLiteFailure) {
        draft = info
        settlingDraft = settling
        unsharedBody = nil
        growth.count(batch)
        try statements.begin.run()
        for change in batch.changes { try apply(change, of: batch) }
        draft.batch = batch.number
        draft.session = max(draft.session, batch.session)
        draft.message = max(draft.message, batch.message)
        draft.time = max(draft.time, batch.time)
        try settleIfDue()
        try write(draft)
        if let unrecorded { try connection.record(unrecorded) }
    }

    /// Ends the transaction; only now the batch is there.
    func commit() throws(SQLiteFailure) {
        try statements.commit.run()
        info = draft
        settling = settlingDraft
        if let recorded = unrecorded {
            unrecorded = nil
            try connection.sync(for: recorded)
        }
    }

    /// Undoes what was not committed; false when even that failed.
    func rollback() -> Bool {
        guard connection.isInTransaction else { return true }
        do throws(SQLiteFailure) {
            try statements.rollback.run()
        } catch {
            return !connection.isInTransaction
        }
        return true
    }

    /// Whether the database holds what this object believes it does.
    func isAsRemembered(_ path: String) -> Bool {
        do throws(StoreError) {
            return try connection.info(path) == info
        } catch {
            return false
        }
    }

    private func write(_ info: SysInfoRecord) throws(SQLiteFailure) {
        var record: [UInt8] = []
        RecordCoding.append(info, to: &record)
        try record.span.bytes.withUnsafeBytes { (bytes) throws(SQLiteFailure) in
            try statements.setInfo.bind(1, bytes)
            try statements.setInfo.run()
        }
    }
}

// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import CLMDB
import Persistence

/// Applies batches, each in one transaction that begins and ends on the committer's thread.
///
/// `info` changes when a transaction has been committed, never before.
final class Writer {
    let tables: Tables
    let options: LMDBStore.Options
    let report: (StoreError, String) -> Void
    /// The counters as of the last committed batch.
    private(set) var info: SysInfoRecord
    /// What the next batch is to record; until it has, commits are synced.
    private(set) var unrecorded: Durability?
    /// Where the next change's counters go; becomes `info`.
    var draft: SysInfoRecord
    /// The body of a small message that is not shared, until its delivery follows.
    var inlineBody: Slice?
    private let environment: Environment
    private var open: Transaction?

    init(
        _ environment: Environment, _ options: LMDBStore.Options, info: SysInfoRecord,
        unrecorded: Durability?, report: @escaping (StoreError, String) -> Void
    ) {
        self.environment = environment
        self.options = options
        self.report = report
        self.info = info
        self.unrecorded = unrecorded
        draft = info
        tables = environment.tables
    }

    /// Makes all changes in a new transaction, which stays open.
    func apply(_ batch: borrowing ChangeBatch) throws(LMDBFailure) {
        draft = info
        inlineBody = nil
        let transaction = try Transaction(environment, writes: true)
        open = transaction
        for change in batch.changes { try apply(change, of: batch, transaction) }
        draft.batch = batch.number
        draft.session = max(draft.session, batch.session)
        draft.message = max(draft.message, batch.message)
        draft.time = max(draft.time, batch.time)
        try write(draft, transaction)
        if let unrecorded { try transaction.record(unrecorded) }
    }

    /// Ends the transaction; only now the batch is there.
    func commit() throws(LMDBFailure) {
        let transaction = open
        open = nil
        try transaction?.commit()
        info = draft
        if let recorded = unrecorded {
            unrecorded = nil
            try environment.sync(for: recorded)
        }
    }

    /// Undoes what was not committed.
    func abort() {
        open?.abort()
        open = nil
    }

    private func write(_ info: SysInfoRecord, _ transaction: Transaction) throws(LMDBFailure) {
        var record: [UInt8] = []
        RecordCoding.append(info, to: &record)
        try record.span.bytes.withUnsafeBytes { (bytes) throws(LMDBFailure) in
            _ = try transaction.put(Tables.unnamed, Tables.infoKey, bytes)
        }
    }
}

// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import CLMDB
import Persistence

/// How pages are read.
extension LMDBStore {
    /// Lends one committed state to `body`.
    func read<Result>(
        _ body: (Transaction, Tables) throws(LMDBFailure) -> Result
    ) throws(StoreError) -> Result {
        try gate.read { (environment) throws(StoreError) -> Result in
            try translating(location, .reading) { () throws(LMDBFailure) -> Result in
                try environment.read { (transaction) throws(LMDBFailure) -> Result in
                    try body(transaction, environment.tables)
                }
            }
        }
    }

    /// Up to `limit` records from the first key on that is not below `start`, while `belongs` says so. What cannot be
    /// decoded is reported and left out.
    func page<Record>(
        _ table: KeyPath<Tables, MDB_dbi>, from start: some Key, limit: Int,
        while belongs: (UnsafeRawBufferPointer) -> Bool = { _ in true },
        record: (_ key: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer) throws(StoreError) -> Record
    ) throws(StoreError) -> [Record] {
        try read { (transaction, tables) throws(LMDBFailure) -> [Record] in
            var records: [Record] = []
            var cursor = try Cursor(transaction, tables[keyPath: table])
            var isThere = limit > 0 ? try cursor.seek(start) : false
            while isThere, belongs(cursor.key) {
                let (key, value) = (cursor.key, cursor.value)
                if let record = decoded("A record", { () throws(StoreError) in try record(key, value) }) {
                    records.append(record)
                }
                isThere = records.count < limit ? try cursor.next() : false
            }
            return records
        }
    }

    /// The record, or `nil` and a report.
    func decoded<Record>(_ what: String, _ decode: () throws(StoreError) -> Record) -> Record? {
        do throws(StoreError) {
            return try decode()
        } catch {
            report(error, what)
            return nil
        }
    }
}

// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import CLMDB
import Glibc
package import Persistence

extension LMDBStore: ReadableStore {
    /// Opens the environment beside the process that writes to it: a reader like any other, in LMDB's own table. Must not
    /// be called in a process that has the environment open already. Where the lock file cannot be written, nobody
    /// could see this reader: then brokers are kept out until `close`.
    package func openForReading() throws(StoreError) {
        try DataFile.check(location)
        let file = location + "/data.mdb"
        guard access(file, R_OK) == 0 else {
            throw StoreError(.unavailable, "\(file) cannot be opened: \(String(cString: strerror(errno))).")
        }
        guard try checkedBytes() > 0 else { throw Environment.nothing(location) }
        let environment = try Environment.forReading(location, options)
        try environment.prepareForReading()
        gate.set(environment)
    }

    /// See `ReadableStore`.
    package func recordedDurability() throws(StoreError) -> Durability? {
        try lend { (environment) throws(StoreError) in try environment.recordedDurability(report) }
    }

    /// The header is read in several steps, and a writer may have committed between them.
    private func checkedBytes() throws(StoreError) -> Int {
        for _ in 1..<Self.headerAttemptsMax {
            do throws(StoreError) {
                return try FileHeader.check(location)
            } catch {
                guard error.code == .corrupt else { throw error }
            }
        }
        return try FileHeader.check(location)
    }

    private static let headerAttemptsMax = 5
}

/// How pages are read.
extension LMDBStore {
    /// Lends the environment. One that another process has enlarged is mapped anew.
    func lend<Result>(
        _ body: (Environment) throws(StoreError) -> Result
    ) throws(StoreError) -> Result {
        while true {
            do throws(StoreError) {
                return try gate.read(body)
            } catch {
                guard error.code == .retry, try followMap() else { throw error }
            }
        }
    }

    /// Whether the map was behind and is not any more.
    private func followMap() throws(StoreError) -> Bool {
        let isBehind = try gate.read { (environment) throws(StoreError) in environment.isOutgrown }
        guard isBehind else { return false }
        return try translating(location, .reading) { () throws(LMDBFailure) in
            try gate.followMap(within: options.growthWaitMilliseconds)
        }
    }

    /// Lends one committed state to `body`.
    func read<Result>(
        _ body: (Transaction, Tables) throws(LMDBFailure) -> Result
    ) throws(StoreError) -> Result {
        try lend { (environment) throws(StoreError) -> Result in
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

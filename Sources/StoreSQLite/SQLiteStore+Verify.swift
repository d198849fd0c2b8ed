// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

public import Persistence

extension SQLiteStore {
    /// `PRAGMA integrity_check`, every record, and every invariant between them, as of one batch. Reads
    /// everything; commits go on meanwhile, but the log cannot be used again before it is done.
    public func verify() throws(StoreError) -> [String] {
        try readers.read { (connection) throws(StoreError) -> [String] in
            try translating(location, .reading) { () throws(SQLiteFailure) in try connection.execute("BEGIN")
            }
            defer { connection.endReading() }
            let info = try connection.info(location)
            return try translating(location, .reading) { () throws(SQLiteFailure) -> [String] in
                try Inspection(connection, info).faults()
            }
        }
    }
}

extension Connection {
    /// Ends a transaction that only read; a connection on which that fails fails its next user.
    fileprivate func endReading() {
        do throws(SQLiteFailure) {
            try execute("COMMIT")
        } catch {
            close()
        }
    }
}

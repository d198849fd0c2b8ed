// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

public import Persistence

extension SQLiteStore {
    /// `PRAGMA integrity_check`, every record, and every invariant between them, as of one batch. Reads
    /// everything; commits go on meanwhile, but the log only grows until it is done.
    public func verify() throws(StoreError) -> [String] {
        try readers.readOnce { (connection) throws(StoreError) -> [String] in
            // The transaction makes all queries see one state; it ends with the connection.
            try translating(location, .reading) { () throws(SQLiteFailure) in try connection.execute("BEGIN")
            }
            let info = try connection.info(location)
            return try translating(location, .reading) { () throws(SQLiteFailure) -> [String] in
                try Inspection(connection, info).faults()
            }
        }
    }
}

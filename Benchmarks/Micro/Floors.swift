// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import CLMDB
import CSQLite
import Packets
import Persistence

// The pointers below come from C and stay inside these two classes, which one thread uses; that is what makes the
// unsafe types here sound.

/// The same rows into bare tables of SQLite, WAL and synchronous FULL: message by number, queue by session and
/// number.
final class SQLiteFloor: CommitSink {
    private var database: OpaquePointer?
    private var statements: [OpaquePointer?] = []
    private let rows = Rows()
    private var number: Int64 = 0

    init(path: String) throws {
        try check(sqlite3_open_v2(path, &database, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, nil))
        for text in [
            "PRAGMA journal_mode=WAL", "PRAGMA synchronous=FULL", "PRAGMA secure_delete=OFF",
            "CREATE TABLE message(number INTEGER PRIMARY KEY, session INTEGER, record BLOB)",
            "CREATE INDEX queue ON message(session, number)",
        ] {
            try check(sqlite3_exec(database, text, nil, nil, nil))
        }
        for text in ["BEGIN IMMEDIATE", "INSERT INTO message VALUES(?,?,?)", "COMMIT"] {
            var statement: OpaquePointer?
            try check(sqlite3_prepare_v2(database, text, -1, &statement, nil))
            statements.append(statement)
        }
    }

    func commit(_ count: Int) throws {
        try step(0)
        for _ in 0..<count {
            number += 1
            sqlite3_bind_int64(statements[1], 1, number)
            sqlite3_bind_int64(statements[1], 2, number % Int64(Rows.sessions) + 1)
            _ = rows.message.withUnsafeBytes {
                sqlite3_bind_blob(statements[1], 3, $0.baseAddress, CInt($0.count), nil)
            }
            try step(1)
        }
        try step(2)
    }

    private func step(_ index: Int) throws {
        let result = sqlite3_step(statements[index])
        guard result == SQLITE_DONE else { throw MicroError(message: "SQLite returned \(result)") }
        sqlite3_reset(statements[index])
    }

    private func check(_ result: CInt) throws {
        guard result == SQLITE_OK else { throw MicroError(message: "SQLite returned \(result)") }
    }

    func close() {
        for statement in statements { sqlite3_finalize(statement) }
        sqlite3_close(database)
    }
}

/// The same rows into bare tables of LMDB, synced: message by number, queue by session and number.
final class LMDBFloor: CommitSink {
    private var environment: OpaquePointer?
    private var messages: MDB_dbi = 0
    private var queue: MDB_dbi = 0
    private let rows = Rows()
    private var number: UInt64 = 0

    init(path: String) throws {
        try check(mdb_env_create(&environment))
        try check(mdb_env_set_maxdbs(environment, 2))
        try check(mdb_env_set_mapsize(environment, 4 << 30))
        try check(mdb_env_open(environment, path, 0, 0o600))
        var transaction: OpaquePointer?
        try check(mdb_txn_begin(environment, nil, 0, &transaction))
        try check(mdb_dbi_open(transaction, "message", CUnsignedInt(MDB_CREATE), &messages))
        try check(mdb_dbi_open(transaction, "queue", CUnsignedInt(MDB_CREATE), &queue))
        try check(mdb_txn_commit(transaction))
    }

    func commit(_ count: Int) throws {
        var transaction: OpaquePointer?
        try check(mdb_txn_begin(environment, nil, 0, &transaction))
        for _ in 0..<count {
            number += 1
            let key = [number.bigEndian]
            let place = [(number % Rows.sessions + 1).bigEndian, number.bigEndian]
            try put(transaction, messages, key, rows.message)
            try put(transaction, queue, place, [])
        }
        try check(mdb_txn_commit(transaction))
    }

    private func put(_ transaction: OpaquePointer?, _ table: MDB_dbi, _ key: [UInt64], _ value: [UInt8])
        throws
    {
        try key.withUnsafeBytes { key in
            try value.withUnsafeBytes { value in
                var keyValue = MDB_val(
                    mv_size: key.count, mv_data: UnsafeMutableRawPointer(mutating: key.baseAddress))
                var valueValue = MDB_val(
                    mv_size: value.count, mv_data: UnsafeMutableRawPointer(mutating: value.baseAddress))
                try check(mdb_put(transaction, table, &keyValue, &valueValue, 0))
            }
        }
    }

    private func check(_ result: CInt) throws {
        guard result == 0 else { throw MicroError(message: "LMDB returned \(result)") }
    }

    func close() { mdb_env_close(environment) }
}

// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import CSQLite
import Persistence

/// One connection to the database with the statements prepared on it.
///
/// Opened with `SQLITE_OPEN_NOMUTEX`: whoever has it uses it on one thread at a time. `@unchecked Sendable`
/// because it moves between threads, never shared: the writer's stays behind the store's lock, a reader's is
/// lent by the pool to one borrower, and the checkpointer's lives on its thread.
final class Connection: @unchecked Sendable {
    let pointer: OpaquePointer
    let path: String
    private var statements: [OpaquePointer] = []
    private var prepared: [String: Statement] = [:]
    private var isOpen = true
    /// Written by SQLite's hook on the thread that commits.
    private let frameCount = UnsafeMutablePointer<Int32>.allocate(capacity: 1)

    /// Milliseconds a connection waits for a lock of another one; the log is locked for moments only.
    static let busyMilliseconds: Int32 = 10_000

    init(_ path: String, flags: Int32) throws(SQLiteFailure) {
        var opened: OpaquePointer?
        let status = sqlite3_open_v2(path, &opened, flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, nil)
        guard status == SQLITE_OK, let opened else {
            let failure = SQLiteFailure(opened)
            sqlite3_close_v2(opened)
            throw failure
        }
        pointer = opened
        self.path = path
        frameCount.initialize(to: 0)
        sqlite3_busy_timeout(opened, Self.busyMilliseconds)
    }

    deinit {
        close()
        frameCount.deallocate()
    }

    /// Finalises all statements; none may be used afterwards.
    func close() {
        guard isOpen else { return }
        isOpen = false
        for statement in statements { sqlite3_finalize(statement) }
        sqlite3_close_v2(pointer)
    }

    /// Whether closing the last connection leaves the log as it is.
    func keepLogOnClose(_ keep: Bool) {
        _ = roost_sqlite3_keep_log_on_close(pointer, keep ? 1 : 0)
    }

    /// Frames in the log after the last commit on this connection, once `countFrames` was called.
    var frames: Int { Int(frameCount.pointee) }

    /// Begins to count. The pointer given to SQLite lives as long as the connection does.
    func countFrames() {
        sqlite3_wal_hook(
            pointer,
            { context, _, _, frames in
                context?.storeBytes(of: frames, as: Int32.self)
                return SQLITE_OK
            }, frameCount)
    }

    /// Runs statements that give nothing back.
    func execute(_ sql: String) throws(SQLiteFailure) {
        if sqlite3_exec(pointer, sql, nil, nil, nil) != SQLITE_OK { throw SQLiteFailure(pointer) }
    }

    /// A statement for the life of the connection.
    func prepare(_ sql: String) throws(SQLiteFailure) -> Statement {
        var prepared: OpaquePointer?
        let status = sqlite3_prepare_v3(pointer, sql, -1, UInt32(SQLITE_PREPARE_PERSISTENT), &prepared, nil)
        guard status == SQLITE_OK, let prepared else { throw SQLiteFailure(pointer) }
        statements.append(prepared)
        return Statement(prepared)
    }

    /// The statement for `sql`, prepared at the first use.
    func statement(_ sql: String) throws(SQLiteFailure) -> Statement {
        if let statement = prepared[sql] { return statement }
        let statement = try prepare(sql)
        prepared[sql] = statement
        return statement
    }

    /// The integer in the first column of the first row.
    func integer(_ sql: String) throws(SQLiteFailure) -> Int64 {
        let statement = try statement(sql)
        defer { statement.reset() }
        return try statement.step() ? statement.integer(0) : 0
    }

    /// Whether a transaction is open.
    var isInTransaction: Bool { sqlite3_get_autocommit(pointer) == 0 }
}

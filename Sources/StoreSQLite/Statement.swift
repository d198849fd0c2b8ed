// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import CSQLite

/// A prepared statement; trivial, finalised with its connection.
///
/// Bytes are bound by reference: they must stay where they are until the statement has been stepped.
struct Statement {
    private let pointer: OpaquePointer

    init(_ pointer: OpaquePointer) {
        self.pointer = pointer
    }

    func bind(_ index: Int32, _ value: Int64) {
        sqlite3_bind_int64(pointer, index, value)
    }

    func bind(_ index: Int32, _ value: UInt64) {
        sqlite3_bind_int64(pointer, index, Int64(bitPattern: value))
    }

    func bindNull(_ index: Int32) {
        sqlite3_bind_null(pointer, index)
    }

    /// Fails with `SQLITE_TOOBIG` for more than the engine takes.
    func bind(_ index: Int32, _ bytes: UnsafeRawBufferPointer) throws(SQLiteFailure) {
        // A null pointer would bind NULL, which is not the same as no bytes.
        let status =
            bytes.isEmpty
            ? sqlite3_bind_zeroblob(pointer, index, 0)
            : sqlite3_bind_blob64(pointer, index, bytes.baseAddress, UInt64(bytes.count), nil)
        if status != SQLITE_OK { throw failure }
    }

    /// Whether there is a row; the caller resets the statement when it has read enough of them.
    func step() throws(SQLiteFailure) -> Bool {
        switch sqlite3_step(pointer) {
        case SQLITE_ROW: return true
        case SQLITE_DONE: return false
        default:
            let failure = failure
            reset()
            throw failure
        }
    }

    /// Runs to the end and resets; returns how many rows were changed.
    @discardableResult func run() throws(SQLiteFailure) -> Int {
        while try step() {}
        let count = Int(sqlite3_changes(sqlite3_db_handle(pointer)))
        reset()
        return count
    }

    func reset() {
        sqlite3_reset(pointer)
    }

    func integer(_ column: Int32) -> Int64 {
        sqlite3_column_int64(pointer, column)
    }

    func number(_ column: Int32) -> UInt64 {
        UInt64(bitPattern: sqlite3_column_int64(pointer, column))
    }

    func isNull(_ column: Int32) -> Bool {
        sqlite3_column_type(pointer, column) == SQLITE_NULL
    }

    func text(_ column: Int32) -> String {
        sqlite3_column_text(pointer, column).map { String(cString: $0) } ?? ""
    }

    /// The bytes of a column, valid until the next step or reset.
    func bytes(_ column: Int32) -> UnsafeRawBufferPointer {
        let start = sqlite3_column_blob(pointer, column)
        return UnsafeRawBufferPointer(start: start, count: Int(sqlite3_column_bytes(pointer, column)))
    }

    private var failure: SQLiteFailure { SQLiteFailure(sqlite3_db_handle(pointer)) }
}

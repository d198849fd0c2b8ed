// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import CLMDB

/// Walks a table in order of key. It must be gone before its transaction ends.
struct Cursor: ~Copyable {
    // LMDB's memory; see `Transaction`.
    private(set) var key = UnsafeRawBufferPointer(start: nil, count: 0)
    private(set) var value = UnsafeRawBufferPointer(start: nil, count: 0)
    private let pointer: OpaquePointer
    private let transaction: Transaction

    init(_ transaction: Transaction, _ table: MDB_dbi) throws(LMDBFailure) {
        var opened: OpaquePointer?
        let status = mdb_cursor_open(transaction.pointer, table, &opened)
        guard status == MDB_SUCCESS, let opened else { throw LMDBFailure(status) }
        pointer = opened
        self.transaction = transaction
    }

    deinit {
        mdb_cursor_close(pointer)
    }

    /// Goes to the first row whose key is not below `key`; false when there is none.
    mutating func seek(_ key: some Key) throws(LMDBFailure) -> Bool {
        try key.withBytes { (bytes) throws(LMDBFailure) -> Bool in
            try move(MDB_val(bytes), MDB_SET_RANGE)
        }
    }

    /// Goes to the next row, or to the first one at the beginning; false when there is none.
    mutating func next() throws(LMDBFailure) -> Bool {
        try move(MDB_val(), MDB_NEXT)
    }

    /// Goes to the row before; false when there is none.
    mutating func previous() throws(LMDBFailure) -> Bool {
        try move(MDB_val(), MDB_PREV)
    }

    /// Goes to the last row; false when there is none.
    mutating func last() throws(LMDBFailure) -> Bool {
        try move(MDB_val(), MDB_LAST)
    }

    /// Removes the row; `next` goes to the one after it.
    mutating func delete() throws(LMDBFailure) {
        try LMDBFailure.check(mdb_cursor_del(pointer, 0))
    }

    private mutating func move(_ wanted: MDB_val, _ operation: MDB_cursor_op) throws(LMDBFailure) -> Bool {
        var found = wanted
        var value = MDB_val()
        let status = mdb_cursor_get(pointer, &found, &value, operation)
        if status == MDB_NOTFOUND { return false }
        try LMDBFailure.check(status)
        key = try transaction.checked(key: found)
        self.value = try transaction.checked(value)
        return true
    }
}

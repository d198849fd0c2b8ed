// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import CLMDB

/// An open transaction: the only way to what is stored.
///
/// The bytes that `get` and cursors give are LMDB's own memory, valid until the transaction ends or, in one that
/// writes, until the next change. Whoever has a transaction ends it on the thread that began it.
struct Transaction {
    let pointer: OpaquePointer
    private let environment: OpaquePointer
    private let pageSize: Int
    /// Pages that a transaction has changed are elsewhere than in the map, and so is what they say.
    private let isInMap: Bool
    private let faultSentence: UnsafeMutablePointer<CChar>?
    /// The transaction that this thread is in besides.
    private let outer: UnsafeMutableRawPointer?

    /// Begins to read the last committed state, or to write.
    init(_ environment: Environment, writes: Bool) throws(LMDBFailure) {
        var begun: OpaquePointer?
        faultSentence = environment.faultSentence
        outer = FaultSentence.enter(faultSentence)
        let status = mdb_txn_begin(environment.pointer, nil, writes ? 0 : UInt32(MDB_RDONLY), &begun)
        guard status == MDB_SUCCESS, let begun else {
            FaultSentence.leave(faultSentence, to: outer)
            throw LMDBFailure(status)
        }
        pointer = begun
        self.environment = environment.pointer
        pageSize = environment.pageSize
        isInMap = !writes
    }

    /// Ends it and drops what it has changed.
    func abort() {
        mdb_txn_abort(pointer)
        FaultSentence.leave(faultSentence, to: outer)
    }

    /// Ends it; what it has changed is there, unless this throws.
    func commit() throws(LMDBFailure) {
        let status = mdb_txn_commit(pointer)
        FaultSentence.leave(faultSentence, to: outer)
        try LMDBFailure.check(status)
    }

    /// The value of a key; `nil` when there is none.
    func get(_ table: MDB_dbi, _ key: some Key) throws(LMDBFailure) -> UnsafeRawBufferPointer? {
        try key.withBytes { (bytes) throws(LMDBFailure) -> UnsafeRawBufferPointer? in
            var key = MDB_val(bytes)
            var value = MDB_val()
            let status = mdb_get(pointer, table, &key, &value)
            if status == MDB_NOTFOUND { return nil }
            try LMDBFailure.check(status)
            return try checked(value)
        }
    }

    /// Sets the value of a key. With `MDB_NOOVERWRITE` false tells that there was one already; with `MDB_APPEND`,
    /// that the key is not above all others; nothing was done then.
    @discardableResult
    func put(
        _ table: MDB_dbi, _ key: some Key, _ value: UnsafeRawBufferPointer, _ flags: Int32 = 0
    ) throws(LMDBFailure) -> Bool {
        try key.withBytes { (bytes) throws(LMDBFailure) -> Bool in
            var key = MDB_val(bytes)
            var value = MDB_val(value)
            return try isDone(mdb_put(pointer, table, &key, &value, UInt32(flags)))
        }
    }

    /// Sets a value that is its own bytes.
    @discardableResult
    func put(
        _ table: MDB_dbi, _ key: some Key, _ number: SealedNumber, _ flags: Int32 = 0
    ) throws(LMDBFailure) -> Bool {
        try withUnsafeBytes(of: number) { (bytes) throws(LMDBFailure) in
            try put(table, key, UnsafeRawBufferPointer(rebasing: bytes[..<SealedNumber.bytes]), flags)
        }
    }

    /// Makes room for a value of `count` bytes and lets `fill` write it in place; as `put` else.
    func put(
        _ table: MDB_dbi, _ key: some Key, count: Int, _ flags: Int32,
        fill: (UnsafeMutableRawBufferPointer) -> Void
    ) throws(LMDBFailure) -> Bool {
        try key.withBytes { (bytes) throws(LMDBFailure) -> Bool in
            var key = MDB_val(bytes)
            var value = MDB_val(mv_size: count, mv_data: nil)
            guard try isDone(mdb_put(pointer, table, &key, &value, UInt32(flags | MDB_RESERVE))) else {
                return false
            }
            fill(UnsafeMutableRawBufferPointer(start: value.mv_data, count: count))
            return true
        }
    }

    /// Removes a key; false when there was none.
    @discardableResult
    func delete(_ table: MDB_dbi, _ key: some Key) throws(LMDBFailure) -> Bool {
        try key.withBytes { (bytes) throws(LMDBFailure) -> Bool in
            var key = MDB_val(bytes)
            let status = mdb_del(pointer, table, &key, nil)
            if status == MDB_NOTFOUND { return false }
            try LMDBFailure.check(status)
            return true
        }
    }

    /// Rows and pages of a table.
    func statistics(_ table: MDB_dbi) throws(LMDBFailure) -> MDB_stat {
        var statistics = MDB_stat()
        try LMDBFailure.check(mdb_stat(pointer, table, &statistics))
        return statistics
    }

    private func isDone(_ status: Int32) throws(LMDBFailure) -> Bool {
        if status == MDB_KEYEXIST { return false }
        try LMDBFailure.check(status)
        return true
    }
}

/// LMDB does not check what it reads. A length that has been damaged must not lead beyond the map, where reading
/// ends the process.
extension Transaction {
    private static let pageHeadBytes = 16
    private static let isOverflowPage: UInt16 = 0x04

    /// The bytes of a value, which lies within one page or fills pages of its own.
    func checked(_ value: MDB_val) throws(LMDBFailure) -> UnsafeRawBufferPointer {
        let bytes = UnsafeRawBufferPointer(start: value.mv_data, count: value.mv_size)
        guard isInMap, let start = bytes.baseAddress, !fitsPage(bytes) else { return bytes }
        guard Int(bitPattern: start) & (pageSize - 1) == Self.pageHeadBytes else {
            throw .corrupt("a value is longer than its page")
        }
        let head = UnsafeRawBufferPointer(start: start - Self.pageHeadBytes, count: Self.pageHeadBytes)
        let first = Int(truncatingIfNeeded: head.load(as: UInt64.self))
        let pages = Int(head.load(fromByteOffset: 12, as: UInt32.self))
        let isOverflow = head.load(fromByteOffset: 10, as: UInt16.self) & Self.isOverflowPage != 0
        var info = MDB_envinfo()
        mdb_env_info(environment, &info)
        let isThere = first >= 0 && first <= info.me_last_pgno && pages <= info.me_last_pgno + 1 - first
        guard isOverflow, isThere, bytes.count <= pages * pageSize - Self.pageHeadBytes else {
            throw .corrupt("a value is longer than its pages")
        }
        return bytes
    }

    /// The bytes of a key, which lies within one page.
    func checked(key: MDB_val) throws(LMDBFailure) -> UnsafeRawBufferPointer {
        let bytes = UnsafeRawBufferPointer(start: key.mv_data, count: key.mv_size)
        guard !isInMap || fitsPage(bytes) else { throw .corrupt("a key is longer than its page") }
        return bytes
    }

    private func fitsPage(_ bytes: UnsafeRawBufferPointer) -> Bool {
        Int(bitPattern: bytes.baseAddress) & (pageSize - 1) + bytes.count <= pageSize
    }
}

extension MDB_val {
    /// Names bytes that LMDB will read and not change, whatever the type of its pointer says.
    init(_ bytes: UnsafeRawBufferPointer) {
        self.init(mv_size: bytes.count, mv_data: UnsafeMutableRawPointer(mutating: bytes.baseAddress))
    }
}

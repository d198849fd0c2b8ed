// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import CLMDB
import Glibc
import Persistence

/// An open environment: LMDB's map of one file, and its tables.
///
/// `@unchecked Sendable`: LMDB environments are made to be shared between threads; what is not allowed is to
/// move the map while a transaction is open in this process, which `ReaderGate` sees to. The fields are
/// set before the environment is shared.
final class Environment: @unchecked Sendable {
    let pointer: OpaquePointer
    let path: String
    private(set) var pageSize = 4_096
    /// See `FaultSentence`.
    let faultSentence: UnsafeMutablePointer<CChar>?
    /// Readers of dead processes that were found when the environment was opened.
    private(set) var staleReaderCount = 0
    private var opened: Tables?
    /// Keeps brokers out while LMDB does not know of this reader.
    private let lock: DirectoryLock?

    /// Maps the file in `path`, making it when there is none; an existing one is not written.
    ///
    /// A size of zero is the size in the file, or what is needed.
    init(
        _ path: String, mapBytes: Int, flags: Int32, _ options: LMDBStore.Options,
        lock: consuming DirectoryLock? = nil
    ) throws(LMDBFailure) {
        var created: OpaquePointer?
        let status = mdb_env_create(&created)
        guard status == MDB_SUCCESS, let created else { throw LMDBFailure(status) }
        pointer = created
        self.path = path
        self.lock = lock
        faultSentence = FaultSentence.make(path)
        FaultSentence.set(on: created)
        try LMDBFailure.check(mdb_env_set_maxdbs(pointer, Tables.countMax))
        try LMDBFailure.check(mdb_env_set_maxreaders(pointer, UInt32(clamping: options.readersMax)))
        try LMDBFailure.check(mdb_env_set_mapsize(pointer, mapBytes))
        try LMDBFailure.check(mdb_env_open(pointer, path, UInt32(flags), 0o600))
        var statistics = MDB_stat()
        try LMDBFailure.check(mdb_env_stat(pointer, &statistics))
        pageSize = Int(statistics.ms_psize)
    }

    deinit {
        mdb_env_close(pointer)
    }

    /// The tables; an environment is shared when they are open.
    var tables: Tables {
        guard let opened else { preconditionFailure("an environment is used when its tables are open") }
        return opened
    }

    /// Sizes of the map and of what is used of it.
    var info: MDB_envinfo {
        var info = MDB_envinfo()
        mdb_env_info(pointer, &info)
        return info
    }

    /// Bytes up to the end of the last page that was ever used.
    var end: Int { (info.me_last_pgno + 1) * pageSize }

    /// Whether another process has made the environment larger than this map of it.
    var isOutgrown: Bool { end > info.me_mapsize }

    /// The descriptor of the data file, which belongs to LMDB.
    var descriptor: Int32 {
        var descriptor: Int32 = -1
        mdb_env_get_fd(pointer, &descriptor)
        return descriptor
    }

    /// Bytes of the data file.
    var fileBytes: Int {
        var status = stat()
        return fstat(descriptor, &status) == 0 ? Int(status.st_size) : 0
    }

    /// Lends one committed state.
    func read<Result>(_ body: (Transaction) throws(LMDBFailure) -> Result) throws(LMDBFailure) -> Result {
        let transaction = try Transaction(self, writes: false)
        defer { transaction.abort() }
        return try body(transaction)
    }

    /// Moves the map; nobody may be in a transaction. When it fails there is no map any more, and the environment
    /// can only be closed.
    func resize(_ bytes: Int) throws(LMDBFailure) {
        let status = mdb_env_set_mapsize(pointer, bytes)
        guard status == MDB_SUCCESS else {
            let reason = String(cString: mdb_strerror(status))
            throw LMDBFailure(MDB_PANIC, "\(bytes) bytes could not be mapped: \(reason)")
        }
    }

    /// Forgets readers whose process has died, which would keep pages from being used again; tells how many.
    @discardableResult func dropStaleReaders() -> Int {
        var count: Int32 = 0
        return mdb_reader_check(pointer, &count) == MDB_SUCCESS ? Int(count) : 0
    }
}

/// What is done to an environment before it is used.
extension Environment {
    /// To read beside the process that writes, or alone.
    static func forReading(
        _ path: String, _ options: LMDBStore.Options
    ) throws(StoreError) -> Environment {
        let flags = MDB_NOTLS | MDB_RDONLY
        do throws(LMDBFailure) {
            return try Environment(path, mapBytes: 0, flags: flags, options)
        } catch {
            guard error.code == EACCES else { throw error.storeError(path, .opening) }
        }
        let lock = try DirectoryLock(sharing: path)
        do throws(LMDBFailure) {
            return try Environment(path, mapBytes: 0, flags: flags | MDB_NOLOCK, options, lock: lock)
        } catch {
            throw error.storeError(path, .opening)
        }
    }

    /// What is said of a place where there is no store yet.
    static func nothing(_ path: String) -> StoreError {
        StoreError(.unavailable, "\(path)/data.mdb is empty: no broker has ever written to it.")
    }

    /// Opens the tables, which must be there.
    func prepareForReading() throws(StoreError) {
        if try look() { throw Self.nothing(path) }
        try openTables(creating: nil)
    }

    /// Opens the tables, or creates them in an empty environment; refuses what is newer or not ours.
    func prepare(_ durability: Durability) throws(StoreError) {
        let isNew = try look()
        if !isNew { try FileHeader.makeDurable(path) }
        try openTables(creating: isNew ? durability : nil)
        if isNew { DirectoryLock.syncDirectory(path) }
        staleReaderCount = dropStaleReaders()
    }

    /// `durability` is that of a new environment.
    private func openTables(creating durability: Durability?) throws(StoreError) {
        let isNew = durability != nil
        opened = try translating(path, .opening) { () throws(LMDBFailure) -> Tables in
            let transaction = try Transaction(self, writes: isNew)
            let tables: Tables
            do throws(LMDBFailure) {
                tables = try Tables(transaction.pointer, create: isNew)
                if let durability { try create(durability, transaction) }
            } catch {
                transaction.abort()
                throw error
            }
            try transaction.commit()
            return tables
        }
    }

    /// The counters as of `transaction`.
    func info(_ transaction: Transaction) throws(StoreError) -> SysInfoRecord {
        let bytes = try translating(path, .reading) { () throws(LMDBFailure) in
            try transaction.get(Tables.unnamed, Tables.infoKey)
        }
        guard let bytes else {
            throw StoreError(.corrupt, "\(path)/data.mdb has lost its system information: restore a copy.")
        }
        do throws(StoreError) {
            return try RecordCoding.decodeSysInfo(bytes)
        } catch {
            throw StoreError(
                error.code, "The system information in \(path)/data.mdb cannot be read: \(error.message)")
        }
    }

    /// The counters as of now.
    func sysInfo() throws(StoreError) -> SysInfoRecord {
        let transaction = try translating(path, .reading) { () throws(LMDBFailure) in
            try Transaction(self, writes: false)
        }
        defer { transaction.abort() }
        return try info(transaction)
    }

    /// Whether there is nothing yet.
    private func look() throws(StoreError) -> Bool {
        let transaction = try translating(path, .opening) { () throws(LMDBFailure) in
            try Transaction(self, writes: false)
        }
        defer { transaction.abort() }
        let (entries, hasInfo) = try translating(path, .opening) { () throws(LMDBFailure) -> (Int, Bool) in
            var table = Tables.unnamed
            try LMDBFailure.check(mdb_dbi_open(transaction.pointer, nil, 0, &table))
            let hasInfo = try transaction.get(table, Tables.infoKey) != nil
            return (try transaction.statistics(table).ms_entries, hasInfo)
        }
        if entries == 0 { return true }
        guard hasInfo else {
            throw StoreError(
                .corrupt, "\(path)/data.mdb is a database of another program; name another directory.")
        }
        let version = try info(transaction).formatVersion
        guard version <= Tables.formatVersion else {
            throw FileHeader.newer(
                path, "a newer Roost in format \(version); this one knows \(Tables.formatVersion)")
        }
        return false
    }

    private func create(_ durability: Durability, _ transaction: Transaction) throws(LMDBFailure) {
        var record: [UInt8] = []
        RecordCoding.append(SysInfoRecord(formatVersion: Tables.formatVersion), to: &record)
        try record.span.bytes.withUnsafeBytes { (bytes) throws(LMDBFailure) in
            _ = try transaction.put(Tables.unnamed, Tables.infoKey, bytes)
        }
        try transaction.record(durability)
    }
}

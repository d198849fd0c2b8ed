// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

public import Persistence
import Synchronization

/// The default store: one SQLite database in write-ahead mode, by way of the system's libsqlite3.
///
/// A batch is one transaction on one connection, used on the committer's thread; pages are read on
/// connections of their own from a pool, each page one statement and so one consistent state. `Schema` says
/// how queues are kept, `Settling` how they get there, `Space` why a full disk leaves room for what makes
/// room, and `Checkpointer` how the log is kept short off the commit path.
///
/// The strange case is a failed sync: nobody knows then what is on the disk, and asking again may get a wrong
/// answer. The connection is not used again; `open` copies everything that is visible from the log into the
/// database, writing it anew, and syncs that before anything else is done.
///
/// Settings: `synchronous` FULL for `disk`, NORMAL for `process`, OFF for `memory`, which the database records for
/// `roost inspect`; `secure_delete` OFF, because Debian's SQLite otherwise overwrites what it deletes; no automatic
/// checkpoints. A lock file beside the database refuses a second Roost, whatever path it was given (`DatabaseFile`).
public final class SQLiteStore: Store {
    /// What can be set; the defaults are measured.
    public struct Options: Sendable {
        /// Bytes kept ready in the database file and in its log for what makes room on a full disk.
        public var storeReserveBytes = 8 << 20
        /// Length of the log at which it is written back into the database.
        public var logBytesMax = 32 << 20
        /// Page cache of the writing connection.
        public var cacheBytesMax = 32 << 20
        /// Connections kept for readers; more are made when they are needed.
        public var idleReadersMax = 4
        /// The longest row: a record beyond it is refused. No more than SQLite's own limit of 1,000,000,000.
        public var recordBytesMax = 1_000_000_000
        /// Called, on a reader's thread, with a sentence about a record that could not be read and was left
        /// out.
        public var onCorruptRecord: @Sendable (String) -> Void = { _ in }

        /// How long a commit may wait for the checkpointer, and for readers, so that a log that is much too long, or on
        /// a full disk, can begin anew.
        var logWaitMilliseconds: Int32 = 1_000
        /// Rows of `recent` beyond which slices are moved.
        var recentCountMax = 16_384
        /// Insertions after which a slice is due.
        var insertionsPerSlice = 256
        /// Bodies that fill a good part of a page gain nothing by waiting and are never kept in `recent`.
        var recentBodyBytesMax = 1_024
        /// Messages by which a queue grows in one batch from which on they are not kept in `recent` either.
        var bulkCountMin = 8

        /// The defaults.
        public init() {}
    }

    /// The path of the database file, as it was given.
    public let location: String
    /// What a commit survives.
    public let durability: Durability
    let options: Options
    let readers: ReaderPool
    let database = Mutex<Database?>(nil)
    private let corruptRecords = Atomic<Int>(0)

    /// A store at `path`, which `open` creates when there is none; its directory must exist.
    public init(path: String, durability: Durability = .disk, options: Options = Options()) {
        location = path
        self.durability = durability
        self.options = options
        readers = ReaderPool(path, idleMax: options.idleReadersMax)
    }

    /// Always `sqlite`.
    public var name: String { "sqlite" }

    /// How many records could not be read and were left out of pages since the object was made.
    public var corruptRecordCount: Int { corruptRecords.load(ordering: .relaxed) }

    /// Locks, checks, creates or recovers the database, and makes durable what is then seen. Its cost does
    /// not depend on how much is stored. Throws without having written anything when the file is not a
    /// database of this format.
    public func open() throws(StoreError) {
        try database.withLock { (database) throws(StoreError) in
            precondition(database == nil, "a store is closed before it is opened again")
            do throws(StoreError) {
                let path = try DatabaseFile.path(of: location)
                database = try Database(path, durability, options)
                readers.open(path)
            } catch {
                // A full disk is no reason to ask again at once.
                throw error.code == .retry ? StoreError(.unavailable, error.message) : error
            }
        }
    }

    /// One transaction; synced before it returns when the durability is `disk`.
    public func commit(_ batch: borrowing ChangeBatch) throws(StoreError) {
        try database.withLock { (database) throws(StoreError) in
            guard let database else {
                throw StoreError(.unavailable, "The database \(location) is not open.")
            }
            try database.commit(batch)
        }
    }

    /// Closes all connections, writes the log back unless a sync has failed, and gives up the lock.
    public func close() {
        readers.close()
        database.withLock { database in
            database?.close()
            database = nil
        }
    }

    func report(_ error: StoreError, _ record: String) {
        corruptRecords.add(1, ordering: .relaxed)
        options.onCorruptRecord("\(record) in \(location) was left out. \(error.message)")
    }
}

// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

public import Persistence
import Synchronization

/// A store in one LMDB environment, by way of the system's liblmdb.
///
/// A batch is one write transaction, begun and ended on the committer's thread; a page is one read transaction of
/// its own, so it sees one committed state, and no reader is held longer than it takes to fill it. `Tables` says
/// how records are kept, `Space` how map and file grow and why a full one leaves room for what makes room.
///
/// LMDB maps the file into memory and trusts it. So a file is looked at before it is mapped (`FileHeader`), what is
/// read is checked against the pages it lies in (`Transaction`), and every record carries a checksum. A map can only
/// be enlarged while nobody reads: `ReaderGate` lets the readers of a moment leave and the next ones wait.
/// What these do not see ends the process; in a program `FaultSentence` makes that a sentence.
///
/// The strange case is a failed sync: nobody knows then what is on the disk. The environment is not used again;
/// `open` writes the meta pages anew as they are seen, and syncs that before anything else is done.
///
/// LMDB syncs data and meta page for `disk`, leaves out the sync of the meta page for `process` (`MDB_NOMETASYNC`),
/// and syncs nothing for `memory` (`MDB_NOSYNC`): after a loss of power, not after a kill, the file may then be
/// damaged beyond what can be told when it is opened. What was asked for is recorded for `roost inspect`. A lock file
/// refuses a second Roost.
public final class LMDBStore: Store {
    /// What can be set.
    public struct Options: Sendable {
        /// Bytes beyond which the data file does not grow; then the store behaves as on a full disk.
        public var mapBytesMax = 1 << 40
        /// Bytes that are mapped at first; the map doubles when it is full. Takes addresses, no memory.
        public var mapBytes = 64 << 20
        /// Bytes kept ready for what makes room on a full disk or in a full map.
        public var storeReserveBytes = 8 << 20
        /// Readers at one time, of all processes together.
        public var readersMax = 512
        /// The longest record: one beyond it is refused.
        public var recordBytesMax = 1_000_000_000
        /// Called, on a reader's or the committer's thread, with a sentence about a record that could not be read
        /// and was left out.
        public var onCorruptRecord: @Sendable (String) -> Void = { _ in }

        /// The longest message record that is kept in its delivery: both have to fit a leaf page's largest node.
        var inlineBodyBytesMax = 1_536
        /// Bytes by which the file may grow while `verify` keeps commits from using again what they free.
        var verifyGrowthBytesMax = 1 << 30
        /// How long the committer waits for readers to leave the map before it says `retry`.
        var growthWaitMilliseconds = 2_000

        /// The defaults.
        public init() {}
    }

    /// The directory of the environment.
    public let location: String
    /// What a commit survives.
    public let durability: Durability
    let options: Options
    let gate: ReaderGate
    private let database = Mutex<Database?>(nil)
    private let corruptRecords = Atomic<Int>(0)

    /// A store in the directory `path`, which `open` makes when its parent is there.
    public init(path: String, durability: Durability = .disk, options: Options = Options()) {
        location = path
        self.durability = durability
        self.options = options
        gate = ReaderGate(path)
    }

    /// Always `lmdb`.
    public var name: String { "lmdb" }

    /// How many records could not be read and were left out since the object was made.
    public var corruptRecordCount: Int { corruptRecords.load(ordering: .relaxed) }

    /// Locks, checks, creates or recovers the environment, and makes durable what is then seen. Its cost does not
    /// depend on how much is stored. Throws without having written to the data file when that is not a database of
    /// this format.
    public func open() throws(StoreError) {
        try database.withLock { (database) throws(StoreError) in
            precondition(database == nil, "a store is closed before it is opened again")
            database = try Database(location, durability, options, gate) { [unowned self] error, record in
                report(error, record)
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

    /// Enlarges the map for a copy. Called on any thread; the lock keeps commits away meanwhile.
    func makeHeadroom() {
        database.withLock { database in database?.makeHeadroom() }
    }

    /// Waits for readers, unmaps the file and gives up the lock.
    public func close() {
        database.withLock { database in
            database?.close()
            database = nil
        }
        // When it was opened for reading only, there is no database.
        gate.set(nil)
    }

    func report(_ error: StoreError, _ record: String) {
        corruptRecords.add(1, ordering: .relaxed)
        options.onCorruptRecord("\(record) in \(location) was left out. \(error.message)")
    }
}

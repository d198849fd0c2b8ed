// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

public import Persistence
import Synchronization

/// A store in Redis 5 or later, or Valkey, by way of hiredis.
///
/// A batch is one script: all of it or nothing, also when the connection dies in the middle. The script looks
/// first whether the prefix is still this object's, whether the server holds what it has acknowledged, and
/// whether the batch has been applied before; so a repeated batch is applied once, a broker that was only
/// paused while another one took over writes nothing, and a server that came back empty or older is noticed
/// by the next batch and by every page that is read. `Script` says how the data lies there.
///
/// What a commit survives is what the server is set up for; `ServerSettings` reads it whenever a connection
/// for writing is made. A server out of memory (`maxmemory` with `noeviction`) is like a full disk: what
/// grows is put off, what makes room is applied. A policy that evicts data is refused.
///
/// The strange case is the prefix of an owner that is gone. Its lease ends after a few seconds, or counts no
/// more as soon as its process is seen to have ended (`OwnerPlace`), and the next one may take over; but an object
/// that has lost a prefix to another owner can never have it again, because the broker around it remembers what
/// was before.
public final class RedisStore: LeasedStore {
    /// The address, without user and password.
    public let location: String
    let options: Options
    let readers: ReaderPool
    let claim = Claim()
    private let backoff = Backoff()
    private let writer = Mutex<Writer?>(nil)
    private let heartbeat = Mutex<Heartbeat?>(nil)
    let durabilityInForce = Mutex(Durability.memory)
    /// Opened for reading: the prefix is not ours, and whoever has it may go on writing.
    let isReading = Atomic<Bool>(false)
    private let corruptRecords = Atomic<Int>(0)

    /// A store at the server of `options`; nothing is done before `open`.
    public init(_ options: Options = Options()) {
        self.options = options
        location = options.location
        readers = ReaderPool(options, backoff)
    }

    /// A store at an address; see `Options.init(_:)`.
    public convenience init(_ address: String) throws(StoreError) {
        self.init(try Options(address))
    }

    /// Always `redis`.
    public var name: String { "redis" }

    /// What the server promises, as of the last connection for writing: `disk` when it syncs every write
    /// before it answers, `process` when a failure of power may take it back to an older state or a part of a
    /// batch may come back after two crashes (`BGREWRITEAOF` is not allowed), `memory` when it keeps nothing on a disk.
    public var durability: Durability { durabilityInForce.withLock { $0 } }

    /// Until when no other broker can have the prefix.
    package var lease: Lease { claim.lease }

    /// How many records could not be read and were left out of pages since the object was made.
    public var corruptRecordCount: Int { corruptRecords.load(ordering: .relaxed) }

    /// Connects and takes the prefix. Stands by while another broker has it, up to `standbyMax`; then throws
    /// `inUse` with its name. Its cost does not depend on how much is stored.
    public func open() throws(StoreError) {
        try open { _ in true }
    }

    package func open(standingBy goesOn: @Sendable (StoreError) -> Bool) throws(StoreError) {
        try writer.withLock { (writer) throws(StoreError) in
            precondition(writer == nil, "a store is closed before it is opened again")
            let opened = try Writer(options, claim, backoff, standingBy: goesOn)
            durabilityInForce.withLock { $0 = opened.settings.durability }
            writer = opened
        }
        isReading.store(false, ordering: .relaxed)
        readers.open()
        startHeartbeat()
    }

    /// One script, sent and answered; as durable then as `durability` says.
    public func commit(_ batch: borrowing ChangeBatch) throws(StoreError) {
        try writer.withLock { (writer) throws(StoreError) in
            guard let writer else { throw StoreError(.unavailable, "The store \(location) is not open.") }
            defer { durabilityInForce.withLock { $0 = writer.settings.durability } }
            try writer.commit(batch)
        }
    }

    /// Gives the prefix back, unless something went wrong, and closes all connections.
    public func close() {
        pauseHeartbeat()
        readers.close()
        writer.withLock { writer in
            writer?.close()
            writer = nil
        }
    }

    /// Lets the lease end when nothing is committed.
    func pauseHeartbeat() {
        heartbeat.withLock { heartbeat in
            heartbeat?.stop()
            heartbeat = nil
        }
    }

    private func startHeartbeat() {
        let (claim, readers, lease, prefix) = (claim, readers, options.lease, options.keyPrefix)
        let beat = Heartbeat(milliseconds: max(1, lease.milliseconds / 3)) {
            guard claim.isRenewalDue(lease) else { return }
            let askedAt = ContinuousClock.now
            let arguments = claim.arguments(forWriting: false) + [String(lease.milliseconds)]
            do throws(StoreError) {
                let reply = try readers.exchange { (connection) throws(RedisFailure) in
                    _ = try AppendOnlyFile.isSafe(connection)
                    return try connection.run(.renew, prefix, arguments.map { .text($0) })
                }
                let isGranted = reply.read { $0.count > 0 && $0[0].text == "OK" }
                if isGranted { claim.renewed(lease, askedAt: askedAt) }
            } catch {
                // Whoever commits or reads next is told.
            }
        }
        heartbeat.withLock { $0 = beat }
    }

    func report(_ error: StoreError, _ record: String) {
        corruptRecords.add(1, ordering: .relaxed)
        options.onCorruptRecord("\(record) in \(location) was left out. \(error.message)")
    }
}

// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import Benchmark
import Glibc
import Packets
import Persistence
import StoreLMDB
import StoreMemory
import StoreSQLite

/// A commit of messages of 100 bytes, each with one delivery, to 1,000 sessions in turn.
///
/// The time is that of one commit of the whole batch. `Benchmarks/stores` sets the stores beside bare loops over
/// their engines, with the broker around them.
func storeBenchmarks() {
    for batch in [1, 64, 1000] {
        for kind in StoreKind.allCases {
            Benchmark(
                "commit, \(kind.rawValue), \(batch) a batch",
                configuration: .init(scalingFactor: .one, maxDuration: .seconds(1))
            ) { benchmark, target in
                for _ in benchmark.scaledIterations { try target.commit() }
            } setup: {
                try CommitTarget(kind, batch: batch)
            } teardown: {
                CommitTarget.removeAll()
            }
        }
    }
}

enum StoreKind: String, CaseIterable {
    case memory = "memory"
    case sqlite = "SQLite"
    case lmdb = "LMDB"
    case sqliteFloor = "bare SQLite"
    case lmdbFloor = "bare LMDB"
}

/// What is committed to, in a directory of its own.
final class CommitTarget {
    /// Those that are there. Unsafe it is not: benchmarks run one after the other on one thread.
    private nonisolated(unsafe) static var open: [CommitTarget] = []
    private let directory: String
    private let sink: any CommitSink
    private let batchSize: Int

    init(_ kind: StoreKind, batch: Int) throws {
        batchSize = batch
        var path = Array("/var/tmp/roost-micro-XXXXXX".utf8CString)
        guard mkdtemp(&path) != nil else { throw MicroError(message: "no directory in /var/tmp") }
        directory = String(decoding: path.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        sink =
            switch kind {
            case .memory: try StoreSink(MemoryStore())
            case .sqlite: try StoreSink(SQLiteStore(path: directory + "/roost.db"))
            case .lmdb: try StoreSink(LMDBStore(path: directory + "/lmdb"))
            case .sqliteFloor: try SQLiteFloor(path: directory + "/floor.db")
            case .lmdbFloor: try LMDBFloor(path: directory)
            }
        CommitTarget.open.append(self)
    }

    func commit() throws { try sink.commit(batchSize) }

    /// Closes and removes every target.
    static func removeAll() {
        for target in open { target.remove() }
        open = []
    }

    private static let files = [
        "roost.db", "roost.db-wal", "roost.db-shm", "roost.db-reserve", "lmdb/data.mdb", "lmdb/lock.mdb",
        "lmdb",
        "floor.db", "floor.db-wal", "floor.db-shm", "data.mdb", "lock.mdb", "",
    ]

    private func remove() {
        sink.close()
        for name in CommitTarget.files { Glibc.remove(directory + "/" + name) }
    }
}

/// Commits a number of rows, durably.
protocol CommitSink: AnyObject {
    func commit(_ count: Int) throws
    func close()
}

/// What went wrong around a benchmark.
struct MicroError: Error {
    var message: String
}

/// The rows of one message, as a store is given them.
struct Rows {
    /// The record of a message, about 150 bytes.
    let message: [UInt8]
    /// The record of its delivery.
    let delivery: [UInt8]

    init() {
        let record = MessageRecord(
            topic: "sensors/17/temperature", payload: [UInt8](repeating: 0x78, count: 100),
            publisher: "device-17")
        var bytes: [UInt8] = []
        RecordCoding.append(record, to: &bytes)
        message = bytes
        bytes = []
        RecordCoding.append(DeliveryRecord(session: 1, number: 1, message: record), to: &bytes)
        delivery = bytes
    }

    static let sessions: UInt64 = 1000
}

/// One of our stores.
final class StoreSink: CommitSink {
    private let store: any Store
    private let rows = Rows()
    private var batch = ChangeBatch()
    private var number: UInt64 = 0

    init(_ store: any Store) throws {
        self.store = store
        try store.open()
        batch.number = 1
        for session in 1...Rows.sessions {
            let id = Text("session-\(session)")
            var record: [UInt8] = []
            RecordCoding.append(ClientRecord(session: session, clientID: id), to: &record)
            let name = batch.append(bytes: id.bytes)
            batch.append(.client(session: session, clientID: name, record: batch.append(bytes: record)))
        }
        batch.session = Rows.sessions
        try store.commit(batch)
    }

    func commit(_ count: Int) throws {
        batch.removeAll()
        batch.number += 1
        for _ in 0..<count {
            number += 1
            batch.append(.message(number: number, record: batch.append(bytes: rows.message), references: 1))
            batch.append(
                .delivery(
                    session: number % Rows.sessions + 1, number: number,
                    record: batch.append(bytes: rows.delivery)))
        }
        batch.message = number
        try store.commit(batch)
    }

    func close() { store.close() }
}

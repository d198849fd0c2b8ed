// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import CLMDB
import Glibc
import Packets
import Persistence
import Synchronization
import Testing

@testable import StoreLMDB

/// An environment in a directory of its own, that is gone with this object.
final class Lab {
    let directory: String
    /// The directory of the environment.
    let path: String
    var options = LMDBStore.Options()
    var durability = Durability.disk

    init(directory: String? = nil) throws {
        self.directory = try directory ?? Directory.make()
        path = self.directory + "/roost"
        options.storeReserveBytes = 1 << 16
    }

    deinit {
        Directory.remove(path)
        Directory.remove(directory)
    }

    /// The data file.
    var file: String { path + "/data.mdb" }

    func store(_ durability: Durability? = nil) -> LMDBStore {
        LMDBStore(path: path, durability: durability ?? self.durability, options: options)
    }

    /// Opens a store, calls `body`, closes it.
    func with(_ body: (LMDBStore) throws -> Void) throws {
        let store = store()
        try store.open()
        defer { store.close() }
        try body(store)
    }

    /// A closed environment with three sessions, a shared message and a private one each, and other rows.
    func fill() throws {
        try with { store in try fill(store) }
    }

    func fill(_ store: LMDBStore) throws {
        try commit(store) { batch in
            for session in 1...SessionNumber(3) {
                batch.add(ClientRecord(session: session, clientID: Text("client-\(session)")))
                batch.add(
                    SubscriptionRecord(
                        session: session, filter: "a/#", options: SubscriptionOptions(qos: .atLeastOnce)))
                batch.add(number: session, to: [session])
                batch.append(.reception(session: session, packetID: 7))
            }
            batch.add(number: 4, to: [1, 2, 3])
            batch.add(RetainedRecord(number: 1, message: MessageRecord(topic: "retained", payload: [1])))
            batch.append(.boot(number: 1, startedAt: 1))
        }
    }

    /// Commits the changes under the next number.
    func commit(
        _ store: some Store, makesRoom: Bool = false, _ body: (inout ChangeBatch) -> Void
    ) throws {
        var batch = ChangeBatch()
        body(&batch)
        batch.number = try store.sysInfo().batch + 1
        batch.makesRoom = makesRoom
        batch.session = max(batch.session, 1_000)
        try store.commit(batch)
    }

    /// Removes deliveries of session 1, a hundred at a time.
    func drain(_ store: LMDBStore, through last: MessageNumber) throws {
        for start in stride(from: MessageNumber(1), through: last, by: 100) {
            try commit(store, makesRoom: true) { batch in
                for number in start...min(last, start + 99) {
                    batch.append(.removal(session: 1, number: number))
                }
            }
        }
    }

    /// Changes a closed environment behind the store's back.
    func tamper(_ body: (Transaction, Tables) throws -> Void) throws {
        let environment = try Environment(path, mapBytes: 1 << 24, flags: MDB_NOTLS, options)
        let transaction = try Transaction(environment, writes: true)
        try body(transaction, try Tables(transaction.pointer, create: true))
        try transaction.commit()
    }

    func bytes() -> [UInt8] {
        let descriptor = open(file, O_RDONLY)
        defer { close(descriptor) }
        let size = Int(lseek(descriptor, 0, SEEK_END))
        return [UInt8](unsafeUninitializedCapacity: size) { buffer, count in
            count = pread(descriptor, buffer.baseAddress, size, 0)
        }
    }

    /// Replaces the data file.
    func write(_ bytes: [UInt8]) {
        mkdir(path, 0o700)
        let descriptor = open(file, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
        defer { close(descriptor) }
        #expect(pwrite(descriptor, bytes, bytes.count, 0) == bytes.count)
    }

    /// Everything that can be asked for, as text.
    func contents() throws -> [String] {
        var contents: [String] = []
        try with { store in contents = try store.allContents() }
        return contents
    }
}

extension LMDBStore {
    /// Everything that can be asked for about sessions 1 to 3, as text.
    func allContents() throws -> [String] {
        var contents: [String] = []
        contents.append("\(try clients(after: 0, limit: 10))")
        contents.append("\(try endedSessions(after: 0, limit: 10))")
        contents.append("\(try subscriptions(after: 0, filter: "", limit: 10))")
        contents.append("\(try retainedMessages(after: "", limit: 10))")
        for session in 1...SessionNumber(3) {
            contents.append("\(try deliveries(of: session, after: 0, limit: 10, bytesMax: .max))")
            contents.append("\(try receptions(of: session))")
        }
        contents.append("\(try boots())")
        contents.append("\(try sysInfo())")
        return contents
    }
}

extension ChangeBatch {
    mutating func add(number: MessageNumber, to sessions: [SessionNumber], payload: Int = 10) {
        let message = MessageRecord(
            topic: "a", payload: [UInt8](repeating: UInt8(number % 256), count: payload))
        let record = append(message)
        append(.message(number: number, record: record, references: UInt32(sessions.count)))
        for session in sessions {
            let delivery = append(DeliveryRecord(session: session, number: number, message: message))
            append(.delivery(session: session, number: number, record: delivery))
        }
        self.message = max(self.message, number)
    }
}

/// The error that `body` throws.
func failure(_ body: () throws -> Void) -> StoreError? {
    do {
        try body()
        return nil
    } catch {
        return error as? StoreError
    }
}

/// `verify` finds nothing.
func expectSound(_ store: some Store, sourceLocation: SourceLocation = #_sourceLocation) throws {
    let faults = try store.verify()
    #expect(faults == [], sourceLocation: sourceLocation)
}

/// Sentences from any thread.
final class Reports: Sendable {
    private let sentences = Mutex<[String]>([])

    var all: [String] { sentences.withLock { $0 } }

    func add(_ sentence: String) {
        sentences.withLock { $0.append(sentence) }
    }
}

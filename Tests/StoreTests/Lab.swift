// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import CSQLite
import Glibc
import Packets
import Persistence
import Testing

@testable import StoreSQLite

/// A database in a directory of its own, that is gone with this object.
final class Lab {
    let directory: String
    let path: String
    var options = SQLiteStore.Options()
    private var batchNumber: UInt64 = 0

    init(directory: String? = nil) throws {
        self.directory = try directory ?? Directory.make()
        path = self.directory + "/roost.db"
        options.storeReserveBytes = 1 << 16
    }

    deinit {
        Directory.remove(directory)
    }

    func store(_ durability: Durability = .disk) -> SQLiteStore {
        SQLiteStore(path: path, durability: durability, options: options)
    }

    /// Opens a store, calls `body`, closes it.
    func with(_ body: (SQLiteStore) throws -> Void) throws {
        let store = store()
        try store.open()
        defer { store.close() }
        try body(store)
    }

    /// A closed database with three sessions, a shared message and a private one each, and other rows.
    func fill() throws {
        try with { store in
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
            }
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
        // What makes room goes through as the committer sends it: again, while the log is being written back.
        for _ in 1..<(makesRoom ? 100 : 1) {
            do throws(StoreError) {
                return try store.commit(batch)
            } catch {
                guard error.code == .retry else { throw error }
            }
        }
        try store.commit(batch)
    }

    /// Changes a closed database behind the store's back.
    func tamper(_ sql: String) throws {
        let connection = try Connection(path, flags: SQLITE_OPEN_READWRITE)
        try connection.execute(sql)
        connection.close()
    }

    /// The bytes of the database file, or of the one beside it whose name ends so.
    func bytes(_ ending: String = "") throws -> [UInt8] {
        let descriptor = open(path + ending, O_RDONLY)
        defer { close(descriptor) }
        let size = Int(lseek(descriptor, 0, SEEK_END))
        return [UInt8](unsafeUninitializedCapacity: size) { buffer, count in
            count = pread(descriptor, buffer.baseAddress, size, 0)
        }
    }

    /// Replaces the database file.
    func write(_ bytes: [UInt8], to path: String? = nil) {
        let descriptor = open(path ?? self.path, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
        defer { close(descriptor) }
        #expect(pwrite(descriptor, bytes, bytes.count, 0) == bytes.count)
    }

    /// Copies a file of this database to another lab.
    func copy(_ suffix: String, to other: Lab) throws {
        let descriptor = open(path + suffix, O_RDONLY)
        defer { close(descriptor) }
        let size = Int(lseek(descriptor, 0, SEEK_END))
        let bytes = [UInt8](unsafeUninitializedCapacity: size) { buffer, count in
            count = pread(descriptor, buffer.baseAddress, size, 0)
        }
        other.write(bytes, to: other.path + suffix)
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

// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import CLMDB
import Packets
import Persistence
import Testing

@testable import StoreLMDB

/// Something that is done to a filled environment, and the sentence that `verify` should say then.
struct Damage: CustomTestStringConvertible, Sendable {
    let testDescription: String
    let body: @Sendable (Transaction, Tables) throws -> Void

    init(_ sentence: String, _ body: @escaping @Sendable (Transaction, Tables) throws -> Void) {
        testDescription = sentence
        self.body = body
    }

    static let all = [
        Damage("no client record") { try $0.delete($1.client, NumberKey(1)) },
        Damage("leads to session 1, which has no record") { try $0.delete($1.client, NumberKey(1)) },
        Damage("does not lead to it") { try $0.delete($1.name, StringKey("client-2")) },
        Damage("is on the list of ended ones") { try $0.set($1.ended, NumberKey(2), []) },
        Damage("has no message") { try $0.delete($1.message, NumberKey(4)) },
        Damage("is counted and is not there") { try $0.delete($1.message, NumberKey(4)) },
        Damage("counts 2 deliveries and has 3") { try $0.put($1.reference, NumberKey(4), SealedNumber(2)) },
        Damage("should have one delivery and has 3") { try $0.delete($1.reference, NumberKey(4)) },
        Damage("counts 6 deliveries and has 5") { try $0.delete($1.delivery, DeliveryKey(2, 4)) },
        Damage("counts 3 receptions and has 2") { try $0.delete($1.reception, ReceptionKey(1, 7)) },
        Damage("counts 1 retained messages and has 0") { try $0.delete($1.retained, StringKey("retained")) },
        Damage("The retained message of retained lies under the wrong key") {
            try $0.rename($1.retained, StringKey("retained"), StringKey("other"))
        },
        Damage("A subscription of session 1 lies under the wrong key") {
            try $0.rename($1.subscription, StringKey(1, "a/#"), StringKey(1, "b"))
        },
        Damage("The record of session 1 lies under 7") {
            try $0.rename($1.client, NumberKey(1), NumberKey(7))
        },
        Damage("Client record 1: The checksum") { try $0.flip($1.client, NumberKey(1)) },
        Damage("A subscription of session 2: The checksum") {
            try $0.flip($1.subscription, StringKey(2, "a/#"))
        },
        Damage("Message 4: The checksum") { try $0.flip($1.message, NumberKey(4)) },
        Damage("The reference count of message 4: The checksum") { try $0.flip($1.reference, NumberKey(4)) },
        Damage("Delivery 1 of session 1: ") { try $0.flip($1.delivery, DeliveryKey(1, 1)) },
        Damage("A retained message: The checksum") { try $0.flip($1.retained, StringKey("retained")) },
        Damage("A client identifier: The checksum") { try $0.flip($1.name, StringKey("client-3")) },
        Damage("Boot 1: The checksum") { try $0.flip($1.boot, NumberKey(1)) },
        Damage("Session 5000 in ended is above the greatest number given out, 1000") {
            try $0.set($1.ended, NumberKey(5_000), [])
        },
        Damage("Message 99 in message is above the greatest number given out, 4") {
            try $0.rename($1.message, NumberKey(4), NumberKey(99))
        },
        Damage("Message 99 in delivery is above the greatest number given out, 4") {
            try $0.rename($1.delivery, DeliveryKey(1, 1), DeliveryKey(1, 99))
        },
    ]
}

extension Transaction {
    /// Sets a value to these bytes.
    func set(_ table: MDB_dbi, _ key: some Key, _ bytes: [UInt8]) throws {
        try bytes.withUnsafeBytes { _ = try put(table, key, $0) }
    }

    /// Moves a value to another key.
    func rename(_ table: MDB_dbi, _ old: some Key, _ new: some Key) throws {
        let bytes = try Array(#require(try get(table, old)))
        try delete(table, old)
        try set(table, new, bytes)
    }

    /// Flips one bit of a value.
    func flip(_ table: MDB_dbi, _ key: some Key) throws {
        var bytes = try Array(#require(try get(table, key)))
        bytes[bytes.count / 2] ^= 4
        try set(table, key, bytes)
    }
}

/// What a damaged environment does, and what `verify` says about it.
struct LMDBDamageTests {
    @Test func `A sound environment has no faults`() throws {
        let lab = try Lab()
        try lab.fill()
        try lab.with { store in try expectSound(store) }
    }

    @Test(arguments: Damage.all)
    func `verify says what is wrong`(damage: Damage) throws {
        let lab = try Lab()
        try lab.fill()
        try lab.tamper(damage.body)
        try lab.with { store in
            let faults = try store.verify()
            #expect(faults.contains { $0.contains(damage.testDescription) }, "\(faults)")
        }
    }

    @Test func `A corrupt record is left out of its page, counted and reported`() throws {
        let lab = try Lab()
        try lab.fill()
        try lab.tamper { transaction, tables in
            try transaction.flip(tables.client, NumberKey(1))
            try transaction.flip(tables.subscription, StringKey(2, "a/#"))
            try transaction.flip(tables.delivery, DeliveryKey(3, 3))
        }
        let reports = Reports()
        lab.options.onCorruptRecord = { reports.add($0) }
        try lab.with { store in
            #expect(try store.clients(after: 0, limit: 2).map(\.session) == [2, 3])
            #expect(try store.subscriptions(after: 0, filter: "", limit: 10).map(\.session) == [1, 3])
            let page = try store.deliveries(of: 3, after: 0, limit: 10, bytesMax: .max)
            #expect(page.deliveries.map(\.number) == [4])
            #expect(page.isLast)
            #expect(store.corruptRecordCount == 3)
            #expect(reports.all.allSatisfy { $0.contains(lab.path) })
            #expect(reports.all.last?.contains("Delivery 3 of session 3") == true)
        }
    }

    @Test func `A delivery without its message is left out and reported`() throws {
        let lab = try Lab()
        try lab.fill()
        try lab.tamper { transaction, tables in try transaction.delete(tables.message, NumberKey(4)) }
        try lab.with { store in
            let page = try store.deliveries(of: 1, after: 0, limit: 10, bytesMax: .max)
            #expect(page.deliveries.map(\.number) == [1])
            #expect(store.corruptRecordCount == 1)
        }
    }

    @Test func `Damaged records do not stop the changes that concern them`() throws {
        let lab = try Lab()
        try lab.fill()
        try lab.tamper { transaction, tables in
            try transaction.flip(tables.client, NumberKey(1))
            try transaction.flip(tables.reference, NumberKey(4))
            try transaction.flip(tables.delivery, DeliveryKey(2, 2))
            try transaction.flip(tables.retained, StringKey("retained"))
        }
        try lab.with { store in
            try lab.commit(store) { batch in
                batch.append(.deliveryState(session: 2, number: 2, packetID: 1, state: .sent))
                batch.append(.removal(session: 2, number: 2))
                batch.append(.removal(session: 2, number: 4))
                batch.append(.sessionEnd(session: 1))
                batch.append(.sessionSwept(session: 1))
            }
            #expect(store.corruptRecordCount > 0)
            #expect(try store.client("client-1") == nil)
            #expect(try store.endedSessions(after: 0, limit: 9) == [])
            #expect(try store.deliveryCount(of: 2) == 0)
            #expect(try store.deliveries(of: 3, after: 0, limit: 9, bytesMax: .max).deliveries.count == 2)
        }
    }

    @Test func `Counters that are too low count to zero and not below`() throws {
        let lab = try Lab()
        try lab.fill()
        try lab.tamper { transaction, _ in
            var record: [UInt8] = []
            RecordCoding.append(
                SysInfoRecord(formatVersion: Tables.formatVersion, batch: 1, session: 1_000, message: 4),
                to: &record)
            try transaction.set(Tables.unnamed, Tables.infoKey, record)
        }
        try lab.with { store in
            try lab.commit(store) { batch in
                batch.append(.removal(session: 2, number: 4))
                batch.append(.unsubscription(session: 1, filter: batch.append(bytes: Text("a/#").bytes)))
                batch.append(.release(session: 1, packetID: 7))
                batch.append(.sessionEnd(session: 3))
                batch.append(.sessionSwept(session: 3))
            }
            let info = try store.sysInfo()
            #expect(info.batch == 2 && info.deliveryCount == 0 && info.clientCount == 0)
            #expect(try store.verify().contains { $0.contains("counts 0 deliveries and has") })
        }
    }

    @Test func `A value that claims more bytes than its pages have is found, not read`() throws {
        let lab = try Lab()
        try lab.with { store in
            try lab.commit(store) { batch in
                batch.add(ClientRecord(session: 1, clientID: "one"))
                batch.add(number: 1, to: [1], payload: 10_000)
            }
        }
        var bytes = lab.bytes()
        let head = try #require(nodeOfLargeValue(bytes))
        bytes[head + 3] = 0x7f
        lab.write(bytes)
        try lab.with { store in
            let error = failure { _ = try store.deliveries(of: 1, after: 0, limit: 1, bytesMax: 1) }
            #expect(error?.code == .corrupt)
            let faults = try store.verify()
            #expect(faults.contains { $0.contains("pages and needs") }, "\(faults)")
        }
    }

    /// Where the node of the only message that has pages of its own begins: its size is first, its flag in byte 4.
    private func nodeOfLargeValue(_ bytes: [UInt8]) -> Int? {
        let key: [UInt8] = [1, 0, 8, 0, 0, 0, 0, 0, 0, 0, 0, 1]
        return (4..<bytes.count - key.count).last { Array(bytes[$0..<$0 + key.count]) == key }.map { $0 - 4 }
    }
}

// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import Glibc
import Packets
import Persistence
import Testing

@testable import StoreRedis

/// Messages for more sessions than Redis takes arguments.
struct FanOutTests {
    @Test func `A message for 210,000 sessions is one batch, and so is its end`() throws {
        let sessions = Array(1...SessionNumber(210_000))
        let server = try RedisServer()
        let store = RedisStore(server.options { $0.lease = .seconds(120) })
        try store.open()
        defer { store.close() }
        var batch = ChangeBatch(1)
        batch.add(message: 7, to: sessions)
        let start = now()
        try store.commit(batch)
        let left = try server.connection().send(["PTTL", "{roost}:lease"]).read { $0.integer }
        let lease = left + now() - start
        #expect(lease >= 124_200, "nobody takes over while the batch is applied")
        try store.commit(batch)
        // Another object does not know that it was applied; what is in it now does not matter.
        store.close()
        let next = RedisStore(server.options())
        try next.open()
        defer { next.close() }
        var same = ChangeBatch(1)
        same.add(message: 8, to: [1])
        try next.commit(same)
        for session in [1, 2, 99_999, 125_000, 209_999, 210_000] as [SessionNumber] {
            #expect(try next.queue(session) == [7])
        }
        let info = try next.sysInfo()
        #expect(info.batch == 1 && info.deliveryCount == 210_000 && info.messageCount == 1)
        #expect(try server.send("HGET", "{roost}:references", "\0\0\0\0\0\0\0\u{7}") == "210000")

        var removals = ChangeBatch(2)
        for session in sessions { removals.append(.removal(session: session, number: 7)) }
        try next.commit(removals)
        #expect(try next.sysInfo().deliveryCount == 0)
        #expect(try next.sysInfo().messageCount == 0)
        #expect(try next.queue(210_000) == [])
        #expect(try server.send("EXISTS", "{roost}:message", "{roost}:references") == "")
        #expect(try next.verify() == [])
    }

    @Test func `Any number of states and receptions is one batch`() throws {
        let server = try RedisServer()
        let store = RedisStore(server.options())
        try store.open()
        defer { store.close() }
        let numbers = 1...MessageNumber(2_000)
        var batch = ChangeBatch(1)
        batch.add(client: 1)
        for number in numbers { batch.add(message: number, to: [1], bytes: 1) }
        for packetID in 1...UInt16(2_000) { batch.append(.reception(session: 1, packetID: packetID)) }
        try store.commit(batch)
        var second = ChangeBatch(2)
        for round in 1...UInt16(130) {
            for number in numbers {
                let packetID = UInt16(number) &+ round
                second.append(
                    .deliveryState(session: 1, number: number, packetID: packetID, state: .sent))
                second.append(.release(session: 1, packetID: packetID))
                if round == 130 { second.append(.reception(session: 1, packetID: packetID)) }
            }
        }
        try store.commit(second)
        #expect(try store.sysInfo().receptionCount == 2_001)
        let last = try store.deliveries(of: 1, after: 1_999, limit: 2, bytesMax: 1_000).deliveries
        #expect(last.map(\.packetID) == [2_130] && last.map(\.state) == [.sent])
        #expect(try store.verify() == [])
    }

    /// Sets of sessions that are the same, overlap, or have nothing in common; more kinds of delivery records than
    /// are looked for, more members than one run has, and bodies of every place.
    @Test func `Each queue gets what is for it, however deliveries are packed`() throws {
        let server = try RedisServer()
        let store = RedisStore(server.options())
        try store.open()
        defer { store.close() }
        var batch = ChangeBatch(1)
        for session in 1...SessionNumber(100) { batch.add(client: session) }
        var expected: [SessionNumber: [DeliveryRecord]] = [:]
        for number in 1...MessageNumber(600) {
            let deliveries = Self.deliveries(number)
            for delivery in deliveries { expected[delivery.session, default: []].append(delivery) }
            let body = batch.append(deliveries[0].message)
            batch.append(.message(number: number, record: body, references: UInt32(deliveries.count)))
            for delivery in deliveries {
                let record = batch.append(delivery)
                batch.append(.delivery(session: delivery.session, number: number, record: record))
            }
        }
        try store.commit(batch)
        for session in 1...SessionNumber(100) {
            let page = try store.deliveries(of: session, after: 0, limit: 1_000, bytesMax: .max)
            #expect(page.deliveries == expected[session] ?? [])
        }
        #expect(try store.verify() == [])
    }

    private static func deliveries(_ number: MessageNumber) -> [DeliveryRecord] {
        let message = MessageRecord(
            topic: "topic", payload: [UInt8](repeating: 1, count: number % 50 == 0 ? 5_000 : 10))
        let sessions: [SessionNumber] =
            switch number % 4 {
            case 0: Array(1...40)
            case 1: Array(31...60)
            case 2: [number % 100 + 1]
            default: Array(61...100)
            }
        return sessions.map { session in
            var delivery = DeliveryRecord(session: session, number: number, message: message)
            if number % 4 == 1 { delivery.identifiers = [UInt32(session % 12)] }
            if number % 4 == 3 { delivery.qos = session % 2 == 0 ? .exactlyOnce : .atLeastOnce }
            if number % 7 == 0 {
                delivery.state = .sent
                delivery.packetID = UInt16(number)
            }
            return delivery
        }
    }

    @Test func `Sessions that are alike cost their digits, and sets that come again cost nothing`() {
        var batch = ChangeBatch(1)
        let sessions = Array(100_000...SessionNumber(119_999))
        batch.add(message: 1, to: sessions)
        let (count, bytes) = Self.size(batch)
        #expect(count < 20 && bytes < 7 * sessions.count + 1_000)
        for number in 2...MessageNumber(10) { batch.add(message: number, to: sessions) }
        #expect(Self.size(batch).bytes < bytes + 10_000)
    }

    /// With so many records that differ no two share a run.
    @Test func `Deliveries that all differ share arguments nevertheless`() {
        var batch = ChangeBatch(1)
        let message = MessageRecord(topic: "topic", payload: [])
        let body = batch.append(message)
        batch.append(.message(number: 1, record: body, references: 100_000))
        for session in 1...SessionNumber(100_000) {
            let record = batch.append(
                DeliveryRecord(
                    session: session, number: 1, identifiers: [UInt32(session)], message: message))
            batch.append(.delivery(session: session, number: 1, record: record))
        }
        #expect(Self.size(batch).count < 100)
    }

    private static func size(_ batch: borrowing ChangeBatch) -> (count: Int, bytes: Int) {
        var encoder = BatchEncoder()
        var command = Command()
        command.begin()
        encoder.append(batch, leaseMilliseconds: 0, to: &command)
        return (command.count, command.bytes.count)
    }

    /// What a batch may take beyond the timeout is here for its sessions and for its bytes, and much more than Redis
    /// needs: it writes no file.
    @Test func `A large batch may take longer, and the lease is certain when it is done`() throws {
        let server = try RedisServer(["--save", ""])
        let store = RedisStore(
            server.options { options in
                options.commandTimeout = .seconds(3)
                options.lease = .seconds(4)
            })
        try store.open()
        defer { store.close() }
        var small = ChangeBatch(1)
        small.add(client: 1)
        server.signal(SIGSTOP)
        #expect(store.failure(of: small)?.code == .reopen)
        server.signal(SIGCONT)
        try store.commitPatiently(small)
        var large = ChangeBatch(2)
        large.add(message: 1, to: Array(1...200_000), bytes: 60 << 20)
        // Longer than the timeout, and than the lease.
        try server.send("CLIENT", "PAUSE", "4500")
        try store.commit(large)
        #expect(store.lease.isCertain)
        let left = try server.connection().send(["PTTL", "{roost}:lease"]).read { $0.integer }
        #expect(left > 0 && left <= 4_000, "as much longer as the batch might have taken, then as always")
        // The heartbeat had no answer meanwhile, so readers wait a moment before they connect again.
        let info = try store.readPatiently { (store) throws(StoreError) in try store.sysInfo() }
        #expect(info.deliveryCount == 200_000)
    }
}

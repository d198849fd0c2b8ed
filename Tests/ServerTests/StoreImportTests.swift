// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import Packets
import Persistence
import StoreMemory
import Testing

@testable import Server

struct StoreImportTests {
    /// Shows a store's clients and subscriptions only.
    private final class Sessions: StoredClients, StoredSubscriptions {
        let store: MemoryStore

        init(_ store: MemoryStore) { self.store = store }

        func clients(after session: SessionNumber, limit: Int) throws(StoreError) -> [ClientRecord] {
            try store.clients(after: session, limit: limit)
        }

        func client(_ clientID: Text) throws(StoreError) -> ClientRecord? { try store.client(clientID) }

        func endedSessions(after session: SessionNumber, limit: Int) throws(StoreError) -> [SessionNumber] {
            try store.endedSessions(after: session, limit: limit)
        }

        func subscriptions(
            after session: SessionNumber, filter: Text, limit: Int
        ) throws(StoreError) -> [SubscriptionRecord] {
            try store.subscriptions(after: session, filter: filter, limit: limit)
        }

        func subscriptions(of session: SessionNumber) throws(StoreError) -> [SubscriptionRecord] {
            try store.subscriptions(of: session)
        }
    }

    /// Shows a store's queues only.
    private final class Queues: StoredInflightMessages {
        let store: MemoryStore

        init(_ store: MemoryStore) { self.store = store }

        func deliveries(
            of session: SessionNumber, after number: MessageNumber, limit: Int, bytesMax: Int
        ) throws(StoreError) -> DeliveryPage {
            try store.deliveries(of: session, after: number, limit: limit, bytesMax: bytesMax)
        }

        func receptions(of session: SessionNumber) throws(StoreError) -> [UInt16] {
            try store.receptions(of: session)
        }

        func deliveryCount(of session: SessionNumber) throws(StoreError) -> Int {
            try store.deliveryCount(of: session)
        }
    }

    /// Shows a store's retained messages only.
    private final class Retained: StoredRetainedMessages {
        let store: MemoryStore

        init(_ store: MemoryStore) { self.store = store }

        func retainedMessages(after topic: Text, limit: Int) throws(StoreError) -> [RetainedRecord] {
            try store.retainedMessages(after: topic, limit: limit)
        }

        func retainedMessage(_ topic: Text) throws(StoreError) -> RetainedRecord? {
            try store.retainedMessage(topic)
        }
    }

    /// A store with sessions 1 and 2, each with a subscription and deliveries of messages 1 to `messages`, a
    /// reception, and a retained message.
    private func filledStore(messages: Int = 3) throws -> MemoryStore {
        let store = MemoryStore()
        store.open()
        var batch = ChangeBatch()
        batch.number = 1
        batch.session = 2
        batch.message = MessageNumber(messages) + 1
        for (session, name) in [(1 as SessionNumber, "old-1" as Text), (2, "old-2")] {
            batch.add(ClientRecord(session: session, clientID: name, boot: 9))
            batch.add(
                SubscriptionRecord(
                    session: session, filter: "a/#", options: SubscriptionOptions(qos: .atLeastOnce)))
            batch.append(.reception(session: session, packetID: 7))
        }
        for number in 1...MessageNumber(messages) {
            let message = MessageRecord(topic: "a/b", payload: Array("\(number)".utf8))
            let body = batch.append(message)
            batch.append(.message(number: number, record: body, references: 1))
            let record = batch.append(DeliveryRecord(session: 2, number: number, message: message))
            batch.append(.delivery(session: 2, number: number, record: record))
        }
        batch.add(RetainedRecord(number: batch.message, message: MessageRecord(topic: "r", payload: [1])))
        try store.commit(batch)
        return store
    }

    private func run(_ hooks: [any Hook], into store: MemoryStore) throws -> Int {
        var imports = try StoreImport(into: store, now: 5000)
        let count = try imports.run(hooks)
        #expect(try store.verify() == [])
        return count
    }

    @Test func `an empty store takes over everything, under numbers of its own`() throws {
        let old = try filledStore(messages: 700)
        let store = MemoryStore()
        store.open()
        let count = try run([Sessions(old), Queues(old), Retained(old)], into: store)
        #expect(count == 2 + 2 + 2 + 700 + 1)
        let snapshot = try store.snapshot()
        #expect(snapshot.clients.map(\.clientID) == ["old-1", "old-2"])
        #expect(snapshot.clients.allSatisfy { $0.boot == 0 && $0.disconnectedAt == 5000 })
        #expect(snapshot.subscriptions.count == 2)
        #expect(snapshot.deliveries.map(\.message) == (try old.snapshot()).deliveries.map(\.message))
        #expect(snapshot.retainedMessages.map(\.message.topic) == ["r"])
        #expect(snapshot.sysInfo.message >= 701)
    }

    @Test func `what the store has already is left alone`() throws {
        let old = try filledStore()
        let store = MemoryStore()
        store.open()
        let hooks: [any Hook] = [Sessions(old), Queues(old), Retained(old)]
        _ = try run(hooks, into: store)
        let before = try store.snapshot()
        #expect(try run(hooks, into: store) == 0)
        #expect(try store.snapshot() == before)
    }

    @Test func `a session that the store knows keeps its number and gets what it lacks`() throws {
        let old = try filledStore()
        let store = MemoryStore()
        store.open()
        var batch = ChangeBatch()
        batch.number = 1
        batch.session = 40
        batch.message = 100
        batch.add(ClientRecord(session: 40, clientID: "old-2"))
        try store.commit(batch)
        _ = try run([Sessions(old), Queues(old)], into: store)
        let snapshot = try store.snapshot()
        #expect(snapshot.clients.map(\.session) == [40, 41])
        #expect(snapshot.subscriptions.map(\.session) == [40, 41])
        #expect(snapshot.deliveries.isEmpty, "numbers up to 100 have been in the store before")
    }

    @Test func `one protocol alone is enough`() throws {
        let old = try filledStore()
        let store = MemoryStore()
        store.open()
        #expect(try run([Retained(old)], into: store) == 1)
        #expect(try store.retainedMessage("r")?.message.payload == [1])
        #expect(try store.sysInfo().clientCount == 0)
    }

    @Test func `queues without clients belong to the sessions of the store`() throws {
        let old = try filledStore()
        let store = MemoryStore()
        store.open()
        var batch = ChangeBatch()
        batch.number = 1
        batch.session = 2
        batch.message = 1
        batch.add(ClientRecord(session: 2, clientID: "mine"))
        try store.commit(batch)
        #expect(try run([Queues(old)], into: store) == 2)
        #expect(try store.snapshot().deliveries.map(\.number) == [2, 3])
        #expect(try run([Queues(old)], into: store) == 0)
    }
}

// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import Packets
import Persistence
import StoreMemory
import Testing

@testable import Server

@Suite(.timeLimit(.minutes(5)))
struct LifeTests {
    @Test func `a shutdown says 0x8B to MQTT 5 clients and closes the others [MQTT-3.14.0-1]`() async throws {
        // The system gives this port to nobody else when it is free again.
        let broker = makeBroker(on: MemoryStore(), port: .random(in: 20_000...29_999))
        async let running: Void = broker.run()
        let port = try await broker.startup().endpoints[0].port
        let modern = try await TestClient.connect(port: port, "modern")
        let older = try await TestClient.connect(port: port, "older", version: .v311)
        let silent = try await TestClient.open(port: port)
        broker.shutDown()
        try await modern.expectDisconnect(.serverShuttingDown)
        try await older.expectClosed()
        try await silent.expectClosed()
        try await running
        await #expect(throws: (any Error).self) { try await TestClient.open(port: port) }
    }

    @Test func `cancelling the task is a shutdown too`() async throws {
        let broker = makeBroker(on: MemoryStore())
        let running = Task { try await broker.run() }
        let port = try await broker.startup().endpoints[0].port
        let client = try await TestClient.connect(port: port, "client")
        running.cancel()
        try await client.expectDisconnect(.serverShuttingDown)
        try await running.value
    }

    @Test func `the target of a migration that did not end is not served, and not written to`() async throws {
        let store = MemoryStore()
        store.open()
        var batch = ChangeBatch()
        batch.number = 1
        batch.add(RetainedRecord(number: 1, message: MessageRecord(topic: MigrationMark.topic, payload: [])))
        try store.commit(batch)
        store.close()
        let error = await #expect(throws: BrokerError.self) { try await makeBroker(on: store).run() }
        #expect(error?.code == .store)
        #expect(error?.message.contains("roost migrate") == true)
        store.open()
        #expect(try store.sysInfo().batch == 1)
        store.close()
    }

    @Test func `no client can make a store look like the target of a migration`() async throws {
        try await withBroker(on: MemoryStore()) { _, port in
            let client = try await TestClient.connect(port: port, "client")
            try await client.publish(MigrationMark.topic, "x", qos: .atLeastOnce, retain: true, id: 5)
            try await client.expect(.puback(Acknowledgement(packetID: 5, reason: .topicNameInvalid)))
        }
    }

    @Test func `a taken port is one sentence, before the store is touched`() async throws {
        try await withBroker(on: MemoryStore()) { _, port in
            let store = MemoryStore()
            let second = Broker()
            second.add(store)
            second.add(.tcp(port: port))
            let error = await #expect(throws: BrokerError.self) { try await second.run() }
            #expect(error?.code == .addressInUse)
            #expect(error?.message.contains("127.0.0.1:\(port)") == true)
            let boots = try store.snapshot().boots
            #expect(boots.isEmpty)
        }
    }

    @Test(arguments: ["0.0.0.0", "::"])
    func `an address that others can reach needs --allow-anonymous`(host: String) async throws {
        let store = MemoryStore()
        let broker = Broker()
        broker.add(store)
        broker.add(.tcp(host: host, port: 0))
        let error = await #expect(throws: BrokerError.self) { try await broker.run() }
        #expect(error?.code == .notLoopback)
        #expect(error?.message.contains("--allow-anonymous") == true)
        #expect(try store.snapshot().boots.isEmpty)
    }

    @Test func `with allowsAnonymous any address serves`() async throws {
        var options = BrokerOptions()
        options.allowsAnonymous = true
        let broker = Broker(options: options)
        broker.add(MemoryStore())
        broker.add(.tcp(host: "0.0.0.0", port: 0))
        async let running: Void = broker.run()
        let port = try await broker.startup().endpoints[0].port
        _ = try await TestClient.connect(port: port, "client")
        broker.shutDown()
        try await running
    }

    @Test func `a broker without a store does not start`() async throws {
        let broker = Broker()
        let error = await #expect(throws: BrokerError.self) { try await broker.run() }
        #expect(error?.code == .noStore)
    }

    @Test func `startup throws what run throws`() async throws {
        let broker = Broker()
        let report = Task { try await broker.startup() }
        let ran = await #expect(throws: BrokerError.self) { try await broker.run() }
        let error = await #expect(throws: BrokerError.self) { try await report.value }
        #expect(error == ran)
    }

    @Test func `publishing needs a running broker`() async throws {
        let broker = makeBroker(on: MemoryStore())
        let before = await #expect(throws: BrokerError.self) {
            try await broker.publish(topic: "a", payload: [])
        }
        #expect(before?.code == .notRunning)
        async let running: Void = broker.run()
        _ = try await broker.startup()
        broker.shutDown()
        try await running
        let after = await #expect(throws: BrokerError.self) {
            try await broker.publish(topic: "a", payload: [])
        }
        #expect(after?.code == .notRunning)
    }

    @Test func `every listener serves`() async throws {
        let broker = makeBroker(on: MemoryStore())
        broker.add(.tcp(host: "::1", port: 0, name: "six"))
        async let running: Void = broker.run()
        let endpoints = try await broker.startup().endpoints
        #expect(endpoints.count == 2)
        #expect(endpoints[1].name == "six")
        #expect(endpoints[1].address == "[::1]:\(endpoints[1].port)")
        _ = try await TestClient.connect(port: endpoints[0].port, "client")
        broker.shutDown()
        try await running
    }

    @Test func `each start is recorded`() async throws {
        let store = MemoryStore()
        for _ in 1...3 { try await withBroker(on: store) { _, _ in } }
        #expect(try store.snapshot().boots.map(\.number) == [1, 2, 3])
    }

    @Test func `what another hook has stored is there before the first client`() async throws {
        let broker = makeBroker(on: MemoryStore())
        broker.add(OldRetainedMessages())
        async let running: Void = broker.run()
        let report = try await broker.startup()
        #expect(report.importedRecords == 1)
        #expect(report.retainedMessages == 1)
        let client = try await TestClient.connect(port: report.endpoints[0].port, "client")
        try await client.subscribe("old")
        try await client.expect("old", "value", retain: true)
        broker.shutDown()
        try await running
    }
}

/// Implements one of the five protocols of persistence alone.
private final class OldRetainedMessages: StoredRetainedMessages {
    private let record = RetainedRecord(
        number: 1, message: MessageRecord(topic: "old", payload: Array("value".utf8)))

    func retainedMessages(after topic: Text, limit: Int) -> [RetainedRecord] {
        topic < record.message.topic ? [record] : []
    }

    func retainedMessage(_ topic: Text) -> RetainedRecord? { topic == record.message.topic ? record : nil }
}

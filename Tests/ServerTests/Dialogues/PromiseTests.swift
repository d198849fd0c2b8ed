// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import Packets
import Persistence
import StoreConformance
import StoreSQLite
import Testing

@testable import Server

/// An acknowledgement means "on disk".
@Suite(.timeLimit(.minutes(5)))
struct PromiseTests {
    @Test func `no PUBACK leaves before the sync, while QoS 0 and volatile QoS 1 flow on`() async throws {
        try await withFaultyStore { store in
            try await withBroker(on: store) { _, port in
                try await Self.leaveSession(port)
                let watcher = try await TestClient.connect(port: port, "watcher")
                try await watcher.subscribe("live", qos: .atLeastOnce)
                let publisher = try await TestClient.connect(port: port, "publisher")
                store.stall()
                try await publisher.publish("kept", "1", qos: .atLeastOnce, id: 1)
                try await publisher.expectNothing()
                let other = try await TestClient.connect(port: port, "other")
                try await other.publish("live", "zero")
                try await watcher.expect("live", "zero")
                try await other.publish("live", "one", qos: .atLeastOnce, id: 1)
                try await other.expect(.puback(Acknowledgement(packetID: 1)))
                try await watcher.expect("live", "one", qos: .atLeastOnce)
                try await publisher.expectNothing()
                store.release()
                try await publisher.expect(.puback(Acknowledgement(packetID: 1)))
            }
        }
    }

    @Test func `PUBREC and PUBCOMP wait for their sync`() async throws {
        try await withFaultyStore { store in
            try await withBroker(on: store) { _, port in
                let client = try await TestClient.connect(port: port, "client", sessionExpiry: 100)
                try await client.subscribe("a", qos: .atMostOnce)
                store.stall()
                try await client.publish("b", "x", qos: .exactlyOnce, id: 9)
                try await client.expectNothing()
                store.release()
                try await client.expect(
                    .pubrec(Acknowledgement(packetID: 9, reason: .noMatchingSubscribers)))
                store.stall()
                try await client.send(.pubrel(Acknowledgement(packetID: 9)))
                try await client.expectNothing()
                store.release()
                try await client.expect(.pubcomp(Acknowledgement(packetID: 9)))
            }
        }
    }

    @Test func `SUBACK and UNSUBACK of a persistent session wait for their sync`() async throws {
        try await withFaultyStore { store in
            try await withBroker(on: store) { _, port in
                let client = try await TestClient.connect(port: port, "client", sessionExpiry: 100)
                store.stall()
                let subscription = Subscription(filter: "a")
                try await client.send(.subscribe(Subscribe(packetID: 1, subscriptions: [subscription])))
                try await client.expectNothing()
                store.release()
                try await client.expect(.suback(Suback(packetID: 1, reasons: [.grantedQoS0])))
                store.stall()
                try await client.send(.unsubscribe(Unsubscribe(packetID: 2, filters: ["a"])))
                try await client.expectNothing()
                store.release()
                try await client.expect(.unsuback(Unsuback(packetID: 2, reasons: [.success])))
            }
        }
    }

    @Test func `CONNACK of a persistent session waits for its sync`() async throws {
        try await withFaultyStore { store in
            try await withBroker(on: store) { _, port in
                let witness = try await TestClient.connect(port: port, "witness")
                store.stall()
                let client = try await TestClient.open(port: port, version: .v311)
                try await client.send(
                    .connect(Connect(version: .v311, clientID: "client", cleanStart: false)))
                try await eventually("a commit") { store.stalledCount == 1 }
                try await witness.expectNothing()
                #expect(client.hasHeardNothing)
                store.release()
                #expect(try await client.connack().reason == .success)
            }
        }
    }

    @Test(arguments: [FaultyStore.Fault.lost, .applied, .retry])
    func `a commit that fails is repeated until it is known to be done`(fault: FaultyStore.Fault) async throws
    {
        try await withFaultyStore { store in
            try await withBroker(on: store) { broker, port in
                try await Self.leaveSession(port)
                let publisher = try await TestClient.connect(port: port, "publisher")
                try await eventually("rest") { broker.machinery?.isSettled == true }
                store.failNext(fault)
                try await publisher.publish("kept", "1", qos: .atLeastOnce, id: 1)
                try await publisher.expect(.puback(Acknowledgement(packetID: 1)))
                try await Self.resume(port, expecting: ["1"])
            }
        }
    }

    @Test func `what the store can never take gets a reason code, and only that`() async throws {
        try await withFaultyStore { store in
            try await withBroker(on: store) { broker, port in
                try await Self.leaveSession(port)
                let publisher = try await TestClient.connect(port: port, "publisher")
                try await eventually("rest") { broker.machinery?.isSettled == true }
                store.failNext(.refused)
                store.fail(commit: store.commitCount + 2, .refused)
                try await publisher.publish("kept", "1", qos: .atLeastOnce, id: 1)
                guard case .puback(let puback) = try await publisher.receive() else {
                    Issue.record("no PUBACK")
                    return
                }
                #expect(puback.reason.isError)
                try await publisher.publish("kept", "2", qos: .atLeastOnce, id: 2)
                try await publisher.expect(.puback(Acknowledgement(packetID: 2)))
                try await Self.resume(port, expecting: ["2"])
            }
        }
    }

    @Test func `on a full disk QoS 1 to online sessions flows on, and the rest resumes by itself`()
        async throws
    {
        try await withFaultyStore { store in
            try await withBroker(on: store) { _, port in
                try await Self.leaveSession(port)
                let online = try await TestClient.connect(port: port, "online", sessionExpiry: 100)
                try await online.subscribe("live", qos: .atLeastOnce)
                let publisher = try await TestClient.connect(port: port, "publisher")
                store.fillDisk()
                try await publisher.publish("kept", "full", qos: .atLeastOnce, id: 1)
                try await publisher.expectNothing()
                let other = try await TestClient.connect(port: port, "other")
                for number in 1...3 as ClosedRange<UInt16> {
                    try await other.publish("live", "\(number)", qos: .atLeastOnce, id: number)
                    let id = try await online.expect("live", "\(number)", qos: .atLeastOnce)
                    try await online.send(.puback(Acknowledgement(packetID: id)))
                    try await other.expect(.puback(Acknowledgement(packetID: number)))
                }
                try await publisher.expectNothing()
                store.clearDisk()
                try await publisher.expect(.puback(Acknowledgement(packetID: 1)))
                try await Self.resume(port, expecting: ["full"])
            }
        }
    }

    @Test
    func `on a full disk consumers drain, and publishing resumes by itself`() async throws {
        try await withFaultyStore { store in
            try await withBroker(on: store) { _, port in
                try await Self.leaveSession(port)
                let publisher = try await TestClient.connect(port: port, "publisher")
                try await publisher.publish("kept", "before", qos: .atLeastOnce, id: 1)
                try await publisher.expect(.puback(Acknowledgement(packetID: 1)))
                store.fillDisk()
                try await publisher.publish("kept", "full", qos: .atLeastOnce, id: 2)
                try await publisher.expectNothing()
                let consumer = try await Self.connectAgain(port)
                let id = try await consumer.expect("kept", "before", qos: .atLeastOnce)
                try await consumer.send(.puback(Acknowledgement(packetID: id)))
                try await consumer.expectNothing()
                store.clearDisk()
                try await publisher.expect(.puback(Acknowledgement(packetID: 2)))
                try await consumer.expect("kept", "full", qos: .atLeastOnce)
            }
        }
    }

    @Test func `the log says when the store is in trouble and when that is over`() async throws {
        try await withFaultyStore { store in
            let lines = Lines()
            let broker = makeBroker(on: store, output: lines.output)
            let running = Task { try await broker.run() }
            let port = try await broker.startup().endpoints[0].port
            try await Self.leaveSession(port)
            store.fillDisk()
            let publisher = try await TestClient.connect(port: port, "publisher")
            try await publisher.publish("kept", "1", qos: .atLeastOnce, id: 1)
            try await eventually("a line") { lines.contain("the store does not commit") }
            #expect(lines.contain("the disk is full"))
            #expect(!lines.contain("the store commits again"))
            store.clearDisk()
            try await eventually("a line") { lines.contain("the store commits again") }
            broker.shutDown()
            try await running.value
        }
    }

    @Test func `a shutdown commits what it can and fails if that is not all`() async throws {
        try await withFaultyStore { store in
            let broker = makeBroker(on: store) { $0.drainDelayMaxSeconds = 1 }
            let running = Task { try await broker.run() }
            let port = try await broker.startup().endpoints[0].port
            try await Self.leaveSession(port)
            let publisher = try await TestClient.connect(port: port, "publisher")
            store.stall()
            try await publisher.publish("kept", "1", qos: .atLeastOnce, id: 1)
            try await eventually("a commit") { store.stalledCount == 1 }
            broker.shutDown()
            let error = await #expect(throws: BrokerError.self) { try await running.value }
            #expect(error?.code == .drainFailed)
            store.release()
        }
    }

    @Test func `a broker whose store another one has taken ends, and acknowledges nothing before`()
        async throws
    {
        try await withFaultyStore { store in
            let broker = makeBroker(on: store)
            let running = Task { try await broker.run() }
            let port = try await broker.startup().endpoints[0].port
            try await Self.leaveSession(port)
            let publisher = try await TestClient.connect(port: port, "publisher")
            try await eventually("rest") { broker.machinery?.isSettled == true }
            let taken = FaultyStore.Fault.before(StoreError(.inUse, "Somebody else has it."))
            for attempt in 1...2 { store.fail(commit: store.commitCount + attempt, taken) }
            try await publisher.publish("kept", "1", qos: .atLeastOnce, id: 1)
            let error = await #expect(throws: BrokerError.self) { try await running.value }
            #expect(error?.code == .store)
            #expect(error?.message.contains("Somebody else has it.") == true)
            guard case .disconnect = try await publisher.receive() else {
                Issue.record("something came before the end of the connection")
                return
            }
        }
    }

    @Test func `a store that cannot be opened ends the start with its sentence`() async throws {
        let directory = try TestDirectory()
        let broker = makeBroker(on: SQLiteStore(path: directory.file("missing/roost.db")))
        let error = await #expect(throws: BrokerError.self) { try await broker.run() }
        #expect(error?.code == .store)
        #expect(error?.message.contains("missing/roost.db") == true)
    }

    private static func leaveSession(_ port: Int) async throws {
        let client = try await TestClient.connect(port: port, "sleeper", sessionExpiry: 1000)
        try await client.subscribe("kept", qos: .atLeastOnce)
        try await client.disconnect()
    }

    private static func connectAgain(_ port: Int) async throws -> TestClient {
        try await TestClient.connect(
            port: port, "sleeper", cleanStart: false, sessionExpiry: 1000, sessionPresent: true)
    }

    private static func resume(_ port: Int, expecting payloads: [String]) async throws {
        let client = try await connectAgain(port)
        for payload in payloads {
            let id = try await client.expect("kept", payload, qos: .atLeastOnce)
            try await client.send(.puback(Acknowledgement(packetID: id)))
        }
        try await client.expectNothing()
    }
}

// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import Packets
import StoreMemory
import Testing

@testable import Server

@Suite(.timeLimit(.minutes(5)))
struct SessionTests {
    @Test func `a persistent session keeps what arrives while its client is away`() async throws {
        try await withBroker(on: MemoryStore()) { _, port in
            try await Self.leaveSession(port)
            let publisher = try await TestClient.connect(port: port, "publisher")
            for number in 1...3 as ClosedRange<UInt16> {
                try await publisher.publish("a", "\(number)", qos: .atLeastOnce, id: number)
                try await publisher.expect(.puback(Acknowledgement(packetID: number)))
            }
            try await Self.resume(port, expecting: ["1", "2", "3"])
        }
    }

    @Test(arguments: TestStore.allCases)
    func `a restart on the same store loses nothing that was acknowledged`(kind: TestStore) async throws {
        let store = try kind.starts()
        try await withBroker(on: store()) { _, port in
            try await Self.leaveSession(port)
            let publisher = try await TestClient.connect(port: port, "publisher")
            try await publisher.publish("a", "before", qos: .atLeastOnce, id: 1)
            try await publisher.expect(.puback(Acknowledgement(packetID: 1)))
            try await publisher.publish("r", "kept", qos: .atLeastOnce, retain: true, id: 2)
            try await publisher.expect(
                .puback(Acknowledgement(packetID: 2, reason: .noMatchingSubscribers)))
        }
        try await withBroker(on: store()) { broker, port in
            let report = try await broker.startup()
            #expect(report.sessions == 1)
            #expect(report.subscriptions == 1)
            #expect(report.retainedMessages == 1)
            #expect(report.queuedMessages == 1)
            let publisher = try await TestClient.connect(port: port, "publisher")
            try await publisher.subscribe("r")
            try await publisher.expect("r", "kept", retain: true)
            try await publisher.publish("a", "after", qos: .atLeastOnce, id: 1)
            try await publisher.expect(.puback(Acknowledgement(packetID: 1)))
            try await Self.resume(port, expecting: ["before", "after"])
        }
    }

    @Test(arguments: TestStore.allCases)
    func `what was sent and not acknowledged comes again with DUP`(kind: TestStore) async throws {
        let store = try kind.starts()
        let id = try await withBroker(on: store()) { _, port in
            try await Self.leaveSession(port)
            let publisher = try await TestClient.connect(port: port, "publisher")
            try await publisher.publish("a", "x", qos: .atLeastOnce, id: 1)
            try await publisher.expect(.puback(Acknowledgement(packetID: 1)))
            let client = try await Self.connectAgain(port)
            let id = try await client.expect("a", "x", qos: .atLeastOnce)
            try await client.vanish()
            let second = try await Self.connectAgain(port)
            #expect(try await second.expect("a", "x", qos: .atLeastOnce, dup: true) == id)
            return id
        }
        try await withBroker(on: store()) { _, port in
            let client = try await Self.connectAgain(port)
            #expect(try await client.expect("a", "x", qos: .atLeastOnce, dup: true) == id)
            try await client.send(.puback(Acknowledgement(packetID: id)))
            try await client.expectNothing()
        }
    }

    @Test func `a second connection takes the session over [MQTT-3.1.4-3]`() async throws {
        try await withBroker(on: MemoryStore()) { _, port in
            let first = try await TestClient.connect(port: port, "one", sessionExpiry: 100)
            try await first.subscribe("a", qos: .atLeastOnce)
            let second = try await TestClient.connect(
                port: port, "one", cleanStart: false, sessionExpiry: 100, sessionPresent: true)
            try await first.expectDisconnect(.sessionTakenOver)
            let publisher = try await TestClient.connect(port: port, "publisher")
            try await publisher.publish("a", "yours", qos: .atLeastOnce, id: 1)
            try await publisher.expect(.puback(Acknowledgement(packetID: 1)))
            try await second.expect("a", "yours", qos: .atLeastOnce)
        }
    }

    @Test func `a clean start begins anew [MQTT-3.1.2-4]`() async throws {
        try await withBroker(on: MemoryStore()) { _, port in
            try await Self.leaveSession(port)
            let publisher = try await TestClient.connect(port: port, "publisher")
            try await publisher.publish("a", "old", qos: .atLeastOnce, id: 1)
            try await publisher.expect(.puback(Acknowledgement(packetID: 1)))
            let client = try await TestClient.connect(
                port: port, "sleeper", cleanStart: true, sessionExpiry: 100, sessionPresent: false)
            try await client.expectNothing()
            try await publisher.publish("a", "new", qos: .atLeastOnce, id: 2)
            try await publisher.expect(
                .puback(Acknowledgement(packetID: 2, reason: .noMatchingSubscribers)))
            try await client.expectNothing()
        }
    }

    @Test func `a will of a connection that a shutdown cut is published after the restart`() async throws {
        let store = MemoryStore()
        try await withBroker(on: store) { _, port in
            let watcher = try await TestClient.connect(port: port, "watcher", sessionExpiry: 100)
            try await watcher.subscribe("will", qos: .atLeastOnce)
            _ = try await TestClient.connect(
                port: port, "owner", sessionExpiry: 100,
                will: Will(topic: "will", payload: Array("late".utf8), qos: .atLeastOnce))
        }
        try await withBroker(on: store) { _, port in
            let watcher = try await TestClient.connect(
                port: port, "watcher", cleanStart: false, sessionExpiry: 100, sessionPresent: true)
            try await watcher.expect("will", "late", qos: .atLeastOnce)
        }
    }

    /// Makes the session `sleeper`, subscribed to `a` with QoS 1, and disconnects.
    private static func leaveSession(_ port: Int) async throws {
        let client = try await TestClient.connect(port: port, "sleeper", sessionExpiry: 1000)
        try await client.subscribe("a", qos: .atLeastOnce)
        try await client.disconnect()
    }

    private static func connectAgain(_ port: Int) async throws -> TestClient {
        try await TestClient.connect(
            port: port, "sleeper", cleanStart: false, sessionExpiry: 1000, sessionPresent: true)
    }

    private static func resume(_ port: Int, expecting payloads: [String]) async throws {
        let client = try await connectAgain(port)
        for payload in payloads {
            let id = try await client.expect("a", payload, qos: .atLeastOnce)
            try await client.send(.puback(Acknowledgement(packetID: id)))
        }
        try await client.expectNothing()
    }
}

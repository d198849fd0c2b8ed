// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import Packets
import StoreMemory
import Testing

@testable import Server

@Suite(.timeLimit(.minutes(5)))
struct DeliveryTests {
    @Test(arguments: [ProtocolVersion.v31, .v311, .v5])
    func `a QoS 0 message reaches its subscriber`(version: ProtocolVersion) async throws {
        try await withBroker(on: MemoryStore()) { _, port in
            let subscriber = try await TestClient.connect(port: port, "subscriber", version: version)
            try await subscriber.subscribe("a/+")
            let publisher = try await TestClient.connect(port: port, "publisher", version: version)
            try await publisher.publish("a/b", "hello")
            try await subscriber.expect("a/b", "hello")
            try await publisher.disconnect()
            try await subscriber.expectNothing()
        }
    }

    @Test(arguments: [ProtocolVersion.v31, .v311, .v5])
    func `a QoS 1 message is acknowledged and delivered`(version: ProtocolVersion) async throws {
        try await withBroker(on: MemoryStore()) { _, port in
            let subscriber = try await TestClient.connect(port: port, "subscriber", version: version)
            try await subscriber.subscribe("a/#", qos: .atLeastOnce)
            let publisher = try await TestClient.connect(port: port, "publisher", version: version)
            try await publisher.publish("a", "hello", qos: .atLeastOnce, id: 7)
            try await publisher.expect(.puback(Acknowledgement(packetID: 7)))
            let id = try await subscriber.expect("a", "hello", qos: .atLeastOnce)
            try await subscriber.send(.puback(Acknowledgement(packetID: id)))
            try await subscriber.expectNothing()
        }
    }

    @Test(arguments: [ProtocolVersion.v31, .v311, .v5])
    func `a QoS 2 message takes four packets each way`(version: ProtocolVersion) async throws {
        try await withBroker(on: MemoryStore()) { _, port in
            let subscriber = try await TestClient.connect(port: port, "subscriber", version: version)
            try await subscriber.subscribe("a", qos: .exactlyOnce)
            let publisher = try await TestClient.connect(port: port, "publisher", version: version)
            try await publisher.publish("a", "hello", qos: .exactlyOnce, id: 7)
            try await publisher.expect(.pubrec(Acknowledgement(packetID: 7)))
            try await publisher.send(.pubrel(Acknowledgement(packetID: 7)))
            try await publisher.expect(.pubcomp(Acknowledgement(packetID: 7)))
            let id = try await subscriber.expect("a", "hello", qos: .exactlyOnce)
            try await subscriber.send(.pubrec(Acknowledgement(packetID: id)))
            try await subscriber.expect(.pubrel(Acknowledgement(packetID: id)))
            try await subscriber.send(.pubcomp(Acknowledgement(packetID: id)))
            try await subscriber.expectNothing()
        }
    }

    @Test func `a retained message is sent on subscribe until it is cleared`() async throws {
        try await withBroker(on: MemoryStore()) { _, port in
            let publisher = try await TestClient.connect(port: port, "publisher")
            try await publisher.publish("r", "kept", qos: .atLeastOnce, retain: true, id: 1)
            try await publisher.expect(
                .puback(Acknowledgement(packetID: 1, reason: .noMatchingSubscribers)))
            let subscriber = try await TestClient.connect(port: port, "subscriber")
            try await subscriber.subscribe("r")
            try await subscriber.expect("r", "kept", retain: true)
            try await publisher.publish("r", "", retain: true)
            try await subscriber.expect("r", "")
            let late = try await TestClient.connect(port: port, "late")
            try await late.subscribe("r")
            try await late.expectNothing()
        }
    }

    @Test func `a will is published when its client vanishes, and not when it says goodbye`() async throws {
        try await withBroker(on: MemoryStore()) { _, port in
            let watcher = try await TestClient.connect(port: port, "watcher")
            try await watcher.subscribe("will/#")
            let polite = try await TestClient.connect(
                port: port, "polite", will: Will(topic: "will/polite", payload: [1]))
            try await polite.disconnect()
            let rude = try await TestClient.connect(
                port: port, "rude", will: Will(topic: "will/rude", payload: Array("gone".utf8)))
            try await rude.vanish()
            try await watcher.expect("will/rude", "gone")
        }
    }

    @Test func `messages of one publisher keep their order`() async throws {
        try await withBroker(on: MemoryStore()) { _, port in
            let subscriber = try await TestClient.connect(port: port, "subscriber")
            try await subscriber.subscribe("a", qos: .atLeastOnce)
            let publisher = try await TestClient.connect(port: port, "publisher")
            let count: UInt16 = 200
            for number in 1...count {
                try await publisher.publish("a", "\(number)", qos: .atLeastOnce, id: number)
            }
            for number in 1...count {
                let id = try await subscriber.expect("a", "\(number)", qos: .atLeastOnce)
                try await subscriber.send(.puback(Acknowledgement(packetID: id)))
                try await publisher.expect(.puback(Acknowledgement(packetID: number)))
            }
        }
    }

    @Test func `a payload of a mebibyte arrives whole`() async throws {
        try await withBroker(on: MemoryStore()) { _, port in
            let subscriber = try await TestClient.connect(port: port, "subscriber", version: .v311)
            try await subscriber.subscribe("big")
            let publisher = try await TestClient.connect(port: port, "publisher", version: .v311)
            let payload = String(repeating: "0123456789abcdef", count: 1 << 16)
            try await publisher.publish("big", payload)
            try await subscriber.expect("big", payload)
        }
    }

    @Test func `the broker itself can publish`() async throws {
        try await withBroker(on: MemoryStore()) { broker, port in
            let subscriber = try await TestClient.connect(port: port, "subscriber")
            try await subscriber.subscribe("a", qos: .exactlyOnce)
            try await broker.publish(topic: "a", payload: Array("hi".utf8), qos: .atLeastOnce)
            try await subscriber.expect("a", "hi", qos: .atLeastOnce)
            let error = await #expect(throws: BrokerError.self) {
                try await broker.publish(topic: "a/#", payload: [])
            }
            #expect(error?.code == .publishRefused)
        }
    }
}

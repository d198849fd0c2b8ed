// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import NIOCore
import Packets
import Persistence
import StoreMemory
import Testing

@testable import Server

/// A client that takes messages and acknowledges them as fast as they come.
@Suite(.timeLimit(.minutes(5)))
struct BusyConsumerTests {
    /// A subscriber of which the broker reads acknowledgements many at a time, and its publisher.
    private struct Pair {
        let consumer: TestClient
        let publisher: TestClient
        let broker: Broker
        private var count = 0

        init(_ broker: Broker, _ port: Int, version: ProtocolVersion = .v311) async throws {
            self.broker = broker
            consumer = try await TestClient.connect(port: port, "consumer", version: version)
            publisher = try await TestClient.connect(port: port, "publisher", version: .v311)
            try await consumer.subscribe("t", qos: .atLeastOnce)
        }

        /// Messages that are sent, received and acknowledged, each acknowledgement by itself.
        mutating func exchange() async throws {
            var acknowledgements: [Packet] = []
            for _ in 0..<Pair.messages {
                count += 1
                try await publisher.publish(
                    "t", "\(count)", qos: .atLeastOnce, id: UInt16(count % 60_000 + 1))
            }
            for number in count - Pair.messages + 1...count {
                let id = try await consumer.expect("t", "\(number)", qos: .atLeastOnce)
                acknowledgements.append(.puback(Acknowledgement(packetID: id)))
            }
            try await consumer.sendApart(acknowledgements)
            for _ in 0..<Pair.messages { _ = try await publisher.receive() }
        }

        private static let messages = 100

        var gathering: Int { get async throws { try await broker.gatheringCount } }

        /// Exchanges messages until the broker reads acknowledgements many at a time.
        mutating func makeBusy() async throws {
            let deadline = ContinuousClock.now + .seconds(60)
            while .now < deadline {
                try await exchange()
                if try await gathering > 0 { return }
            }
            Issue.record("the consumer is not busy enough")
        }
    }

    @Test func `acknowledgements of a busy consumer are read many at a time, and none is missed`()
        async throws
    {
        try await withBroker(on: MemoryStore()) { broker, port in
            var pair = try await Pair(broker, port)
            try await pair.makeBusy()
            // More than any window holds: each of them must have been read.
            for _ in 0..<20 { try await pair.exchange() }
        }
    }

    @Test func `when it has nothing to acknowledge any more, it is read as ever`() async throws {
        try await withBroker(on: MemoryStore()) { broker, port in
            var pair = try await Pair(broker, port)
            try await pair.makeBusy()
            let deadline = ContinuousClock.now + .seconds(60)
            while try await pair.gathering > 0, .now < deadline { await Task.yield() }
            #expect(try await pair.gathering == 0)
            try await pair.consumer.expectNothing()
        }
    }

    @Test func `another packet of it is answered, and ends that`() async throws {
        try await withBroker(on: MemoryStore()) { broker, port in
            var pair = try await Pair(broker, port)
            try await pair.makeBusy()
            try await pair.consumer.expectNothing()
            #expect(try await pair.gathering == 0)
            try await pair.makeBusy()
            try await pair.consumer.publish("t", "own", qos: .atLeastOnce, id: 7)
            let packets = [try await pair.consumer.receive(), try await pair.consumer.receive()]
            #expect(packets.contains(.puback(Acknowledgement(packetID: 7))))
        }
    }

    @Test func `it may say goodbye, or vanish`() async throws {
        try await withBroker(on: MemoryStore()) { broker, port in
            var pair = try await Pair(broker, port)
            try await pair.makeBusy()
            try await pair.consumer.disconnect()
            var other = try await Pair(broker, port)
            try await other.makeBusy()
            try await other.consumer.vanish()
            let deadline = ContinuousClock.now + .seconds(60)
            while try await broker.gatheringCount > 0, .now < deadline { await Task.yield() }
            #expect(try await broker.gatheringCount == 0)
        }
    }

    @Test func `a shutdown reaches it`() async throws {
        let broker = makeBroker(on: MemoryStore())
        async let running: Void = broker.run()
        let port = try await broker.startup().endpoints[0].port
        var pair = try await Pair(broker, port, version: .v5)
        try await pair.makeBusy()
        broker.shutDown()
        try await pair.consumer.expectDisconnect(.serverShuttingDown)
        try await running
    }

    @Test func `a client with a persistent session, or with a small window, is read at once`() async throws {
        try await withBroker(on: MemoryStore()) { broker, port in
            let persistent = try await TestClient.connect(port: port, "persistent", sessionExpiry: 100)
            let narrow = try await TestClient.open(port: port)
            try await narrow.send(
                .connect(
                    Connect(
                        version: .v5, clientID: "narrow", cleanStart: true,
                        properties: Properties { $0.receiveMaximum = 100 })))
            _ = try await narrow.connack()
            let publisher = try await TestClient.connect(port: port, "publisher")
            for consumer in [persistent, narrow] {
                try await consumer.subscribe("t", qos: .atLeastOnce)
            }
            for number in 1...500 as ClosedRange<UInt16> {
                try await publisher.publish("t", "x", qos: .atLeastOnce, id: number)
                for consumer in [persistent, narrow] {
                    let id = try await consumer.expect("t", "x", qos: .atLeastOnce)
                    try await consumer.send(.puback(Acknowledgement(packetID: id)))
                }
                _ = try await publisher.receive()
            }
            #expect(try await broker.gatheringCount == 0)
        }
    }
}

extension Broker {
    /// Connections of which acknowledgements are read many at a time.
    fileprivate var gatheringCount: Int {
        get async throws {
            var count = 0
            for loop in machinery?.loops ?? [] {
                count += try await loop.eventLoop.submit { loop.gatheringCount }.get()
            }
            return count
        }
    }
}

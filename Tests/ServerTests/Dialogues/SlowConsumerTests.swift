// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import Packets
import StoreMemory
import Testing

@testable import Server

@Suite(.timeLimit(.minutes(5)))
struct SlowConsumerTests {
    private static let payload = String(repeating: "x", count: 16_000)

    @Test func `a consumer that does not read loses QoS 0, in order, and slows nobody else`() async throws {
        try await withBroker(on: MemoryStore(), { $0.outboundBytesMax = 256 << 10 }) { _, port in
            let slow = try await TestClient.connect(port: port, "slow")
            try await slow.subscribe("a")
            let fast = try await TestClient.connect(port: port, "fast")
            try await fast.subscribe("a")
            try await slow.setReading(false)
            let publisher = try await TestClient.connect(port: port, "publisher")
            let count = 2000
            for number in 0..<count {
                try await publisher.publish("a", "\(number) \(Self.payload)")
                #expect(try await Self.number(of: fast.receive()) == number)
            }
            try await slow.setReading(true)
            try await slow.send(.pingreq)
            var last = -1
            var received = 0
            while let number = try await Self.number(of: slow.receive()) {
                #expect(number > last)
                last = number
                received += 1
            }
            #expect((1..<count).contains(received))
        }
    }

    @Test func `a persistent consumer that does not read loses nothing`() async throws {
        try await withBroker(on: MemoryStore(), { $0.outboundBytesMax = 256 << 10 }) { _, port in
            let slow = try await TestClient.connect(port: port, "slow", sessionExpiry: 100)
            try await slow.subscribe("a", qos: .atLeastOnce)
            try await slow.setReading(false)
            let publisher = try await TestClient.connect(port: port, "publisher")
            let count = 1500
            for number in 0..<count {
                try await publisher.publish("a", "\(number) \(Self.payload)", qos: .atLeastOnce, id: 1)
                try await publisher.expect(.puback(Acknowledgement(packetID: 1)))
            }
            try await slow.setReading(true)
            for number in 0..<count {
                guard case .publish(let publish) = try await slow.receive() else {
                    Issue.record("message \(number) is missing")
                    return
                }
                #expect(Self.number(of: .publish(publish)) == number)
                try await slow.send(.puback(Acknowledgement(packetID: publish.packetID)))
            }
            try await slow.expectNothing()
        }
    }

    private static func number(of packet: Packet) -> Int? {
        guard case .publish(let publish) = packet else { return nil }
        return Int(String(decoding: publish.payload.prefix { $0 != 0x20 }, as: UTF8.self))
    }
}

// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import Packets
import StoreConformance
import Testing

@testable import Server

@Suite(.timeLimit(.minutes(5)))
struct BackPressureTests {
    @Test func `a publisher past the limit of what is uncommitted is not read until the store commits again`()
        async throws
    {
        try await withFaultyStore { store in
            try await withBroker(
                on: store,
                {
                    $0.packetBytesMax = 64 << 10
                    $0.sessionUncommittedBytesMax = 256 << 10
                    $0.batchBytesMax = 256 << 10
                    $0.uncommittedBytesMax = 256 << 10
                },
                body: { broker, port in try await Self.flood(store, broker, port) })
        }
    }

    private static func flood(_ store: FaultyStore, _ broker: Broker, _ port: Int) async throws {
        let witness = try await TestClient.connect(port: port, "witness")
        let publisher = try await TestClient.connect(port: port, "publisher")
        let payload = String(repeating: "x", count: 16_000)
        let count: UInt16 = 1000
        store.stall()
        async let sent: Void = publish(count, payload, as: publisher)
        try await eventually("a stall") { (broker.machinery?.uncommittedBytes ?? 0) > 200 << 10 }
        for _ in 0..<50 {
            try await witness.expectNothing()
            #expect((broker.machinery?.uncommittedBytes ?? 0) < 1 << 20)
        }
        #expect(publisher.hasHeardNothing)
        store.release()
        for number in 1...count {
            try await publisher.expect(
                .puback(Acknowledgement(packetID: number, reason: .noMatchingSubscribers)))
        }
        try await sent
    }

    private static func publish(_ count: UInt16, _ payload: String, as publisher: TestClient) async throws {
        for number in 1...count {
            try await publisher.publish(
                Text("r/\(number)"), payload, qos: .atLeastOnce, retain: true, id: number)
        }
    }
}

// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import Packets
import StoreMemory
import Testing

@testable import Server

@Suite(.timeLimit(.minutes(5)))
struct BadInputTests {
    @Test func `malformed bytes end their own connection with a reason`() async throws {
        try await withBroker(on: MemoryStore()) { _, port in
            let witness = try await TestClient.connect(port: port, "witness")
            let client = try await TestClient.connect(port: port, "client")
            try await client.send(bytes: [0x36, 0x02, 0x00, 0x00])
            try await client.expectDisconnect(.malformedPacket)
            let older = try await TestClient.connect(port: port, "older", version: .v311)
            try await older.send(bytes: [0x36, 0x02, 0x00, 0x00])
            try await older.expectClosed()
            try await witness.expectNothing()
        }
    }

    @Test func `the reason arrives although more is on its way to the broker`() async throws {
        try await withBroker(on: MemoryStore()) { _, port in
            let client = try await TestClient.connect(port: port, "client")
            try await client.send(bytes: [0x00] + Array(repeating: 0x55, count: 500_000))
            try await client.expectDisconnect(.malformedPacket)
        }
    }

    @Test func `a packet above the limit is refused on its header`() async throws {
        try await withBroker(on: MemoryStore(), { $0.packetBytesMax = 1000 }) { _, port in
            let client = try await TestClient.connect(port: port, "client")
            try await client.send(bytes: [0x30, 0xE8, 0x07])
            try await client.expectDisconnect(.packetTooLarge)
        }
    }

    @Test func `what is not CONNECT is answered by closing [MQTT-3.1.0-1]`() async throws {
        try await withBroker(on: MemoryStore()) { _, port in
            let client = try await TestClient.open(port: port)
            try await client.send(.pingreq)
            try await client.expectClosed()
        }
    }

    @Test func `packets may arrive byte by byte`() async throws {
        try await withBroker(on: MemoryStore()) { _, port in
            let client = try await TestClient.open(port: port, version: .v311)
            let connect: [UInt8] = [0x10, 13, 0, 4, 0x4D, 0x51, 0x54, 0x54, 4, 2, 0, 0, 0, 1, 0x61]
            for byte in connect + [0xC0, 0] { try await client.send(bytes: [byte]) }
            #expect(try await client.connack().reason == .success)
            try await client.expect(.pingresp)
        }
    }
}

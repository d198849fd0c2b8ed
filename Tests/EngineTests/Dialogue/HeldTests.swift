// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import Packets
import Persistence
import Synchronization
import Testing

@testable import Engine

/// What clients that are slower than their messages have in memory, each and all together.
struct HeldTests {
    private let bytes = 100_000

    private func held(_ world: World) -> Int { world.commons.deliveryBytes.load(ordering: .relaxed) }

    /// Sessions that are away, with a queue of `count` large messages each; gives those back.
    private func leave(_ clientIDs: [Text], _ count: Int, in world: World) -> [Text] {
        for clientID in clientIDs {
            let client = world.joinPersistent(clientID)
            client.subscribe("t")
            client.cut()
        }
        let texts = (1...count).map { Text("\($0) " + String(repeating: "x", count: bytes)) }
        let publisher = world.join("p")
        for (index, text) in texts.enumerated() {
            publisher.send(.publish("t", text, qos: .atLeastOnce, id: UInt16(index + 1)))
        }
        return texts
    }

    /// Comes back, and its socket takes nothing behind CONNACK.
    private func comeBack(_ clientID: Text, in world: World) -> TestClient {
        world.holdsReads = true
        let client = world.joinPersistent(clientID)
        client.takesBytes = false
        world.shards[client.shard].writabilityChanged(client.slot, isWritable: false, now: world.now)
        world.holdsReads = false
        world.pass(seconds: 0.1)
        return client
    }

    private func takeAll(_ client: TestClient, _ count: Int, in world: World) -> [Text] {
        var received: [Text] = []
        for _ in 0..<(10 * count) where received.count < count {
            world.drain(client)
            received += client.acknowledgeAll().texts
        }
        return received
    }

    /// Windows were limited by how many messages they have, and so by nothing when messages are large.
    @Test func `large messages are read ahead up to a window's bytes and not up to its count`() throws {
        let world = try World(limits: Limits { $0.outboundBytesMax = 250_000 })
        let expected = leave(["s"], 40, in: world)
        let client = comeBack("s", in: world)
        #expect(held(world) > bytes)
        #expect(held(world) < 250_000 + world.commons.limits.windowBytesMax + 3 * bytes)
        #expect(takeAll(client, 40, in: world) == expected)
        #expect(held(world) == 0)
    }

    @Test func `clients that do not read share one budget, and each gets everything once it reads`() throws {
        let world = try World(limits: Limits { $0.deliveryBytesMax = 2_000_000 })
        let names = (1...20).map { Text("s\($0)") }
        let expected = leave(names, 12, in: world)
        let clients = names.map { comeBack($0, in: world) }
        #expect(held(world) > 1_000_000)
        #expect(held(world) < 2_000_000 + names.count * 2 * bytes, "of 24,000,000")
        for client in clients.reversed() { #expect(takeAll(client, 12, in: world) == expected) }
        #expect(held(world) == 0)
    }

    @Test func `without any budget messages come one by one, to those who read and to those who do not`()
        throws
    {
        let world = try World(
            limits: Limits {
                $0.deliveryBytesMax = 0
                $0.deliveryBytesMin = 1
            })
        let expected = leave(["s", "fast"], 12, in: world)
        let slow = comeBack("s", in: world)
        #expect(held(world) < 2 * bytes)
        #expect(world.joinPersistent("fast").acknowledgeAll().texts == expected)
        #expect(takeAll(slow, 12, in: world) == expected)
        #expect(held(world) == 0)
    }

    @Test func `a connection that ends gives back what was read for it`() throws {
        let world = try World()
        let expected = leave(["s"], 12, in: world)
        for _ in 0..<3 {
            let client = comeBack("s", in: world)
            #expect(held(world) > bytes)
            client.cut()
            #expect(held(world) == 0)
        }
        world.holdsReads = true
        let client = world.joinPersistent("s")
        #expect(held(world) > 0, "a window has been asked for")
        client.cut()
        #expect(held(world) == 0)
        world.holdsReads = false
        world.settle()
        #expect(world.joinPersistent("s").acknowledgeAll().texts == expected)
        #expect(held(world) == 0)
    }
}

// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import Packets
import Persistence
import StoreMemory
import Testing

@testable import Engine

/// A share that only volatile sessions are members of: nothing is stored, and what one leaves goes to another.
@Suite struct VolatileShareTests {
    private func publish(_ texts: Range<Int>, qos: QoS = .atLeastOnce, in world: World) {
        let publisher = world.join("publisher")
        for index in texts {
            publisher.exchange(.publish("t", Text("\(index)"), qos: qos, id: UInt16(index)))
        }
        publisher.exchange(.disconnect())
    }

    private func member(
        _ name: Text, of world: World, shard: Int = 0, _ configure: (inout Properties) -> Void = { _ in }
    ) -> TestClient {
        let client = world.join(name, shard: shard, configure)
        client.subscribe("$share/g/t")
        return client
    }

    @Test(arguments: [0, 1])
    func `what a member has not acknowledged goes to another one, in order [MQTT-4.8.2-5]`(shard: Int) throws
    {
        let world = try World(shards: 2)
        let ending = member("a", of: world)
        publish(1..<6, in: world)
        #expect(ending.takePublishes().texts == ["1", "2", "3", "4", "5"])
        let other = member("b", of: world, shard: shard)
        ending.exchange(.puback(2))
        ending.exchange(.puback(4, .implementationSpecificError))
        ending.cut()
        let moved = other.acknowledgeAll()
        #expect(moved.texts == ["1", "3", "5"] && moved.map(\.dup) == [false, false, false])
        world.rest()
        #expect(other.take() == [])
        #expect(try world.stored().deliveries == [] && world.stored().endedSessions == [])
    }

    @Test func `it goes on from one to the next`() throws {
        let world = try World()
        let (first, second) = (member("a", of: world), member("b", of: world))
        publish(1..<5, in: world)
        let (mine, others) = (first.takePublishes(), second.takePublishes())
        #expect(mine.count == 2 && others.count == 2)
        let third = member("c", of: world)
        first.cut()
        second.cut()
        #expect(Set(third.acknowledgeAll().texts) == ["1", "2", "3", "4"])
        third.cut()
        #expect(member("d", of: world).take() == [])
    }

    @Test func `nobody left: it is discarded`() throws {
        let world = try World()
        let ending = member("a", of: world)
        publish(1..<4, in: world)
        ending.cut()
        world.rest()
        #expect(member("b", of: world).take() == [])
        #expect(try world.stored().deliveries == [])
    }

    @Test func `QoS 2 that was sent is discarded, what was not is moved [MQTT-4.8.2-5]`() throws {
        let world = try World()
        let ending = member("a", of: world) { $0.receiveMaximum = 1 }
        publish(1..<4, qos: .exactlyOnce, in: world)
        #expect(ending.takePublishes().texts == ["1"])
        let other = member("b", of: world)
        ending.cut()
        #expect(other.acknowledgeAll().texts == ["2", "3"])
    }

    @Test func `a persistent member has it stored`() throws {
        let world = try World()
        let ending = member("a", of: world)
        publish(1..<3, in: world)
        #expect(ending.takePublishes().count == 2)
        let persistent = world.joinPersistent("b")
        persistent.subscribe("$share/g/t")
        persistent.cut()
        ending.cut()
        world.rest()
        #expect(try world.stored().deliveries.map(\.share) == ["$share/g/t", "$share/g/t"])
        #expect(world.joinPersistent("b").acknowledgeAll().texts == ["1", "2"])
    }

    @Test(arguments: [0, 1])
    func `what is on its way to a member that ends goes to another one`(shard: Int) throws {
        let world = try World(shards: 2)
        let ending = member("a", of: world, shard: shard)
        let publisher = world.joinPersistent("p")
        world.isStalled = true
        publisher.send(.publish("t", "late", qos: .exactlyOnce, id: 1))
        #expect(ending.take() == [])
        let other = member("b", of: world)
        ending.cut()
        world.isStalled = false
        world.rest()
        #expect(other.acknowledgeAll().texts == ["late"])
    }

    @Test func `what was too much for one member is not given to the next`() throws {
        let world = try World(limits: Limits { $0.tailMessagesMax = 10 })
        let slow = member("a", of: world) { $0.receiveMaximum = 1 }
        publish(1..<10, in: world)
        let other = member("b", of: world)
        publish(10..<20, in: world)
        _ = other.acknowledgeAll()
        publish(20..<30, in: world)
        #expect(slow.take().last == .disconnect(.quotaExceeded))
        let texts = Set(other.acknowledgeAll().texts)
        #expect(texts.isDisjoint(with: Set((1..<10).map { Text("\($0)") })))
    }

    @Test func `messages that are kept for it take bounded memory`() throws {
        let world = try World(limits: Limits { $0.outboundBytesMax = 3_000 })
        let ending = member("a", of: world)
        let publisher = world.join("publisher")
        let large = Text(String(repeating: "x", count: 900))
        for id in 1...UInt16(6) { publisher.exchange(.publish("t", large, qos: .atLeastOnce, id: id)) }
        #expect(ending.takePublishes().count == 6)
        let other = member("b", of: world)
        for id in 1...UInt16(2) { ending.exchange(.puback(id)) }
        for id in 7...UInt16(8) { publisher.exchange(.publish("t", "small", qos: .atLeastOnce, id: id)) }
        ending.cut()
        #expect(other.acknowledgeAll().texts.count { $0 == large } == 1)
    }
}

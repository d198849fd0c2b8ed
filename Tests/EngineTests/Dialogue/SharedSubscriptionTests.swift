// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import Packets
import Persistence
import StoreMemory
import Testing

@testable import Engine

@Suite struct SharedSubscriptionTests {
    private func publish(_ count: Int, qos: QoS = .atLeastOnce, in world: World) {
        let publisher = world.join("publisher")
        for index in 1...count {
            publisher.exchange(
                .publish("t", Text("\(index)"), qos: qos, id: qos == .atMostOnce ? 0 : UInt16(index)))
        }
        publisher.exchange(.disconnect())
    }

    @Test(arguments: [QoS.atMostOnce, .atLeastOnce, .exactlyOnce], [1, 2])
    func `one member of a group gets each message [MQTT-4.8.2-4]`(qos: QoS, shards: Int) throws {
        let world = try World(shards: shards)
        let members = (0..<3).map { world.join(Text("m\($0)"), shard: $0 % shards) }
        for member in members { member.subscribe("$share/g/t") }
        publish(30, qos: qos, in: world)
        let received = members.map { $0.acknowledgeAll().texts }
        #expect(received.flatMap { $0 }.count == 30 && Set(received.flatMap { $0 }).count == 30)
        #expect(received.allSatisfy { !$0.isEmpty })
    }

    @Test func `each group and each ordinary subscription gets its own copy`() throws {
        let world = try World()
        let client = world.joinPersistent("a")
        client.subscribe("$share/g/t", "$share/h/t", "t")
        publish(1, in: world)
        #expect(client.acknowledgeAll().texts == ["1", "1", "1"])
        world.rest()
        #expect(try world.stored().deliveries == [])
    }

    @Test func `a copy for each survives the absence of its receiver`() throws {
        let world = try World()
        let first = world.joinPersistent("a")
        first.subscribe("$share/g/t", "$share/h/t", "t")
        first.cut()
        publish(1, in: world)
        #expect(world.joinPersistent("a").acknowledgeAll().texts == ["1", "1", "1"])
    }

    @Test func `a member that is online comes before one that is away`() throws {
        let world = try World()
        let (online, away) = (world.joinPersistent("a"), world.joinPersistent("b"))
        online.subscribe("$share/g/t")
        away.subscribe("$share/g/t")
        away.cut()
        publish(10, in: world)
        #expect(online.acknowledgeAll().count == 10)
        #expect(world.joinPersistent("b").take() == [])
    }

    @Test func `with nobody online an absent persistent member keeps it`() throws {
        let world = try World()
        let (persistent, volatile) = (world.joinPersistent("a"), world.join("b"))
        persistent.subscribe("$share/g/t")
        volatile.subscribe("$share/g/t")
        persistent.cut()
        volatile.cut()
        publish(5, in: world)
        #expect(world.joinPersistent("a").acknowledgeAll().count == 5)
    }

    @Test func `a volatile member gets it only if no persistent one is online, and then it is stored`() throws
    {
        let world = try World()
        let (persistent, volatile) = (world.joinPersistent("a"), world.join("b"))
        persistent.subscribe("$share/g/t")
        volatile.subscribe("$share/g/t")
        publish(5, in: world)
        #expect(persistent.acknowledgeAll().count == 5 && volatile.take() == [])
        persistent.cut()
        publish(1, in: world)
        #expect(volatile.takePublishes().count == 1)
        #expect(try world.stored().deliveries.map(\.share) == ["$share/g/t"])
        volatile.exchange(.puback(1))
        world.rest()
        #expect(try world.stored().deliveries == [])
    }

    @Test func `what a member that ends has not acknowledged goes to another one [MQTT-4.8.2-5]`() throws {
        let world = try World(shards: 2)
        let (ending, other) = (world.join("a", clean: false, expiry: 10), world.joinPersistent("b", shard: 1))
        ending.subscribe("$share/g/t", identifier: 5)
        publish(3, in: world)
        #expect(ending.takePublishes().texts == ["1", "2", "3"])
        other.subscribe("$share/g/t", identifier: 6)
        ending.send(.puback(2))
        ending.cut()
        world.pass(seconds: 11)
        world.rest()
        let moved = other.acknowledgeAll()
        #expect(moved.texts == ["1", "3"] && moved.map(\.dup) == [false, false])
        #expect(moved.map(\.properties.subscriptionIdentifiers) == [[6], [6]])
        world.rest()
        #expect(try world.stored().deliveries == [] && world.stored().endedSessions == [])
    }

    @Test func `what a volatile member loses with its connection goes to another one`() throws {
        let world = try World()
        let persistent = world.joinPersistent("a")
        persistent.subscribe("$share/g/t")
        persistent.cut()
        let volatile = world.join("b")
        volatile.subscribe("$share/g/t")
        publish(2, in: world)
        #expect(volatile.takePublishes().count == 2)
        volatile.cut()
        world.rest()
        #expect(world.joinPersistent("a").acknowledgeAll().texts == ["1", "2"])
        #expect(try world.stored().endedSessions == [])
    }

    @Test
    func `QoS 2 that a member was sent is discarded with it, and QoS 2 never sent is not [MQTT-4.8.2-5]`()
        throws
    {
        let world = try World()
        let ending = world.join("a", clean: false, expiry: 10) { $0.receiveMaximum = 1 }
        let other = world.joinPersistent("b")
        ending.subscribe("$share/g/t")
        publish(2, qos: .exactlyOnce, in: world)
        #expect(ending.takePublishes().texts == ["1"])
        other.subscribe("$share/g/t")
        ending.cut()
        world.pass(seconds: 11)
        world.rest()
        #expect(other.acknowledgeAll().texts == ["2"])
        world.rest()
        #expect(try world.stored().deliveries == [])
    }

    @Test func `QoS 2 goes on with the member it was sent to [MQTT-4.8.2-4]`() throws {
        let world = try World()
        let (first, other) = (world.joinPersistent("a"), world.joinPersistent("b"))
        first.subscribe("$share/g/t")
        publish(1, qos: .exactlyOnce, in: world)
        #expect(first.takePublishes().count == 1)
        first.cut()
        other.subscribe("$share/g/t")
        world.pass(seconds: 100)
        #expect(other.take() == [])
        #expect(world.joinPersistent("a").takePublishes().map(\.dup) == [true])
    }

    @Test func `what the last member leaves is discarded`() throws {
        let world = try World()
        let ending = world.join("a", clean: false, expiry: 10)
        ending.subscribe("$share/g/t")
        ending.cut()
        publish(3, in: world)
        #expect(try world.stored().deliveries.count == 3)
        world.pass(seconds: 11)
        world.rest()
        #expect(try world.stored().deliveries == [] && world.stored().sysInfo.messageCount == 0)
    }

    @Test func `more than one slice of what a member leaves is moved, all of it, in order`() throws {
        let world = try World()
        let ending = world.join("a", clean: false, expiry: 10)
        ending.subscribe("$share/g/t")
        ending.cut()
        let publisher = world.join("p")
        for _ in 0..<25 {
            publisher.send((0..<100).map { .publish("t", Text("\($0)"), qos: .atLeastOnce, id: 1) })
            _ = publisher.take()
        }
        let other = world.joinPersistent("b")
        other.subscribe("$share/g/t")
        world.pass(seconds: 11)
        for _ in 0..<4 { world.rest() }
        let expected = (0..<25).flatMap { _ in (0..<100).map { Text("\($0)") } }
        #expect(other.acknowledgeAll().texts == expected)
        world.rest()
        #expect(try world.stored().endedSessions == [] && world.stored().deliveries == [])
    }

    @Test func `a member that unsubscribes gets no more`() throws {
        let world = try World()
        let (one, other) = (world.join("a"), world.join("b"))
        one.subscribe("$share/g/t")
        other.subscribe("$share/g/t")
        one.send(.unsubscribe("$share/g/t"))
        publish(6, in: world)
        #expect(one.takePublishes() == [] && other.acknowledgeAll().count == 6)
    }

    @Test func `a member that is full is passed over`() throws {
        let world = try World(limits: Limits { $0.queuedMessagesMax = 1024 })
        let (one, other) = (world.joinPersistent("a"), world.joinPersistent("b"))
        one.subscribe("$share/g/t")
        other.subscribe("$share/g/t")
        one.cut()
        other.cut()
        let publisher = world.join("p")
        for _ in 0..<30 {
            publisher.send((0..<100).map { _ in .publish("t", qos: .atLeastOnce, id: 1) })
            _ = publisher.take()
        }
        let counts = try [UInt64(1), 2].map { try world.store.deliveryCount(of: $0) }
        #expect(counts.allSatisfy { $0 >= 1_024 && $0 < 1_224 }, "\(counts)")
        #expect(!world.drops.isEmpty || counts.reduce(0, +) == 3_000)
    }
}

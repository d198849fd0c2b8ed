// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import Packets
import Persistence
import StoreMemory
import Synchronization
import Testing

@testable import Engine

/// Faults that other brokers have and that no other suite here names.
@Suite struct KnownFaultTests {
    private func publish(_ texts: Text..., qos: QoS = .atLeastOnce, expiry: UInt32? = nil, in world: World) {
        let publisher = world.join("publisher")
        for text in texts {
            publisher.exchange(
                .publish("t", text, qos: qos, id: 1) { $0.messageExpiry = expiry }, .pubrel(1))
        }
        publisher.exchange(.disconnect())
    }

    // MARK: Queues

    @Test func `fault: a message that waits for the window is taken from the store before its PUBACK`() throws
    {
        let world = try World()
        let client = world.joinPersistent("s") { $0.receiveMaximum = 2 }
        client.subscribe("t")
        publish("1", "2", "3", "4", "5", in: world)
        world.rest()
        #expect(try world.stored().deliveries.count == 5)
        client.send(.puback(1), .puback(2))
        #expect(client.takePublishes().texts == ["1", "2", "3", "4"])
        world.rest()
        #expect(try world.stored().deliveries.count == 3)
        let second = try world.restarted()
        #expect(second.joinPersistent("s").acknowledgeAll().texts == ["3", "4", "5"])
    }

    @Test func `fault: a message that waits for the window loses its expiry`() throws {
        let world = try World()
        let client = world.joinPersistent("s") { $0.receiveMaximum = 1 }
        client.subscribe("t")
        publish("1", "2", expiry: 100, in: world)
        _ = client.take()
        world.pass(seconds: 30)
        client.send(.puback(1))
        #expect(client.takePublishes().map(\.properties.messageExpiry) == [70])
    }

    @Test func `fault: a takeover deletes what is queued and stores it again`() throws {
        let world = try World(shards: 2)
        let first = world.joinPersistent("s")
        first.subscribe("t")
        publish("1", "2", "3", in: world)
        _ = first.take()
        world.rest()
        let before = try world.stored().deliveries.map(\.number)
        _ = world.store.takeAttempts()
        let second = world.joinPersistent("s", shard: 1)
        world.rest()
        #expect(try world.stored().deliveries.map(\.number) == before)
        let changes = Set(world.store.takeAttempts().flatMap(\.changes))
        #expect(changes.isSubset(of: ["state", "client"]))
        #expect(second.acknowledgeAll().texts == ["1", "2", "3"])
    }

    @Test func `fault: what is published while a session moves is lost, or comes twice`() throws {
        let world = try World(shards: 2)
        world.joinPersistent("s").subscribe("t")
        let publisher = world.join("p", shard: 1)
        world.frozen = [0]
        let second = world.connect("s", shard: 1, clean: false, expiry: 60)
        publisher.exchange(.publish("t", "1", qos: .atLeastOnce, id: 1))
        world.frozen = []
        world.settle()
        publisher.exchange(.publish("t", "2", qos: .atLeastOnce, id: 1))
        #expect(second.acknowledgeAll().texts == ["1", "2"])
    }

    @Test func `fault: a queue at its limit drops without a word`() throws {
        let world = try World(limits: Limits { $0.queuedMessagesMax = 1_024 })
        let client = world.joinPersistent("s")
        client.subscribe("t")
        client.cut()
        let publisher = world.join("p")
        for _ in 0..<15 {
            publisher.send((0..<100).map { _ in .publish("t", qos: .atLeastOnce, id: 1) })
            #expect(publisher.take().count == 100)
        }
        let stored = try world.stored().deliveries.count
        #expect(stored >= 1_024 && stored < 1_224)
        let dropped = world.drops.reduce(0) { sum, report in
            if case .dropped(_, let count, .queueFull) = report { sum + count } else { sum }
        }
        #expect(stored + dropped == 1_500)
        let back = world.joinPersistent("s")
        #expect(back.acknowledgeAll().count == stored)
        world.rest()
        publisher.send(.publish("t", "room again", qos: .atLeastOnce, id: 1))
        #expect(back.acknowledgeAll().texts == ["room again"])
    }

    @Test func `fault: a limit is forgotten with a restart`() throws {
        let world = try World(limits: Limits { $0.queuedMessagesMax = 1_024 })
        let client = world.joinPersistent("s")
        client.subscribe("t")
        client.cut()
        let publisher = world.join("p")
        for _ in 0..<11 {
            publisher.send((0..<100).map { _ in .publish("t", qos: .atLeastOnce, id: 1) })
            _ = publisher.take()
        }
        let stored = try world.stored().deliveries.count
        let second = try world.restarted()
        second.pass(seconds: 1)
        second.join("q").exchange(.publish("other", qos: .atLeastOnce, id: 1, retain: true))
        second.pass(seconds: 1)
        second.join("p").exchange(.publish("t", qos: .atLeastOnce, id: 1))
        #expect(try second.stored().deliveries.count == stored && !second.drops.isEmpty)
    }

    @Test func `a limit in bytes holds after a restart, too`() throws {
        let world = try World(limits: Limits { $0.queuedBytesMax = 10_000 })
        let client = world.joinPersistent("s")
        client.subscribe("t")
        client.cut()
        let publisher = world.join("p")
        let large = Text(bytes: Array(repeating: 65, count: 1_000))
        for _ in 0..<11 { publisher.exchange(.publish("t", large, qos: .atLeastOnce, id: 1)) }
        let stored = try world.stored().deliveries.count
        #expect(stored == 10 && world.drops.count == 1)
        let second = try world.restarted()
        second.pass(seconds: 1)
        second.join("q").exchange(.publish("other", qos: .atLeastOnce, id: 1, retain: true))
        second.pass(seconds: 1)
        second.join("p").exchange(.publish("t", "x", qos: .atLeastOnce, id: 1))
        #expect(try second.stored().deliveries.count == stored && second.drops.count == 1)
        let back = second.joinPersistent("s")
        #expect(back.acknowledgeAll().count == stored)
        second.rest()
        second.join("p").exchange(.publish("t", "room again", qos: .atLeastOnce, id: 1))
        #expect(back.acknowledgeAll().texts == ["room again"])
    }

    // MARK: Sessions

    @Test func `fault: the record of the old connection overwrites that of the new one`() throws {
        let world = try World(shards: 2)
        let first = world.join("s", clean: false, expiry: 10, will: .say("w", "old", delay: 5))
        world.isStalled = true
        let second = world.connect("s", shard: 1, clean: false, expiry: 99, will: .say("w", "new", delay: 5))
        world.isStalled = false
        world.rest()
        #expect(first.isClosed && !second.isClosed)
        let record = try #require(try world.store.client("s"))
        #expect(record.disconnectedAt == 0 && record.expirySeconds == 99)
        #expect(record.will?.payload == Text("new").bytes)
    }

    @Test func `fault: a client that is lost before its CONNACK leaves a session behind`() throws {
        let world = try World(shards: 2)
        world.isStalled = true
        let volatile = world.connect("v", will: .say("w"))
        let early = world.connect("e", shard: 1)
        volatile.cut()
        early.cut()
        world.isStalled = false
        world.rest()
        #expect(try world.stored().clients == [] && world.stored().endedSessions == [])
        #expect(world.commons.registry.withLock { $0.count } == 0)
        #expect(world.shards.allSatisfy { $0.sessions.isEmpty })
    }

    @Test func `fault: who the client was and where it came from is not known after a restart`() throws {
        let world = try World()
        let client = world.open()
        client.send(
            .connect(
                Connect(
                    clientID: "a", cleanStart: false, username: "ann",
                    properties: Properties { $0.sessionExpiry = 60 })))
        let record = try #require(try world.restarted().store.client("a"))
        #expect(record.username == "ann" && record.remote == "192.0.2.1" && record.listener == "tcp")
    }

    @Test func `fault: clients that were online when the broker died come back as ghosts at every start`()
        throws
    {
        var world = try World()
        for index in 0..<5 { world.join(Text("g\(index)"), will: .say("w")).subscribe("t", "$share/g/t") }
        for _ in 0..<3 {
            world = try world.restarted()
            world.rest()
        }
        #expect(world.restored.sessionCount == 0 && world.restored.subscriptionCount == 0)
    }

    @Test func `fault: an empty store of many sessions grows with each that comes and goes`() throws {
        let world = try World()
        for index in 0..<200 {
            let client = world.join(Text("c\(index)"), clean: false, expiry: 1, will: .say("w"))
            client.subscribe(Text("t/\(index)"))
            client.cut()
        }
        world.pass(seconds: 2)
        for _ in 0..<3 { world.rest() }
        let stored = try world.stored()
        #expect(stored.clients == [] && stored.subscriptions == [] && stored.endedSessions == [])
        #expect(world.commons.registry.withLock { $0.count } == 0 && world.commons.subscriptions.count == 0)
    }

    // MARK: Quota

    @Test func `fault: a resumed session's old QoS 2 publishes use up the quota of its new connection`()
        throws
    {
        let world = try World(limits: Limits { $0.receiveMaximum = 3 })
        let first = world.joinPersistent("p")
        first.send(.publish("t", qos: .exactlyOnce, id: 1), .publish("t", qos: .exactlyOnce, id: 2))
        first.cut()
        let second = world.joinPersistent("p")
        let packets = second.exchange(
            .pubrel(1), .publish("t", qos: .exactlyOnce, id: 3), .publish("t", qos: .exactlyOnce, id: 4),
            .publish("t", qos: .exactlyOnce, id: 5), .pubrel(2))
        #expect(!second.isClosed && packets.count == 5)
    }

    // MARK: Retained messages and wills

    @Test func `fault: retained messages vanish after a day`() throws {
        let world = try World()
        world.join("p").exchange(.publish("t", "kept", qos: .atLeastOnce, id: 1, retain: true))
        world.pass(seconds: 400 * 86_400)
        let client = world.join("s")
        client.subscribe("t")
        world.pass(seconds: 1)
        #expect(client.takePublishes().texts == ["kept"])
    }

    @Test func `fault: a delayed will is published with the delay as its expiry`() throws {
        let world = try World()
        let watcher = world.join("w")
        watcher.subscribe("w")
        world.joinPersistent("a", will: .say("w", delay: 10)).cut()
        world.pass(seconds: 11)
        #expect(watcher.takePublishes().map(\.properties.messageExpiry) == [nil])
    }
}

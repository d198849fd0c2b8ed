// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import Packets
import Persistence
import StoreMemory
import Testing

@testable import Engine

/// The contract: an acknowledgement means "on disk". What leaves before the commit, and what only after it.
@Suite struct PersistenceOrderTests {
    /// A world whose store stalls, with a persistent subscriber that is away and one that is online.
    private func stalled() throws -> (World, away: TestClient, online: TestClient) {
        let world = try World()
        let away = world.joinPersistent("away")
        away.subscribe("away/#", "both")
        away.cut()
        let online = world.joinPersistent("online")
        online.subscribe("online/#", "both")
        world.rest()
        world.isStalled = true
        return (world, away, online)
    }

    // MARK: CONNACK

    @Test(arguments: [ProtocolVersion.v311, .v5])
    func `CONNACK of a persistent session waits for its record`(version: ProtocolVersion) throws {
        let world = try World()
        world.isStalled = true
        let client = world.connect("a", version, clean: false, expiry: 60)
        #expect(client.take() == [])
        #expect(try world.stored().clients == [])
        world.commit()
        #expect(client.take().map(\.type) == [.connack])
        #expect(try world.stored().clients.map(\.clientID) == ["a"])
    }

    @Test func `CONNACK of a session with a will waits for the record with the will`() throws {
        let world = try World()
        world.isStalled = true
        let client = world.connect("a", will: .say("w"))
        #expect(client.take() == [])
        world.commit()
        #expect(client.take().map(\.type) == [.connack])
        #expect(try world.stored().clients.map(\.will?.topic) == ["w"])
    }

    @Test func `CONNACK of a clean start waits for the end of the old session`() throws {
        for (shard, expiry) in [(0, 0), (0, 60), (1, 0), (1, 60)] as [(Int, UInt32)] {
            let world = try World(shards: 2)
            world.joinPersistent("a").cut()
            world.rest()
            world.isStalled = true
            let client = world.connect("a", shard: shard, clean: true, expiry: expiry)
            #expect(client.take() == [])
            while world.commit() {}
            #expect(client.take().map(\.type) == [.connack])
            #expect(try world.stored().clients.count == (expiry == 0 ? 0 : 1))
        }
    }

    @Test func `CONNACK of a session that needs no record leaves at once`() throws {
        let world = try World()
        world.isStalled = true
        #expect(world.connect("a").take().map(\.type) == [.connack])
        #expect(world.store.takeAttempts().dropFirst() == [])
    }

    @Test func `packets behind CONNECT wait with it`() throws {
        let world = try World()
        world.isStalled = true
        let client = world.connect("a", clean: false, expiry: 60)
        client.send(.pingreq, .publish("t", qos: .atLeastOnce, id: 1))
        #expect(client.take() == [])
        world.commit()
        #expect(client.take().map(\.type) == [.connack, .pingresp, .puback])
    }

    // MARK: SUBACK and UNSUBACK

    @Test func `SUBACK and UNSUBACK of a persistent session wait for the change`() throws {
        let (world, _, online) = try stalled()
        #expect(online.exchange(.subscribe("x")) == [])
        #expect(!(try world.stored().subscriptions.contains { $0.filter == "x" }))
        world.commit()
        #expect(online.take() == [.suback(100, .grantedQoS2)])
        #expect(try world.stored().subscriptions.contains { $0.filter == "x" })
        #expect(online.exchange(.unsubscribe("x")) == [])
        world.commit()
        #expect(online.take().map(\.type) == [.unsuback])
        #expect(!(try world.stored().subscriptions.contains { $0.filter == "x" }))
    }

    @Test func `SUBACK of a volatile session leaves at once, but for a shared subscription`() throws {
        let (world, _, _) = try stalled()
        let client = world.join("v")
        #expect(client.exchange(.subscribe("x")) == [.suback(100, .grantedQoS2)])
        #expect(client.exchange(.subscribe("$share/g/x")) == [])
        world.commit()
        #expect(client.take() == [.suback(100, .grantedQoS2)])
        #expect(try world.stored().clients.filter { !$0.isPersistent }.map(\.clientID) == ["v"])
    }

    @Test func `a SUBSCRIBE of which all is refused changes nothing and is answered at once`() throws {
        let (_, _, online) = try stalled()
        #expect(online.exchange(.subscribe("a#")) == [.suback(100, .topicFilterInvalid)])
    }

    // MARK: PUBACK and PUBREC

    @Test func `PUBACK waits for the delivery of an absent session`() throws {
        let (world, _, _) = try stalled()
        let publisher = world.join("p")
        #expect(publisher.exchange(.publish("away/x", qos: .atLeastOnce, id: 1)) == [])
        world.commit()
        #expect(publisher.take() == [.puback(1)])
        #expect(try world.stored().deliveries.map(\.message.topic) == ["away/x"])
    }

    @Test(arguments: [QoS.atLeastOnce, .exactlyOnce])
    func `PUBACK and PUBREC wait for the retained value`(qos: QoS) throws {
        let (world, _, _) = try stalled()
        let publisher = world.join("p")
        #expect(publisher.exchange(.publish("nobody", qos: qos, id: 1, retain: true)) == [])
        world.commit()
        #expect(publisher.take().map(\.type) == [qos == .atLeastOnce ? .puback : .pubrec])
        #expect(try world.stored().retainedMessages.count == 1)
    }

    @Test func `PUBREC to a persistent publisher waits for the identifier, though nobody receives it`() throws
    {
        let (world, _, online) = try stalled()
        #expect(online.exchange(.publish("nobody", qos: .exactlyOnce, id: 8)) == [])
        world.commit()
        #expect(online.take() == [.pubrec(8, .noMatchingSubscribers)])
        #expect(try world.stored().receptions.values.map { $0 } == [[8]])
    }

    @Test func `a resent QoS 2 publish waits for the same commit`() throws {
        let (world, _, online) = try stalled()
        online.send(.publish("away/x", qos: .exactlyOnce, id: 8))
        #expect(online.exchange(.publish("away/x", qos: .exactlyOnce, id: 8, dup: true)) == [])
        world.commit()
        #expect(online.take() == [.pubrec(8), .pubrec(8)])
        #expect(try world.stored().deliveries.count == 1)
    }

    @Test func `PUBCOMP waits until the identifier is forgotten`() throws {
        let (world, _, online) = try stalled()
        online.send(.publish("nobody", qos: .exactlyOnce, id: 8))
        world.commit()
        _ = online.take()
        #expect(online.exchange(.pubrel(8)) == [])
        world.commit()
        #expect(online.take() == [.pubcomp(8)])
        #expect(try world.stored().receptions == [:])
    }

    @Test func `what needs no commit is acknowledged and delivered at once`() throws {
        let (world, _, _) = try stalled()
        let (subscriber, publisher) = (world.join("s"), world.join("p"))
        subscriber.subscribe("v")
        #expect(publisher.exchange(.publish("v", "0")) == [])
        #expect(publisher.exchange(.publish("v", "1", qos: .atLeastOnce, id: 1)) == [.puback(1)])
        #expect(publisher.exchange(.publish("v", "2", qos: .exactlyOnce, id: 2)) == [.pubrec(2)])
        #expect(publisher.exchange(.pubrel(2)) == [.pubcomp(2)])
        #expect(subscriber.takePublishes().texts == ["0", "1", "2"])
        #expect(
            publisher.exchange(.publish("none", qos: .atLeastOnce, id: 3)) == [
                .puback(3, .noMatchingSubscribers)
            ])
    }

    @Test func `a retained QoS 0 publish is stored, and nobody waits for it`() throws {
        let (world, _, _) = try stalled()
        let (subscriber, publisher) = (world.join("s"), world.join("p"))
        subscriber.subscribe("v")
        publisher.send(.publish("v", retain: true))
        #expect(subscriber.takePublishes().count == 1)
        world.isStalled = false
        world.rest()
        #expect(try world.stored().retainedMessages.count == 1)
    }

    @Test func `acknowledgements of one kind keep the order of what they acknowledge [MQTT-4.6.0-2]`() throws
    {
        let (world, _, _) = try stalled()
        let publisher = world.join("p")
        publisher.send(
            .publish("away/x", qos: .atLeastOnce, id: 1), .publish("none", qos: .atLeastOnce, id: 2),
            .publish("away/x", qos: .atLeastOnce, id: 3), .publish("none", qos: .atLeastOnce, id: 4))
        #expect(publisher.take() == [])
        world.commit()
        let acknowledged = publisher.take().compactMap { packet -> UInt16? in
            if case .puback(let puback) = packet { puback.packetID } else { nil }
        }
        #expect(acknowledged == [1, 2, 3, 4])
    }

    // MARK: To subscribers

    @Test func `QoS 1 goes out before the commit`() throws {
        let (world, _, online) = try stalled()
        let publisher = world.join("p")
        #expect(publisher.exchange(.publish("both", qos: .atLeastOnce, id: 1)) == [])
        #expect(online.takePublishes().count == 1)
        world.commit()
        #expect(publisher.take() == [.puback(1)])
    }

    @Test
    func `QoS 2 goes out after the commit of the message, and of its identifier to a persistent session`()
        throws
    {
        let (world, _, online) = try stalled()
        let (volatile, publisher) = (world.join("v"), world.join("p"))
        volatile.subscribe("both")
        publisher.send(.publish("both", qos: .exactlyOnce, id: 1))
        #expect(online.take() == [] && volatile.takePublishes() == [])
        world.commit()
        #expect(publisher.take() == [.pubrec(1)])
        #expect(volatile.takePublishes().count == 1 && online.take() == [])
        world.commit()
        #expect(online.take() == [.publish("both", qos: .exactlyOnce, id: 1)])
        let stored = try world.stored().deliveries.filter { $0.packetID == 1 }
        #expect(stored.map(\.state) == [.sent])
    }

    @Test func `PUBREL to a persistent session waits until the delivery is marked released`() throws {
        let (world, _, online) = try stalled()
        world.join("p").send(.publish("online/x", qos: .exactlyOnce, id: 1))
        while world.commit() {}
        _ = online.take()
        #expect(online.exchange(.pubrec(1)) == [])
        world.commit()
        #expect(online.take() == [.pubrel(1)])
        #expect(try world.stored().deliveries.map(\.state) == [.released])
    }

    @Test
    func `publishes behind a QoS 2 publish that waits keep their place, whatever their QoS [MQTT-4.6.0-1]`()
        throws
    {
        let (world, _, _) = try stalled()
        let (subscriber, publisher) = (world.join("s"), world.join("p"))
        subscriber.subscribe("#", qos: .atMostOnce)
        publisher.send(
            .publish("t", "0"), .publish("away/x", "1", qos: .exactlyOnce, id: 1), .publish("t", "2"),
            .publish("t", "3", qos: .atLeastOnce, id: 2))
        publisher.send(.publish("t", "4"))
        #expect(subscriber.takePublishes().texts == ["0"])
        let other = world.join("q")
        other.send(.publish("t", "of another"))
        #expect(subscriber.takePublishes().texts == ["of another"])
        world.commit()
        #expect(subscriber.takePublishes().texts == ["1", "2", "3", "4"])
    }

    @Test func `what waits for its commit is posted although its publisher is gone`() throws {
        let (world, _, _) = try stalled()
        let subscriber = world.join("s")
        subscriber.subscribe("#", qos: .atMostOnce)
        let publisher = world.join("p")
        publisher.send(.publish("away/x", "1", qos: .exactlyOnce, id: 1), .publish("t", "2"))
        publisher.cut()
        #expect(subscriber.takePublishes() == [])
        world.commit()
        #expect(subscriber.takePublishes().texts == ["1", "2"])
    }

    // MARK: Batches

    @Test func `a message that is delivered and acknowledged before the commit needs none`() throws {
        let (world, _, online) = try stalled()
        _ = world.store.takeAttempts()
        let publisher = world.join("p")
        publisher.send(.publish("online/x", qos: .atLeastOnce, id: 1))
        #expect(publisher.take() == [])
        online.send(.puback(1))
        world.commit()
        #expect(world.store.takeAttempts() == [])
        #expect(publisher.take() == [.puback(1)])
    }

    @Test func `what gathers while one batch syncs is one batch: group commit`() throws {
        let (world, _, _) = try stalled()
        _ = world.store.takeAttempts()
        let publishers = (0..<5).map { world.join(Text("p\($0)")) }
        for publisher in publishers { publisher.send(.publish("away/x", qos: .atLeastOnce, id: 1)) }
        world.commit()
        #expect(publishers.map { $0.take() } == Array(repeating: [.puback(1)], count: 5))
        #expect(world.store.takeAttempts().map(\.changes.count) == [10])
    }

    @Test func `a body is stored once however many sessions wait for it`() throws {
        let world = try World()
        for index in 0..<4 {
            let client = world.joinPersistent(Text("s\(index)"))
            client.subscribe("t")
            client.cut()
        }
        world.join("p").exchange(.publish("t", qos: .atLeastOnce, id: 1))
        #expect(try world.stored().sysInfo.messageCount == 1 && world.stored().deliveries.count == 4)
    }

    @Test func `removals that nobody waits for do not start a commit, and do not stay for long`() throws {
        let world = try World()
        let client = world.joinPersistent("s")
        client.subscribe("t")
        world.join("p").exchange(.publish("t", qos: .atLeastOnce, id: 1))
        world.rest()
        _ = world.store.takeAttempts()
        client.exchange(.puback(1))
        #expect(world.store.takeAttempts() == [])
        #expect(try world.stored().deliveries.count == 1)
        world.pass(seconds: 0.06)
        #expect(world.store.takeAttempts().map(\.changes) == [["removal"]])
    }
}

// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import Packets
import Persistence
import StoreMemory
import Testing

@testable import Engine

/// The broker dies, and another one starts on the same store.
@Suite struct RestartTests {
    static let versions: [ProtocolVersion] = [.v31, .v311, .v5]

    private func publish(_ texts: Text..., qos: QoS = .atLeastOnce, in world: World) {
        let publisher = world.join("publisher")
        for text in texts { publisher.exchange(.publish("t", text, qos: qos, id: 1), .pubrel(1)) }
        publisher.exchange(.disconnect())
    }

    // MARK: Sessions

    @Test(arguments: versions)
    func `sessions, subscriptions and queues are there after a crash, in order`(version: ProtocolVersion)
        throws
    {
        let world = try World()
        let client = world.joinPersistent("a", version)
        client.subscribe("t", qos: .atLeastOnce)
        client.cut()
        let texts = (1...20).map { Text("\($0)") }
        let publisher = world.join("p")
        for text in texts { publisher.exchange(.publish("t", text, qos: .atLeastOnce, id: 1)) }
        let second = try world.restarted(shards: 2)
        #expect(second.restored.sessionCount == 1 && second.restored.subscriptionCount == 1)
        #expect(second.restored.queuedCount == 20 && second.restored.boot == 2)
        second.join("q").exchange(.publish("t", "21", qos: .atLeastOnce, id: 1))
        let back = second.joinPersistent("a", version, shard: 1, present: version == .v31 ? nil : true)
        #expect(back.acknowledgeAll().texts == texts + ["21"])
    }

    @Test func `everything of a subscription is there after a crash`() throws {
        let world = try World()
        let client = world.joinPersistent("a")
        client.subscribe("t", qos: .atLeastOnce, identifier: 9, noLocal: true, retainAsPublished: true)
        client.subscribe("$share/g/u")
        let second = try world.restarted()
        let back = second.joinPersistent("a", present: true)
        back.send(.publish("t", "own", qos: .exactlyOnce, id: 1))
        second.join("p").send(.publish("t", "other", qos: .exactlyOnce, id: 1, retain: true), .publish("u"))
        let received = back.takePublishes()
        #expect(received.texts == ["other", "x"])
        #expect(received.first?.properties.subscriptionIdentifiers == [9])
        #expect(received.first?.retain == true && received.first?.qos == .atLeastOnce)
    }

    @Test func `a refused subscription is none after a crash either`() throws {
        let world = try World()
        world.joinPersistent("a").subscribe("t/#/x", "ok")
        let second = try world.restarted()
        #expect(second.restored.subscriptionCount == 1 && second.commons.subscriptions.count == 1)
    }

    @Test func `sessions that do not outlive their connection end with the crash, with all they had`() throws
    {
        let world = try World()
        let client = world.join("a", will: .say("w", qos: .atLeastOnce))
        client.subscribe("t", "$share/g/u")
        let watcher = world.joinPersistent("watcher")
        watcher.subscribe("w", qos: .atLeastOnce)
        let second = try world.restarted()
        second.rest()
        #expect(second.commons.subscriptions.count == 1)
        #expect(try second.stored().clients.map(\.clientID) == ["watcher"])
        #expect(try second.stored().endedSessions == [])
        #expect(second.joinPersistent("watcher").takePublishes().texts == ["gone"])
        #expect(second.join("a", clean: false, expiry: 0, present: false).take() == [])
    }

    @Test func `the expiry clock counts on: from the disconnection, or from the start after a crash`() throws
    {
        let world = try World()
        world.join("gone", clean: false, expiry: 100).cut()
        _ = world.join("connected", clean: false, expiry: 100)
        world.pass(seconds: 60)
        let second = try world.restarted(after: 30)
        second.pass(seconds: 5)
        #expect(try second.stored().clients.count == 2)
        second.pass(seconds: 10)
        second.rest()
        #expect(try second.stored().clients.map(\.clientID) == ["connected"])
        let third = try second.restarted(after: 50)
        third.pass(seconds: 34)
        third.rest()
        #expect(try third.stored().clients.map(\.clientID) == ["connected"])
        third.pass(seconds: 2)
        third.rest()
        #expect(try third.stored().clients == [])
    }

    @Test func `an expired session leaves nothing, though it expired while the broker was down`() throws {
        let world = try World()
        let client = world.join("a", clean: false, expiry: 100)
        client.subscribe("t")
        client.cut()
        publish("1", in: world)
        world.rest()
        let second = try world.restarted(after: 1_000)
        second.pass(seconds: 1)
        second.rest()
        let stored = try second.stored()
        #expect(stored.clients == [] && stored.subscriptions == [] && stored.deliveries == [])
        #expect(stored.endedSessions == [])
    }

    @Test func `a sweep goes on after a crash`() throws {
        let world = try World()
        let client = world.join("a", clean: false, expiry: 10)
        client.subscribe("t")
        client.cut()
        publish("1", "2", in: world)
        world.holdsReads = true
        world.pass(seconds: 11)
        world.pass(seconds: 0.1)
        #expect(try world.stored().endedSessions.count == 1 && world.stored().deliveries.count == 2)
        let second = try world.restarted()
        second.rest()
        #expect(try second.stored().endedSessions == [] && second.stored().deliveries == [])
    }

    @Test func `numbers are not used again after a crash`() throws {
        let world = try World()
        world.joinPersistent("a").subscribe("t")
        publish("1", in: world)
        let number = try #require(try world.stored().deliveries.first?.number)
        let second = try world.restarted()
        _ = second.joinPersistent("b")
        publish("2", in: second)
        #expect(
            try second.stored().deliveries.allSatisfy { $0.message.payload == [0x31] || $0.number > number })
        #expect(Set(try second.stored().clients.map(\.session)).count == 2)
    }

    // MARK: Deliveries

    @Test
    func `after a crash QoS 1 to a session that was connected comes with DUP, to one that was away without`()
        throws
    {
        let world = try World()
        let (connected, away) = (world.joinPersistent("a"), world.joinPersistent("b"))
        connected.subscribe("t", qos: .atLeastOnce)
        away.subscribe("t", qos: .atLeastOnce)
        away.cut()
        publish("1", "2", in: world)
        let second = try world.restarted()
        let back = second.joinPersistent("a")
        #expect(back.takePublishes().map(\.dup) == [true, true])
        publish("3", in: second)
        #expect(back.takePublishes().map(\.dup) == [false])
        #expect(second.joinPersistent("b").takePublishes().map(\.dup) == [false, false, false])
    }

    @Test func `what was in flight when the connection ended keeps its identifier over a restart`() throws {
        let world = try World()
        let client = world.joinPersistent("a")
        client.subscribe("t")
        publish("1", "2", "3", in: world)
        _ = client.take()
        client.exchange(.puback(1))
        client.cut()
        world.rest()
        let second = try world.restarted()
        let sent = second.joinPersistent("a").takePublishes()
        #expect(sent.map(\.packetID) == [2, 3] && sent.map(\.dup) == [true, true])
    }

    @Test func `QoS 2 keeps its identifier over a crash, and goes on where it was [MQTT-4.4.0-1]`() throws {
        let world = try World()
        let client = world.joinPersistent("a")
        client.subscribe("t")
        publish("1", "2", "3", qos: .exactlyOnce, in: world)
        #expect(client.takePublishes().map(\.packetID) == [1, 2, 3])
        #expect(client.exchange(.pubrec(2)) == [.pubrel(2)])
        #expect(client.exchange(.pubrec(1), .pubcomp(2)) == [.pubrel(1)])
        world.rest()
        let second = try world.restarted()
        let back = second.joinPersistent("a")
        #expect(back.take() == [.pubrel(1), .publish("t", "3", qos: .exactlyOnce, id: 3, dup: true)])
        back.exchange(.pubcomp(1))
        publish("4", qos: .exactlyOnce, in: second)
        #expect(back.acknowledgeAll().texts == ["4"])
    }

    @Test(arguments: [ProtocolVersion.v311, .v5])
    func `a QoS 2 identifier that was received is known after a crash [MQTT-4.3.3-10]`(
        version: ProtocolVersion
    )
        throws
    {
        let world = try World()
        let subscriber = world.joinPersistent("s")
        subscriber.subscribe("t", qos: .atLeastOnce)
        let publisher = world.joinPersistent("p", version)
        #expect(publisher.exchange(.publish("t", "once", qos: .exactlyOnce, id: 5)) == [.pubrec(5)])
        let second = try world.restarted()
        let back = second.joinPersistent("p", version, present: true)
        #expect(back.exchange(.publish("t", "once", qos: .exactlyOnce, id: 5, dup: true)) == [.pubrec(5)])
        #expect(back.exchange(.pubrel(5)) == [.pubcomp(5)])
        #expect(second.joinPersistent("s").takePublishes().texts == ["once"])
        #expect(try second.stored().receptions == [:])
    }

    @Test func `a CONNECT waits for receptions that cannot be read yet`() throws {
        let world = try World()
        world.joinPersistent("p").exchange(.publish("t", qos: .exactlyOnce, id: 5))
        let second = try world.restarted()
        second.store.readsFail(.retry)
        let back = second.connect("p", clean: false, expiry: 60)
        second.pass(seconds: 1)
        #expect(back.take() == [] && !back.isClosed)
        second.store.heal()
        second.pass(seconds: 1)
        guard case .connack = back.take().first else { throw Unexpected([]) }
        #expect(back.exchange(.publish("t", qos: .exactlyOnce, id: 5, dup: true)) == [.pubrec(5)])
    }

    @Test func `receptions that are damaged refuse the CONNECT`() throws {
        let world = try World()
        world.joinPersistent("p").exchange(.publish("t", qos: .exactlyOnce, id: 5))
        let second = try world.restarted()
        second.store.readsFail(.corrupt)
        let refused = second.connect("p", clean: false, expiry: 60)
        #expect(refused.take() == [.connack(.serverUnavailable)] && refused.isClosed)
        second.store.heal()
        let back = second.joinPersistent("p", present: true)
        #expect(back.exchange(.publish("t", qos: .exactlyOnce, id: 5, dup: true)) == [.pubrec(5)])
    }

    @Test func `a store that cannot be read is asked a few times a second, however much else happens`() throws
    {
        let world = try World()
        world.joinPersistent("a").subscribe("t")
        world.joinPersistent("b").subscribe("t")
        let second = try world.restarted()
        let busy = second.join("busy")
        let before = second.store.readCount
        second.store.readsFail(.retry)
        for name in ["a", "b"] as [Text] { _ = second.connect(name, clean: false, expiry: 60) }
        for _ in 0..<200 {
            busy.exchange(.publish("x", qos: .atLeastOnce, id: 1))
            second.pass(seconds: 0.005)
        }
        #expect((4...60).contains(second.store.readCount - before))
    }

    @Test func `the deadline of a message is the same after a restart`() throws {
        let world = try World()
        let client = world.joinPersistent("a")
        client.subscribe("t")
        client.cut()
        let publisher = world.join("p")
        publisher.exchange(.publish("t", "short", qos: .atLeastOnce, id: 1) { $0.messageExpiry = 50 })
        publisher.exchange(.publish("t", "long", qos: .atLeastOnce, id: 1) { $0.messageExpiry = 500 })
        let second = try world.restarted(after: 100)
        let received = second.joinPersistent("a").takePublishes()
        #expect(received.texts == ["long"] && received.map(\.properties.messageExpiry) == [400])
    }

    @Test func `no delivery gets the packet identifier of another that is further back in the queue`() throws
    {
        let world = try World()
        let client = world.joinPersistent("s")
        client.subscribe("t", qos: .exactlyOnce)
        client.cut()
        let publisher = world.join("p")
        for text in ["1", "2"] as [Text] { publisher.exchange(.publish("t", text, qos: .atLeastOnce, id: 1)) }
        for text in ["3", "4"] as [Text] {
            publisher.exchange(.publish("t", text, qos: .exactlyOnce, id: 2))
            publisher.exchange(.pubrel(2))
        }
        // The last has gone out before the others had their turn: mail of another shard came first.
        let stored = try world.stored()
        var batch = ChangeBatch()
        batch.number = try world.store.sysInfo().batch + 1
        batch.append(
            .deliveryState(
                session: stored.deliveries[3].session, number: stored.deliveries[3].number, packetID: 3,
                state: .sent))
        try world.store.commit(batch)

        let second = try world.restarted()
        let back = second.joinPersistent("s", present: true) { $0.receiveMaximum = 2 }
        let received = back.acknowledgeAll()
        #expect(Set(received.texts) == ["1", "2", "3", "4"] && received.count == 4)
        let packetIDs = Dictionary(uniqueKeysWithValues: zip(received.texts, received.map(\.packetID)))
        #expect(packetIDs["4"] == 3 && packetIDs["3"] == 4)
        second.rest()
        #expect(try second.stored().deliveries == [])
    }

    // MARK: Retained messages

    @Test(arguments: [0, 64 << 20])
    func `retained messages are there after a crash, their deadlines too`(bytes: Int) throws {
        let world = try World()
        let publisher = world.join("p")
        publisher.exchange(.publish("a", "kept", qos: .atLeastOnce, id: 1, retain: true))
        publisher.exchange(.publish("b", "short", retain: true) { $0.messageExpiry = 50 })
        publisher.exchange(.publish("c", "cleared", retain: true))
        publisher.exchange(.publish("c", "", qos: .atLeastOnce, id: 1, retain: true))
        let second = try world.restarted(after: 100, limits: Limits { $0.retainedBytesMax = bytes })
        #expect(second.restored.retainedCount == 2)
        let client = second.join("s")
        client.subscribe("#")
        second.pass(seconds: 1)
        #expect(client.takePublishes().texts == ["kept"])
    }

    // MARK: Wills

    @Test func `a crash publishes the wills of those who were connected, after their delay, once`() throws {
        let world = try World()
        let watcher = world.joinPersistent("watcher")
        watcher.subscribe("w", qos: .exactlyOnce)
        watcher.cut()
        _ = world.joinPersistent("a", will: .say("w", "now", qos: .atLeastOnce))
        _ = world.joinPersistent("b", will: .say("w", "later", qos: .atLeastOnce, delay: 100))
        _ = world.joinPersistent("c", will: .say("w", "returned", qos: .atLeastOnce, delay: 100))
        world.joinPersistent("d", will: .say("w", "discarded")).exchange(.disconnect())
        let second = try world.restarted(after: 10)
        second.pass(seconds: 1)
        #expect(second.joinPersistent("watcher").acknowledgeAll().texts == ["now"])
        _ = second.joinPersistent("c")
        second.pass(seconds: 50)
        let third = try second.restarted(after: 20)
        third.pass(seconds: 28)
        #expect(third.joinPersistent("watcher").acknowledgeAll() == [])
        third.pass(seconds: 3)
        #expect(third.joinPersistent("watcher").acknowledgeAll().texts == ["later"])
        third.rest()
        let fourth = try third.restarted(after: 1_000)
        fourth.pass(seconds: 10)
        #expect(fourth.joinPersistent("watcher").acknowledgeAll() == [])
    }

    @Test func `a will that waits for its delay when the broker dies is published in time`() throws {
        let world = try World()
        let watcher = world.joinPersistent("watcher")
        watcher.subscribe("w", qos: .atLeastOnce)
        world.joinPersistent("a", will: .say("w", qos: .atLeastOnce, delay: 100)).cut()
        world.pass(seconds: 40)
        let second = try world.restarted(after: 20)
        let back = second.joinPersistent("watcher")
        second.pass(seconds: 39)
        #expect(back.takePublishes() == [])
        second.pass(seconds: 2)
        #expect(back.takePublishes().texts == ["gone"])
    }

    @Test func `a shutdown treats connections as a crash does`() throws {
        let world = try World()
        let watcher = world.joinPersistent("watcher")
        watcher.subscribe("w", qos: .atLeastOnce)
        _ = world.joinPersistent("a", will: .say("w", qos: .atLeastOnce))
        world.shutDown()
        world.rest()
        let second = try world.restarted(after: 5)
        second.pass(seconds: 1)
        #expect(second.joinPersistent("watcher").takePublishes().texts == ["gone"])
        #expect(try second.stored().clients.count == 2)
    }

    @Test func `a retained will of a session that a crash ended is retained`() throws {
        let world = try World()
        _ = world.join("a", will: .say("w", retain: true))
        let second = try world.restarted()
        second.rest()
        #expect(try second.stored().retainedMessages.map(\.message.topic) == ["w"])
    }

    @Test func `what was not committed is not there, and was not acknowledged`() throws {
        let world = try World()
        let client = world.joinPersistent("a")
        client.subscribe("t")
        client.cut()
        world.rest()
        let publisher = world.join("p")
        world.isStalled = true
        #expect(publisher.exchange(.publish("t", qos: .atLeastOnce, id: 1)) == [])
        let second = try world.restarted()
        #expect(second.joinPersistent("a").take() == [])
    }
}

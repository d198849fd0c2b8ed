// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import Packets
import Persistence
import StoreMemory
import Testing

@testable import Engine

/// Keep-alive, takeover, expiry, DISCONNECT: how connections and sessions end.
@Suite struct SessionEndTests {
    static let versions: [ProtocolVersion] = [.v31, .v311, .v5]

    // MARK: Keep-alive

    @Test(arguments: versions)
    func `silence of one and a half keep-alives closes the connection [MQTT-3.1.2-22]`(
        version: ProtocolVersion
    ) throws {
        let world = try World()
        let client = world.join("a", version, keepAlive: 10)
        world.pass(seconds: 14)
        #expect(client.exchange(.pingreq) == [.pingresp])
        world.pass(seconds: 14)
        #expect(!client.isClosed)
        world.pass(seconds: 2)
        #expect(client.isClosed)
        #expect(client.take() == (version == .v5 ? [.disconnect(.keepAliveTimeout)] : []))
    }

    @Test func `a keep-alive of zero allows any silence, and the longest is as long as it says`() throws {
        let world = try World()
        let (never, longest) = (world.join("a", keepAlive: 0), world.join("b", keepAlive: .max))
        world.pass(seconds: 98_000)
        #expect(!never.isClosed && !longest.isClosed)
        world.pass(seconds: 400)
        #expect(!never.isClosed && longest.isClosed)
    }

    @Test func `the server's keep-alive replaces the client's [MQTT-3.1.2-21]`() throws {
        let world = try World(limits: Limits { $0.serverKeepAliveSeconds = 10 })
        let client = world.join("a", keepAlive: 100)
        world.pass(seconds: 16)
        #expect(client.isClosed)
    }

    // MARK: Takeover

    @Test(arguments: [0, 1], versions)
    func `a second connection of a client takes the session and closes the first with 0x8E [MQTT-3.1.4-3]`(
        shard: Int, version: ProtocolVersion
    ) throws {
        let world = try World(shards: 2)
        let first = world.joinPersistent("a", version)
        first.subscribe("t")
        let publisher = world.join("p")
        publisher.send(.publish("t", "1", qos: .atLeastOnce, id: 1))
        #expect(first.takePublishes().texts == ["1"])
        let second = world.joinPersistent("a", version, shard: shard, present: version == .v31 ? nil : true)
        #expect(first.isClosed)
        #expect(first.take() == (version == .v5 ? [.disconnect(.sessionTakenOver)] : []))
        #expect(second.take() == [.publish("t", "1", qos: .atLeastOnce, id: 1, dup: true)])
        publisher.send(.publish("t", "2", qos: .atLeastOnce, id: 2))
        #expect(second.takePublishes().texts == ["2"])
    }

    @Test(arguments: [0, 1])
    func `a session without expiry is not resumed by a takeover [MQTT-3.1.2-5]`(shard: Int) throws {
        let world = try World(shards: 2)
        let first = world.join("a", clean: false, expiry: 0)
        first.subscribe("t")
        let second = world.join("a", shard: shard, clean: false, expiry: 0, present: false)
        #expect(first.take() == [.disconnect(.sessionTakenOver)] && first.isClosed)
        world.join("p").send(.publish("t"))
        #expect(second.take() == [])
    }

    @Test(arguments: [0, 1])
    func `a clean start that takes over ends the session it finds`(shard: Int) throws {
        let world = try World(shards: 2)
        let first = world.joinPersistent("a")
        first.subscribe("t")
        let second = world.join("a", shard: shard, clean: true, expiry: 60, present: false)
        #expect(first.take() == [.disconnect(.sessionTakenOver)])
        world.join("p").send(.publish("t", qos: .atLeastOnce, id: 1))
        #expect(second.take() == [])
        world.rest()
        let stored = try world.stored()
        #expect(stored.clients.count == 1 && stored.subscriptions == [] && stored.endedSessions == [])
    }

    @Test func `CONNECTs of one client are served one after another, and the last one has the session`()
        throws
    {
        let world = try World(shards: 2)
        world.joinPersistent("a").subscribe("t")
        world.frozen = [0]
        let second = world.connect("a", shard: 1, clean: false, expiry: 60)
        let third = world.connect("a", shard: 1, clean: false, expiry: 60)
        #expect(second.take() == [] && third.take() == [])
        world.frozen = []
        world.settle()
        let answers = second.take()
        #expect(answers.map(\.type) == [.connack, .disconnect] || answers == [])
        #expect(second.isClosed && !third.isClosed)
        world.join("p").send(.publish("t"))
        #expect(third.take().map(\.type) == [.connack, .publish])
    }

    @Test func `a connection that is gone before its session came leaves the session to the next one`() throws
    {
        let world = try World(shards: 2)
        world.joinPersistent("a").subscribe("t")
        world.frozen = [0]
        let second = world.connect("a", shard: 1, clean: false, expiry: 60)
        second.cut()
        world.frozen = []
        world.settle()
        let publisher = world.join("p")
        publisher.exchange(.publish("t", "kept", qos: .atLeastOnce, id: 1))
        let third = world.joinPersistent("a", shard: 0, present: true)
        #expect(third.takePublishes().texts == ["kept"])
    }

    // MARK: Expiry

    @Test func `a session is there until its interval is over and then no more [MQTT-3.1.2-23]`() throws {
        let world = try World()
        world.join("a", clean: false, expiry: 60).cut()
        world.pass(seconds: 59)
        world.join("a", clean: false, expiry: 60, present: true).cut()
        world.pass(seconds: 61)
        #expect(try world.stored().clients == [])
        _ = world.join("a", clean: false, expiry: 60, present: false)
    }

    @Test func `nothing of an expired session stays in the store or in the index`() throws {
        let world = try World()
        let client = world.join("a", clean: false, expiry: 60)
        client.subscribe("t", "u/#")
        client.cut()
        let publisher = world.join("p")
        publisher.exchange(.publish("t", qos: .atLeastOnce, id: 1), .publish("u/v", qos: .exactlyOnce, id: 2))
        world.pass(seconds: 61)
        world.rest()
        let stored = try world.stored()
        #expect(stored.clients == [] && stored.subscriptions == [] && stored.deliveries == [])
        #expect(stored.endedSessions == [] && stored.sysInfo.messageCount == 0)
        #expect(world.commons.subscriptions.count == 0)
        #expect(
            publisher.exchange(.publish("t", qos: .atLeastOnce, id: 3)) == [
                .puback(3, .noMatchingSubscribers)
            ])
        let next = world.join("a", clean: false, expiry: 60, present: false)
        #expect(next.take() == [])
    }

    @Test func `an interval of all ones never ends, nor does a 3.1.1 session that is not clean`() throws {
        let world = try World()
        world.join("a", clean: false, expiry: .max).cut()
        world.join("b", .v311, clean: false).cut()
        world.pass(seconds: 400_000_000)
        _ = world.join("a", clean: false, expiry: .max, present: true)
        _ = world.join("b", .v311, clean: false, present: true)
    }

    @Test func `a connected session does not expire`() throws {
        let world = try World()
        let client = world.join("a", clean: false, expiry: 10)
        world.pass(seconds: 100)
        #expect(client.exchange(.pingreq) == [.pingresp])
    }

    @Test func `the broker's longest interval caps the client's, also in DISCONNECT`() throws {
        let world = try World(limits: Limits { $0.sessionExpirySecondsMax = 60 })
        let client = world.join("a", clean: false, expiry: 30)
        client.exchange(.disconnect(expiry: 1_000))
        world.pass(seconds: 61)
        _ = world.join("a", clean: false, expiry: 30, present: false)
    }

    // MARK: DISCONNECT

    @Test func `DISCONNECT may change the interval`() throws {
        let world = try World()
        world.join("a", clean: false, expiry: 10).exchange(.disconnect(expiry: 100))
        world.pass(seconds: 50)
        world.join("a", clean: false, expiry: 10, present: true).exchange(.disconnect(expiry: 0))
        _ = world.join("a", clean: false, expiry: 10, present: false)
    }

    @Test func `the interval of a DISCONNECT is what the store holds`() throws {
        let world = try World()
        world.join("a", clean: false, expiry: 10).exchange(.disconnect(expiry: 100))
        world.rest()
        #expect(try world.stored().clients.map(\.expirySeconds) == [100])
    }

    @Test func `DISCONNECT may not give an interval to a session that had none (section 3.14.2.2.2)`() throws
    {
        let world = try World()
        let client = world.join("a", expiry: 0)
        #expect(client.exchange(.disconnect(expiry: 5)) == [.disconnect(.protocolError)] && client.isClosed)
    }

    @Test(arguments: versions)
    func `after DISCONNECT the broker closes and says nothing more [MQTT-3.14.4-2]`(version: ProtocolVersion)
        throws
    {
        let world = try World()
        let client = world.join("a", version)
        #expect(client.exchange(.disconnect(), .pingreq) == [] && client.isClosed)
    }

    @Test func `a shutdown says 0x8B to MQTT 5 clients and closes all`() throws {
        let world = try World(shards: 2)
        let (new, old) = (world.joinPersistent("a"), world.joinPersistent("b", .v311, shard: 1))
        world.shutDown()
        #expect(new.take() == [.disconnect(.serverShuttingDown)] && old.take() == [])
        #expect(new.isClosed && old.isClosed)
    }

    @Test func `a session that a clean start ends while the broker shuts down publishes its will`() throws {
        let world = try World(shards: 2)
        let watcher = world.joinPersistent("w")
        watcher.subscribe("will")
        watcher.cut()
        _ = world.joinPersistent("s", will: .say("will", "gone", qos: .atLeastOnce))
        world.frozen = [0]
        let new = world.connect("s", shard: 1, clean: true)
        world.shutDown()
        world.frozen = []
        world.settle()
        world.rest()
        #expect(new.isClosed)
        #expect(try world.stored().clients.map(\.clientID) == ["w"], "the old session has ended")
        #expect(try world.stored().deliveries.map { Text(bytes: $0.message.payload) } == ["gone"])
    }
}

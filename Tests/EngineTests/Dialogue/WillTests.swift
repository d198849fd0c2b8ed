// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import Packets
import Persistence
import StoreMemory
import Testing

@testable import Engine

@Suite struct WillTests {
    static let versions: [ProtocolVersion] = [.v31, .v311, .v5]

    /// A world with somebody who listens to everything.
    private func watched(shards: Int = 1) throws -> (World, TestClient) {
        let world = try World(shards: shards)
        let watcher = world.join("watcher")
        watcher.subscribe("#", retainAsPublished: true)
        return (world, watcher)
    }

    @Test(arguments: versions)
    func `a connection that is lost publishes its will [MQTT-3.1.2-8]`(version: ProtocolVersion) throws {
        let (world, watcher) = try watched()
        world.join("a", version, will: .say("w", "gone", qos: .atLeastOnce)).cut()
        #expect(watcher.take() == [.publish("w", "gone", qos: .atLeastOnce, id: 1)])
    }

    @Test
    func `DISCONNECT right behind a SUBSCRIBE discards the will although the socket is gone [MQTT-3.14.4-3]`()
        throws
    {
        let (world, watcher) = try watched()
        let client = world.joinPersistent("a", will: .say("w"))
        world.frozen = [0]
        client.send([
            .subscribe(
                Subscribe(
                    packetID: 1,
                    subscriptions: [Subscription(filter: "t", options: SubscriptionOptions(qos: .atMostOnce))]
                )),
            .disconnect(Disconnect(reason: .success)),
        ])
        client.cut()
        world.frozen = []
        world.rest()
        #expect(watcher.take() == [])
    }

    @Test(arguments: versions)
    func `DISCONNECT discards the will [MQTT-3.14.4-3]`(version: ProtocolVersion) throws {
        let (world, watcher) = try watched()
        world.join("a", version, will: .say("w")).exchange(.disconnect())
        world.joinPersistent("b", version, will: .say("w")).exchange(.disconnect())
        world.pass(seconds: 4_000)
        #expect(watcher.take() == [])
        #expect(try world.stored().clients.allSatisfy { $0.will == nil })
    }

    @Test(arguments: [
        ReasonCode.disconnectWithWill, .unspecifiedError, .quotaExceeded, .administrativeAction,
    ])
    func `DISCONNECT with any other reason publishes the will [MQTT-3.1.2-8]`(reason: ReasonCode) throws {
        let (world, watcher) = try watched()
        world.join("a", will: .say("w")).exchange(.disconnect(reason))
        #expect(watcher.take() == [.publish("w", "gone")])
    }

    @Test func `a connection that the broker closes publishes its will [MQTT-3.1.2-8]`() throws {
        let (world, watcher) = try watched()
        world.join("a", keepAlive: 10, will: .say("w", "silent")).cut()
        world.join("b", will: .say("w", "twice")).exchange(.connect(Connect(clientID: "b")))
        world.join("c", will: .say("w", "malformed")).send(bytes: [0xF0, 0xFF, 0xFF, 0xFF, 0xFF])
        let late = world.join("d", keepAlive: 10, will: .say("w", "late"))
        world.pass(seconds: 16)
        #expect(late.isClosed && watcher.takePublishes().texts == ["silent", "twice", "malformed", "late"])
    }

    @Test func `a will has all its properties [MQTT-3.1.3-10]`() throws {
        let (world, watcher) = try watched()
        let configure: (inout Properties) -> Void = {
            $0.payloadFormat = 1
            $0.contentType = "text/plain"
            $0.responseTopic = "answers"
            $0.correlationData = [1, 2]
            $0.user = [UserProperty(name: "b", value: "1"), UserProperty(name: "a", value: "2")]
        }
        let will = Will.say("w", delay: 5) {
            configure(&$0)
            $0.messageExpiry = 30
        }
        world.joinPersistent("a", will: will).cut()
        world.pass(seconds: 6)
        let expected = Packet.publish("w", "gone") {
            configure(&$0)
            $0.messageExpiry = 30
        }
        #expect(watcher.take() == [expected])
    }

    @Test(arguments: [QoS.atMostOnce, .atLeastOnce])
    func `a retained will is retained [MQTT-3.1.2-15]`(qos: QoS) throws {
        let (world, watcher) = try watched()
        world.join("a", will: .say("w", qos: qos, retain: true)).cut()
        #expect(watcher.takePublishes().map(\.retain) == [true])
        let late = world.join("late")
        late.subscribe("w", qos: .atMostOnce)
        world.pass(seconds: 0.1)
        #expect(late.take() == [.publish("w", "gone", retain: true)])
        #expect(try world.stored().retainedMessages.map(\.message.topic) == ["w"])
    }

    @Test func `an empty retained will clears`() throws {
        let (world, _) = try watched()
        world.join("p").exchange(.publish("w", "old", retain: true))
        world.join("a", will: .say("w", "", retain: true)).cut()
        world.rest()
        #expect(try world.stored().retainedMessages == [])
    }

    // MARK: Delay

    @Test func `a will is published after its delay [MQTT-3.1.3-9]`() throws {
        let (world, watcher) = try watched()
        world.joinPersistent("a", will: .say("w", delay: 10)).cut()
        world.pass(seconds: 9)
        #expect(watcher.take() == [])
        world.pass(seconds: 1)
        #expect(watcher.takePublishes().count == 1)
        world.pass(seconds: 4_000)
        #expect(watcher.take() == [])
    }

    @Test func `a client that returns before the delay is over has no will [MQTT-3.1.3-9]`() throws {
        let (world, watcher) = try watched()
        world.joinPersistent("a", will: .say("w", delay: 10)).cut()
        world.pass(seconds: 5)
        let second = world.joinPersistent("a", present: true)
        world.pass(seconds: 20)
        second.cut()
        world.pass(seconds: 20)
        #expect(watcher.take() == [])
    }

    @Test func `the end of the session ends the delay [MQTT-3.1.3-9]`() throws {
        let (world, watcher) = try watched()
        world.join("a", clean: false, expiry: 10, will: .say("w", delay: 1_000)).cut()
        world.join("b", expiry: 0, will: .say("w", delay: 1_000)).cut()
        #expect(watcher.takePublishes().count == 1)
        world.pass(seconds: 11)
        #expect(watcher.takePublishes().count == 1)
        world.pass(seconds: 2_000)
        #expect(watcher.take() == [])
    }

    @Test func `a clean start ends the session, and with it the delay`() throws {
        let (world, watcher) = try watched()
        world.joinPersistent("a", will: .say("w", delay: 1_000)).cut()
        _ = world.join("a", clean: true)
        #expect(watcher.takePublishes().count == 1)
    }

    // MARK: Takeover

    @Test(arguments: [0, 1])
    func `a takeover publishes a will without delay, and drops one with delay [MQTT-3.1.4-3]`(shard: Int)
        throws
    {
        let (world, watcher) = try watched(shards: 2)
        _ = world.joinPersistent("a", will: .say("w", "now"))
        _ = world.joinPersistent("a", shard: shard)
        _ = world.joinPersistent("b", will: .say("w", "later", delay: 10))
        _ = world.joinPersistent("b", shard: shard)
        world.pass(seconds: 100)
        #expect(watcher.takePublishes().texts == ["now"])
    }

    @Test func `a takeover replaces the will by that of the new connection`() throws {
        let (world, watcher) = try watched()
        _ = world.joinPersistent("a", will: .say("w", "old", delay: 10))
        world.joinPersistent("a", will: .say("w", "new", delay: 10)).cut()
        world.pass(seconds: 100)
        #expect(watcher.takePublishes().texts == ["new"])
    }

    @Test(arguments: [0, 1])
    func `a clean start that takes over publishes the will, delayed or not`(shard: Int) throws {
        let (world, watcher) = try watched(shards: 2)
        _ = world.joinPersistent("a", will: .say("w", delay: 1_000))
        _ = world.join("a", shard: shard, clean: true)
        #expect(watcher.takePublishes().count == 1)
    }

    // MARK: Order and store

    @Test func `a will comes after what its client published`() throws {
        let world = try World()
        let watcher = world.joinPersistent("watcher")
        watcher.subscribe("#")
        let client = world.joinPersistent("a", will: .say("t", "last", qos: .exactlyOnce))
        client.send(
            .publish("t", "1", qos: .exactlyOnce, id: 1), .publish("t", "2", qos: .exactlyOnce, id: 2))
        client.cut()
        #expect(watcher.acknowledgeAll().texts == ["1", "2", "last"])
    }

    @Test(arguments: [QoS.atMostOnce, .atLeastOnce, .exactlyOnce])
    func `a stored will is published and taken out of the record in one commit, and posted after it`(qos: QoS)
        throws
    {
        let (world, watcher) = try watched()
        let client = world.joinPersistent("a", will: .say("w", qos: qos))
        #expect(try world.stored().clients.first?.will?.topic == "w")
        world.isStalled = true
        client.cut()
        #expect(watcher.take() == [])
        world.commit()
        #expect(watcher.takePublishes().texts == ["gone"])
        #expect(try world.stored().clients.map(\.will) == [nil])
    }

    @Test func `a DISCONNECT that discards a stored will starts a commit`() throws {
        for expiry in [0, 60] as [UInt32] {
            let (world, _) = try watched()
            let client = world.join("a", expiry: expiry, will: .say("w"))
            #expect(try world.stored().clients.compactMap(\.will).count == 1)
            client.exchange(.disconnect())
            #expect(try world.stored().clients.compactMap(\.will) == [])
        }
    }

    @Test func `a will of a session that is not persistent is stored with it, and ends with it`() throws {
        let (world, watcher) = try watched()
        let client = world.join("a", will: .say("w"))
        #expect(try world.stored().clients.map(\.isPersistent) == [false])
        client.cut()
        #expect(watcher.takePublishes().count == 1)
        world.rest()
        #expect(try world.stored().clients == [] && world.stored().endedSessions == [])
    }
}

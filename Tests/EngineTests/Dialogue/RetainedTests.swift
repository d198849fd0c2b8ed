// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import Packets
import Persistence
import StoreMemory
import Testing

@testable import Engine

@Suite struct RetainedTests {
    /// Publishes retained messages, one after another.
    private func retain(_ values: [(Text, Text)], qos: QoS = .atLeastOnce, in world: World) {
        let publisher = world.join("retainer")
        for (topic, text) in values {
            publisher.exchange(
                .publish(topic, text, qos: qos, id: qos == .atMostOnce ? 0 : 1, retain: true))
            if qos == .exactlyOnce { publisher.exchange(.pubrel(1)) }
        }
        publisher.exchange(.disconnect())
    }

    /// A subscriber's publishes once everything that takes time is done.
    private func publishes(_ client: TestClient, in world: World) -> [Publish] {
        var all = client.acknowledgeAll()
        for _ in 0..<10 {
            world.pass(seconds: 0.05)
            all += client.acknowledgeAll()
        }
        return all
    }

    @Test(arguments: [true, false])
    func `a retained message that the store refuses gives way to the one before, or to none`(hasOne: Bool)
        throws
    {
        let world = try World(shards: 2)
        if hasOne { retain([("t", "old")], in: world) }
        world.store.commits { batch in
            for case .retained(_, _, let record) in batch.changes where batch.bytes(record).contains(33) {
                return .failed(.refused)
            }
            return .applied
        }
        let publisher = world.join("p", shard: 1)
        let answers = publisher.exchange(
            .publish("other", "before", qos: .atLeastOnce, id: 1, retain: true),
            .publish("t", "!", qos: .atLeastOnce, id: 2, retain: true),
            .publish("other", "after", qos: .atLeastOnce, id: 3, retain: true))
        #expect(answers.contains(.puback(2, .implementationSpecificError)))
        let subscriber = world.join("s")
        subscriber.subscribe("#")
        let received = publishes(subscriber, in: world).texts
        #expect(received == (hasOne ? ["old"] : []) + ["after"])
        let second = try world.restarted()
        let again = second.join("s")
        again.subscribe("#")
        #expect(publishes(again, in: second).texts == received)
    }

    @Test(arguments: [QoS.atMostOnce, .atLeastOnce, .exactlyOnce])
    func `a new subscriber gets the last retained message, with the flag [MQTT-3.3.1-5] [MQTT-3.3.1-8]`(
        qos: QoS
    )
        throws
    {
        let world = try World()
        retain([("t", "old"), ("t", "new")], qos: qos, in: world)
        let client = world.join("a")
        client.subscribe("t")
        let received = publishes(client, in: world)
        #expect(received.texts == ["new"] && received.map(\.retain) == [true] && received.map(\.qos) == [qos])
    }

    @Test func `SUBACK comes before the retained messages`() throws {
        let world = try World()
        retain([("t", "x")], in: world)
        for client in [world.join("a"), world.joinPersistent("b")] {
            client.send(.subscribe("t", qos: .atMostOnce))
            world.pass(seconds: 0.1)
            #expect(client.take() == [.suback(100, .grantedQoS0), .publish("t", "x", retain: true)])
        }
    }

    @Test func `an empty retained message clears, and is delivered like any other [MQTT-3.3.1-6]`() throws {
        let world = try World()
        retain([("t", "x")], in: world)
        let watcher = world.join("w")
        watcher.subscribe("t", qos: .atMostOnce, handling: .doNotSend)
        retain([("t", "")], in: world)
        #expect(watcher.take() == [.publish("t", "")])
        let client = world.join("a")
        client.subscribe("t")
        #expect(publishes(client, in: world) == [])
        #expect(try world.stored().retainedMessages == [])
    }

    @Test func `clearing what was never set stores nothing [MQTT-3.3.1-7]`() throws {
        let world = try World()
        retain([("t", "")], in: world)
        #expect(try world.stored().retainedMessages == [] && world.stored().sysInfo.retainedCount == 0)
    }

    @Test func `a message that is not retained leaves the retained one alone`() throws {
        let world = try World()
        retain([("t", "kept")], in: world)
        world.join("p").send(.publish("t", "passing"), .publish("t", ""))
        let client = world.join("a")
        client.subscribe("t")
        #expect(publishes(client, in: world).texts == ["kept"])
    }

    @Test(
        arguments: [
            ("a/+", ["a/1", "a/2"]), ("a/#", ["a", "a/1", "a/2", "a/2/x"]), ("+", ["a", "b"]),
            ("#", ["a", "a/1", "a/2", "a/2/x", "b"]),
            ("$in/#", ["$in/x"]), ("c", []),
        ] as [(Text, [Text])])
    func `a filter gets the retained messages it matches`(filter: Text, topics: [Text]) throws {
        let world = try World()
        retain(["a", "a/1", "b", "a/2", "a/2/x", "$in/x"].map { ($0, "v") }, in: world)
        let client = world.join("s")
        client.subscribe(filter)
        #expect(publishes(client, in: world).map(\.topic).sorted() == topics)
    }

    @Test func `retained messages come in the order in which they were set`() throws {
        let world = try World()
        let topics = (1...30).map { Text("t/\($0 * 7 % 31)") }
        retain(topics.map { ($0, "v") }, in: world)
        let client = world.join("s")
        client.subscribe("t/+")
        #expect(publishes(client, in: world).map(\.topic) == topics)
    }

    // MARK: Retain handling

    @Test(arguments: [(RetainHandling.send, 2), (.sendIfNew, 1), (.doNotSend, 0)])
    func `Retain Handling says when they are sent [MQTT-3.3.1-9] [MQTT-3.3.1-10] [MQTT-3.3.1-11]`(
        handling: RetainHandling, count: Int
    ) throws {
        let world = try World()
        retain([("t", "x")], in: world)
        let client = world.join("s")
        client.subscribe("t", handling: handling)
        let first = publishes(client, in: world)
        client.subscribe("t", handling: handling)
        #expect((first + publishes(client, in: world)).count == count)
    }

    @Test func `a shared subscription gets no retained messages`() throws {
        let world = try World()
        retain([("t", "x")], in: world)
        let client = world.join("s")
        client.subscribe("$share/g/t")
        #expect(publishes(client, in: world) == [])
    }

    @Test func `each filter of a SUBSCRIBE gets its own, with its identifier`() throws {
        let world = try World()
        retain([("t", "x")], in: world)
        let client = world.join("s")
        client.subscribe("t", "+", qos: .atMostOnce, identifier: 4)
        let received = publishes(client, in: world)
        #expect(received.map(\.properties.subscriptionIdentifiers) == [[4], [4]])
    }

    // MARK: Expiry

    @Test func `the interval that is left is sent, and an expired one is not [MQTT-3.3.2-6]`() throws {
        let world = try World()
        world.join("p").send(
            .publish("t", retain: true) { $0.messageExpiry = 10 },
            .publish("u", retain: true) { $0.messageExpiry = 100 })
        world.pass(seconds: 40)
        let client = world.join("s")
        client.subscribe("#")
        let received = publishes(client, in: world)
        #expect(received.map(\.topic) == ["u"] && received.map(\.properties.messageExpiry) == [60])
        world.rest()
        #expect(try world.stored().retainedMessages.map(\.message.topic) == ["u"])
    }

    // MARK: Many, and few in memory

    @Test(arguments: [0, 3_000, 64 << 20], [true, false])
    func `many come in windows, read from the store where they are not in memory`(
        bytes: Int, isPersistent: Bool
    ) throws {
        let world = try World(limits: Limits { $0.retainedBytesMax = bytes })
        let topics = (0..<700).map { Text("t/\($0)") }
        retain(topics.map { ($0, "some text, so that it takes memory") }, in: world)
        world.pass(seconds: 1)
        let client = isPersistent ? world.joinPersistent("s") : world.join("s")
        client.subscribe("t/#", qos: .atLeastOnce)
        let received = publishes(client, in: world)
        #expect(received.map(\.topic) == topics && received.allSatisfy(\.retain))
        world.rest()
        #expect(try world.stored().deliveries == [])
    }

    @Test func `a client that loses its connection meanwhile gets the rest when it is back`() throws {
        let world = try World()
        let topics = (0..<700).map { Text("t/\($0)") }
        retain(topics.map { ($0, "v") }, in: world)
        let first = world.joinPersistent("s") { $0.receiveMaximum = 10 }
        first.subscribe("t/#", qos: .atLeastOnce)
        #expect(first.takePublishes().count == 10)
        first.cut()
        let second = world.joinPersistent("s")
        let received = publishes(second, in: world)
        #expect(Set(received.map(\.topic)) == Set(topics) && received.count == topics.count)
    }

    @Test func `a value that is set after the SUBSCRIBE comes, too`() throws {
        let world = try World(shards: 2)
        retain([("t/1", "old")], in: world)
        let client = world.join("s")
        client.subscribe("t/+")
        retain([("t/2", "new")], in: world)
        #expect(publishes(client, in: world).map(\.topic).contains("t/2"))
    }

    @Test func `bodies that cannot be read are asked for again`() throws {
        let world = try World(limits: Limits { $0.retainedBytesMax = 0 })
        retain([("t", "v")], in: world)
        world.pass(seconds: 1)
        world.store.readsFail(.retry)
        let client = world.join("s")
        client.subscribe("t")
        world.pass(seconds: 0.1)
        #expect(client.take() == [])
        world.store.heal()
        #expect(publishes(client, in: world).texts == ["v"])
    }
}

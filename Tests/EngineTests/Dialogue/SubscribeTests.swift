// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import Packets
import Persistence
import StoreMemory
import Testing

@testable import Engine

@Suite struct SubscribeTests {
    static let versions: [ProtocolVersion] = [.v31, .v311, .v5]

    private func subscribe(_ subscriptions: [Subscription], id: UInt16 = 5) -> Packet {
        .subscribe(Subscribe(packetID: id, subscriptions: subscriptions))
    }

    // MARK: Answers

    @Test(arguments: versions)
    func `SUBACK has one reason for each filter, in order [MQTT-3.9.3-1]`(version: ProtocolVersion) throws {
        let world = try World()
        let client = world.join("a", version)
        let packets = client.exchange(
            subscribe([
                Subscription(filter: "a", options: SubscriptionOptions(qos: .exactlyOnce)),
                Subscription(filter: "a/#/b", options: SubscriptionOptions(qos: .exactlyOnce)),
                Subscription(filter: "b", options: SubscriptionOptions(qos: .atMostOnce)),
                Subscription(filter: "c/+", options: SubscriptionOptions(qos: .atLeastOnce)),
            ]))
        let refused: ReasonCode = version == .v5 ? .topicFilterInvalid : .unspecifiedError
        #expect(packets == [.suback(5, .grantedQoS2, refused, .grantedQoS0, .grantedQoS1)])
    }

    @Test(
        arguments: ["a/b#", "sport+/x", "#/a", "a/#/b", "", "$share/g", "$share//t", "$share/g+/t"] as [Text])
    func `a filter that is none is refused with 0x8F and never matches [MQTT-4.7.1-1] [MQTT-4.7.1-2]`(
        filter: Text
    ) throws {
        let world = try World()
        let client = world.joinPersistent("a")
        #expect(client.subscribe(filter, "ok") == [.topicFilterInvalid, .grantedQoS2])
        #expect(try world.stored().subscriptions.map(\.filter) == ["ok"])
        #expect(world.commons.subscriptions.count == 1)
    }

    @Test func `what is not available is refused with its own reason`() throws {
        let world = try World(
            limits: Limits {
                $0.wildcardSubscriptionsAvailable = false
                $0.sharedSubscriptionsAvailable = false
                $0.subscriptionIdentifiersAvailable = false
                $0.maximumQoS = .atLeastOnce
                $0.filterLevelsMax = 3
                $0.subscriptionsPerSessionMax = 2
            })
        let client = world.join("a")
        #expect(client.subscribe("a/+") == [.wildcardSubscriptionsNotSupported])
        #expect(client.subscribe("$share/g/a") == [.sharedSubscriptionsNotSupported])
        #expect(client.subscribe("a", identifier: 4) == [.subscriptionIdentifiersNotSupported])
        #expect(client.subscribe("a", qos: .exactlyOnce) == [.grantedQoS1])
        #expect(client.subscribe("a/b/c/d") == [.topicFilterInvalid])
        #expect(client.subscribe("b", "c", "a") == [.grantedQoS1, .quotaExceeded, .grantedQoS1])
    }

    @Test func `No Local with a shared subscription closes the connection [MQTT-3.8.3-4]`() throws {
        let world = try World()
        let client = world.join("a")
        client.subscribe("$share/g/t", noLocal: true)
        #expect(client.take() == [.disconnect(.protocolError)] && client.isClosed)
    }

    @Test func `UNSUBSCRIBE says for each filter whether there was a subscription [MQTT-3.11.3-1]`() throws {
        let world = try World()
        let client = world.join("a")
        client.subscribe("a", "b/#")
        let packets = client.exchange(.unsubscribe("a", "b/+", "b/#", "a", id: 9))
        let expected = Unsuback(
            packetID: 9, reasons: [.success, .noSubscriptionExisted, .success, .noSubscriptionExisted])
        #expect(packets == [.unsuback(expected)])
        #expect(
            world.join("old", .v311).exchange(.unsubscribe("a", id: 9)) == [.unsuback(Unsuback(packetID: 9))])
    }

    @Test(arguments: versions)
    func `after UNSUBACK nothing more comes, and what was queued still does [MQTT-3.10.4-2]`(
        version: ProtocolVersion
    ) throws {
        let world = try World()
        let client = world.joinPersistent("a", version)
        client.subscribe("t")
        let publisher = world.join("p")
        publisher.send(.publish("t", "before", qos: .atLeastOnce, id: 1))
        client.send(.unsubscribe("t"))
        publisher.send(.publish("t", "after", qos: .atLeastOnce, id: 2))
        #expect(client.acknowledgeAll().texts == ["before"])
        #expect(try world.stored().subscriptions == [])
    }

    @Test func `the unsubscription of one client is not that of another`() throws {
        let world = try World()
        let (one, other) = (world.join("a"), world.join("b"))
        one.subscribe("t")
        #expect(
            other.exchange(.unsubscribe("t", id: 9))
                == [.unsuback(Unsuback(packetID: 9, reasons: [.noSubscriptionExisted]))])
        world.join("p").send(.publish("t"))
        #expect(one.takePublishes().count == 1)
    }

    @Test func `packets right behind SUBSCRIBE and UNSUBSCRIBE see what it did`() throws {
        let world = try World()
        let client = world.joinPersistent("a")
        client.send(.subscribe("t"), .publish("t", "1"), .unsubscribe("t"), .publish("t", "2"), .pingreq)
        let packets = client.take()
        #expect(packets.filter { $0.type == .publish } == [.publish("t", "1")])
        let answers = packets.map(\.type).filter { [.suback, .unsuback].contains($0) }
        #expect(answers == [.suback, .unsuback])
    }

    @Test func `a session that subscribes anew replaces the subscription [MQTT-3.8.4-3]`() throws {
        let world = try World()
        let client = world.joinPersistent("a")
        client.subscribe("t", qos: .exactlyOnce, identifier: 1)
        client.subscribe("t", qos: .atMostOnce, identifier: 2)
        world.join("p").send(.publish("t", qos: .atLeastOnce, id: 1))
        #expect(client.take() == [.publish("t") { $0.subscriptionIdentifiers = [2] }])
        #expect(try world.stored().subscriptions.map(\.identifier) == [2])
    }

    // MARK: Matching

    @Test(
        arguments: [
            ("a/b", "a/b", true), ("a/b", "a/B", false), ("a/+", "a/", true), ("+/+", "/a", true),
            ("+", "/a", false), ("#", "a/b/c", true), ("a/#", "a", true), ("a/#", "ab", false),
            ("+/#", "a", true),
            ("/+", "/a", true), ("#", "$internal/x", false), ("+/x", "$internal/x", false),
            ("$internal/#", "$internal/x", true), ("$internal/+", "$internal/x", true), ("ä/+", "ä/ö", true),
        ] as [(Text, Text, Bool)])
    func `filters match level by level, and wildcards no topic that begins with $ [MQTT-4.7.2-1]`(
        filter: Text, topic: Text, matches: Bool
    ) throws {
        let world = try World()
        let (ordinary, shared) = (world.join("a"), world.join("b"))
        ordinary.subscribe(filter)
        shared.subscribe(Text("$share/g/\(filter)"))
        world.join("p").send(.publish(topic))
        #expect(ordinary.takePublishes().map(\.topic) == (matches ? [topic] : []))
        #expect(shared.takePublishes().map(\.topic) == (matches ? [topic] : []))
    }

    @Test func `what is below $SYS reaches those who name it only`() throws {
        let world = try World()
        let (all, named) = (world.join("a"), world.join("b"))
        all.subscribe("#", "+/#", "+/broker", "$share/g/#")
        named.subscribe("$SYS/#")
        world.publish(MessageRecord(topic: "$SYS/broker", payload: [1], qos: .atMostOnce))
        #expect(all.take() == [] && named.takePublishes().count == 1)
    }

    // MARK: Options

    @Test
    func `overlapping subscriptions give one copy, the greatest QoS, and all identifiers [MQTT-3.3.4-2]`()
        throws
    {
        let world = try World()
        let client = world.join("a")
        client.subscribe("t/#", qos: .atMostOnce, identifier: 7)
        client.subscribe("t/+", qos: .atLeastOnce)
        client.subscribe("t/x", qos: .exactlyOnce, identifier: 300_000)
        world.join("p").send(.publish("t/x", qos: .exactlyOnce, id: 1))
        let publishes = client.takePublishes()
        #expect(publishes.map(\.qos) == [.exactlyOnce])
        #expect(publishes.map { $0.properties.subscriptionIdentifiers.sorted() } == [[7, 300_000]])
    }

    @Test func `identifiers are stored with what is queued [MQTT-3.3.4-3]`() throws {
        let world = try World()
        let first = world.joinPersistent("a")
        first.subscribe("t", identifier: 5)
        first.cut()
        world.join("p").exchange(.publish("t", qos: .atLeastOnce, id: 1))
        let second = world.joinPersistent("a")
        #expect(second.takePublishes().map(\.properties.subscriptionIdentifiers) == [[5]])
    }

    @Test(arguments: [QoS.atMostOnce, .atLeastOnce])
    func `No Local keeps a client's own messages from it, and no others [MQTT-3.8.3-3]`(qos: QoS) throws {
        let world = try World()
        let client = world.joinPersistent("a")
        client.subscribe("t", noLocal: true)
        client.send(.publish("t", "own", qos: qos, id: qos == .atMostOnce ? 0 : 1))
        world.join("p").send(.publish("t", "other", qos: qos, id: qos == .atMostOnce ? 0 : 1))
        #expect(client.takePublishes().texts == ["other"])
    }

    @Test func `No Local of one subscription hides nothing of another`() throws {
        let world = try World()
        let client = world.join("a")
        client.subscribe("t/#", qos: .exactlyOnce, identifier: 1, noLocal: true)
        client.subscribe("t/x", qos: .atLeastOnce, identifier: 2)
        client.send(.publish("t/x", qos: .exactlyOnce, id: 1))
        #expect(
            client.takePublishes() == [
                Publish(
                    qos: .atLeastOnce, topic: "t/x", packetID: 1, payload: [120],
                    properties: Properties { $0.subscriptionIdentifiers = [2] })
            ])
    }

    @Test(arguments: [true, false])
    func `Retain As Published keeps the flag of a forwarded message [MQTT-3.3.1-12] [MQTT-3.3.1-13]`(
        keeps: Bool
    )
        throws
    {
        let world = try World()
        let client = world.join("a")
        client.subscribe("t", retainAsPublished: keeps)
        world.join("p").send(.publish("t", retain: true), .publish("t"))
        #expect(client.takePublishes().map(\.retain) == [keeps, false])
    }

    @Test func `before MQTT 5 a forwarded message has no retain flag [MQTT-3.3.1-9]`() throws {
        let world = try World()
        let client = world.join("a", .v311)
        client.subscribe("t")
        world.join("p", .v311).send(.publish("t", retain: true))
        #expect(client.takePublishes().map(\.retain) == [false])
    }
}

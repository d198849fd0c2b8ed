// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import Packets
import Persistence
import StoreMemory
import Testing

@testable import Engine

/// Maximum Packet Size, topic aliases, expiry of messages: what a client allows, and what is left of a message.
@Suite struct LimitsOfClientsTests {
    private func publish(_ texts: Text..., topic: Text = "t", qos: QoS = .atLeastOnce, in world: World) {
        let publisher = world.join("publisher")
        for (index, text) in texts.enumerated() {
            publisher.exchange(
                .publish(topic, text, qos: qos, id: qos == .atMostOnce ? 0 : UInt16(index + 1)))
        }
    }

    private let large = Text(bytes: Array(repeating: 65, count: 100))

    // MARK: Maximum Packet Size

    @Test(arguments: [QoS.atMostOnce, .atLeastOnce, .exactlyOnce])
    func `a message too large for a client is skipped and not fatal [MQTT-3.1.2-24] [MQTT-3.1.2-25]`(qos: QoS)
        throws
    {
        let world = try World()
        let client = world.joinPersistent("s") { $0.maximumPacketSize = 50 }
        client.subscribe("t")
        let other = world.join("other")
        other.subscribe("t")
        publish("1", large, "2", qos: qos, in: world)
        #expect(client.acknowledgeAll().texts == ["1", "2"])
        #expect(other.acknowledgeAll().texts == ["1", large, "2"])
        world.rest()
        #expect(try world.stored().deliveries == [] && !client.isClosed)
    }

    @Test(arguments: [QoS.atLeastOnce, .exactlyOnce])
    func `a message too large for a client is skipped when its session is resumed [MQTT-3.1.2-25]`(qos: QoS)
        throws
    {
        let world = try World()
        let first = world.joinPersistent("s")
        first.subscribe("t")
        publish("1", large, "2", qos: qos, in: world)
        #expect(first.takePublishes().count == 3)
        first.cut()
        publish("3", large, "4", qos: qos, in: world)
        let second = world.joinPersistent("s") { $0.maximumPacketSize = 50 }
        #expect(second.acknowledgeAll().texts == ["1", "2", "3", "4"])
        world.rest()
        #expect(try world.stored().deliveries == [] && !second.isClosed)
    }

    @Test func `an answer that does not fit ends the connection [MQTT-3.1.2-24]`() throws {
        let world = try World()
        let client = world.joinPersistent("s") { $0.maximumPacketSize = 20 }
        let filters = (0..<40).map {
            Subscription(filter: Text("t/\($0)"), options: SubscriptionOptions(qos: .atLeastOnce))
        }
        let answers = client.exchange(.subscribe(Subscribe(packetID: 1, subscriptions: filters)))
        #expect(answers == [.disconnect(Disconnect(reason: .packetTooLarge))] && client.isClosed)
    }

    @Test(arguments: 105...125)
    func `no packet is larger than the Maximum Packet Size, with a topic alias either [MQTT-3.1.2-24]`(
        size: UInt32
    ) throws {
        let world = try World()
        let client = world.join("s") {
            $0.maximumPacketSize = size
            $0.topicAliasMaximum = 5
        }
        client.subscribe("t")
        publish(large, large, qos: .atLeastOnce, in: world)
        for publish in client.takePublishes() {
            let bytes = Packet.publish(publish).bytes(.v5)
            #expect(bytes.count <= Int(size))
        }
    }

    @Test func `a packet larger than the broker's maximum closes the connection with 0x95 [MQTT-3.2.2-15]`()
        throws
    {
        let world = try World(limits: Limits { $0.packetBytesMax = 200 })
        let client = world.join("p")
        let packets = client.exchange(.publish("t", Text(bytes: Array(repeating: 65, count: 300))))
        #expect(packets == [.disconnect(.packetTooLarge)] && client.isClosed)
    }

    // MARK: Topic aliases

    @Test func `a client's alias stands for its topic until it is set anew [MQTT-3.3.2-12]`() throws {
        let world = try World()
        let subscriber = world.join("s")
        subscriber.subscribe("#")
        let publisher = world.join("p")
        publisher.send(
            .publish("a", "1") { $0.topicAlias = 1 }, .publish("", "2") { $0.topicAlias = 1 },
            .publish("b", "3") { $0.topicAlias = 1 }, .publish("", "4") { $0.topicAlias = 1 })
        let received = subscriber.takePublishes()
        #expect(received.map(\.topic) == ["a", "a", "b", "b"])
        #expect(received.allSatisfy { $0.properties.topicAlias == nil })
    }

    @Test(arguments: [
        (Packet.publish("a") { $0.topicAlias = 65 }, ReasonCode.topicAliasInvalid),
        (.publish("") { $0.topicAlias = 2 }, .protocolError),
    ])
    func `an alias out of range or without a topic closes the connection [MQTT-3.3.2-9]`(
        packet: Packet, reason: ReasonCode
    ) throws {
        let world = try World()
        let client = world.join("p")
        #expect(client.exchange(packet) == [.disconnect(reason)] && client.isClosed)
    }

    @Test func `an alias of an earlier connection stands for nothing [MQTT-3.3.2-7]`() throws {
        let world = try World()
        let first = world.joinPersistent("p")
        first.exchange(.publish("a") { $0.topicAlias = 1 })
        first.cut()
        let second = world.joinPersistent("p")
        #expect(second.exchange(.publish("") { $0.topicAlias = 1 }) == [.disconnect(.protocolError)])
    }

    @Test func `a client that allows aliases is sent a topic once [MQTT-3.1.2-26]`() throws {
        let world = try World()
        let client = world.join("s") { $0.topicAliasMaximum = 1 }
        client.subscribe("#", qos: .atMostOnce)
        publish("1", "2", topic: "a", in: world)
        publish("3", topic: "b", in: world)
        #expect(
            client.take() == [
                .publish("a", "1") { $0.topicAlias = 1 }, .publish("", "2") { $0.topicAlias = 1 },
                .publish("b", "3"),
            ])
    }

    @Test func `a client that does not allow aliases is sent none [MQTT-3.1.2-27]`() throws {
        let world = try World()
        let client = world.join("s")
        client.subscribe("#", qos: .atMostOnce)
        publish("1", "2", topic: "a", in: world)
        #expect(client.take() == [.publish("a", "1"), .publish("a", "2")])
    }

    @Test func `what is sent again on another connection has its topic, whatever alias stood for it before`()
        throws
    {
        let world = try World()
        let first = world.joinPersistent("s") { $0.topicAliasMaximum = 5 }
        first.subscribe("t")
        publish("1", "2", in: world)
        #expect(first.takePublishes().map(\.topic) == ["t", ""])
        first.cut()
        publish("3", in: world)
        let second = world.joinPersistent("s")
        #expect(second.takePublishes().map(\.topic) == ["t", "t", "t"])
        second.cut()
        let third = world.joinPersistent("s") { $0.topicAliasMaximum = 5 }
        #expect(third.takePublishes().map(\.topic) == ["t", "", ""])
    }

    // MARK: Message expiry

    @Test func `the interval that is left is sent [MQTT-3.3.2-6]`() throws {
        let world = try World()
        let first = world.joinPersistent("s")
        first.subscribe("t")
        let publisher = world.join("p")
        publisher.exchange(.publish("t", "at once", qos: .atLeastOnce, id: 1) { $0.messageExpiry = 100 })
        #expect(first.takePublishes().map(\.properties.messageExpiry) == [100])
        first.send(.puback(1))
        first.cut()
        publisher.exchange(.publish("t", "later", qos: .atLeastOnce, id: 2) { $0.messageExpiry = 100 })
        publisher.exchange(.publish("t", "never", qos: .atLeastOnce, id: 2))
        world.pass(seconds: 40)
        let second = world.joinPersistent("s")
        #expect(second.takePublishes().map(\.properties.messageExpiry) == [60, nil])
    }

    @Test(arguments: [QoS.atLeastOnce, .exactlyOnce])
    func `a message that has expired is not sent [MQTT-3.3.2-5]`(qos: QoS) throws {
        let world = try World()
        let first = world.joinPersistent("s")
        first.subscribe("t")
        first.cut()
        let publisher = world.join("p")
        publisher.exchange(.publish("t", "short", qos: qos, id: 1) { $0.messageExpiry = 10 })
        publisher.exchange(.publish("t", "long", qos: qos, id: 2) { $0.messageExpiry = 100 })
        world.pass(seconds: 10)
        let second = world.joinPersistent("s")
        #expect(second.acknowledgeAll().texts == ["long"])
        world.rest()
        #expect(try world.stored().deliveries == [])
    }

    @Test func `a message that expires while it waits for the window is not sent [MQTT-3.3.2-5]`() throws {
        let world = try World()
        let client = world.join("s") { $0.receiveMaximum = 1 }
        client.subscribe("t")
        let publisher = world.join("p")
        publisher.exchange(.publish("t", "1", qos: .atLeastOnce, id: 1))
        publisher.exchange(.publish("t", "2", qos: .atLeastOnce, id: 2) { $0.messageExpiry = 10 })
        publisher.exchange(.publish("t", "3", qos: .atLeastOnce, id: 3))
        world.pass(seconds: 11)
        #expect(client.acknowledgeAll().texts == ["1", "3"])
    }

    @Test func `an interval of zero is over at once`() throws {
        let world = try World()
        let client = world.join("s")
        client.subscribe("t")
        let publisher = world.join("p")
        #expect(
            publisher.exchange(.publish("t", qos: .atLeastOnce, id: 1) { $0.messageExpiry = 0 }) == [
                .puback(1)
            ])
        publisher.send(.publish("t") { $0.messageExpiry = 0 })
        #expect(client.take() == [])
    }
}

// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import Packets
import Persistence
import StoreMemory
import Testing

@testable import Engine

/// What publishers send, and what they are answered.
@Suite struct PublishTests {
    static let versions: [ProtocolVersion] = [.v31, .v311, .v5]

    private func reason(_ version: ProtocolVersion, _ reason: ReasonCode) -> ReasonCode {
        version == .v5 ? reason : .success
    }

    // MARK: QoS

    @Test(arguments: versions)
    func `QoS 0 is delivered and not answered [MQTT-4.3.1-1]`(version: ProtocolVersion) throws {
        let world = try World()
        let subscriber = world.join("s", version)
        subscriber.subscribe("t")
        let publisher = world.join("p", version)
        #expect(publisher.exchange(.publish("t", "hello")) == [])
        #expect(subscriber.take() == [.publish("t", "hello")])
    }

    @Test(arguments: versions)
    func `QoS 1 is answered with PUBACK of the same identifier [MQTT-4.3.2-4]`(version: ProtocolVersion)
        throws
    {
        let world = try World()
        let subscriber = world.join("s", version)
        subscriber.subscribe("t", qos: .atLeastOnce)
        let publisher = world.join("p", version)
        #expect(publisher.exchange(.publish("t", "hello", qos: .atLeastOnce, id: 77)) == [.puback(77)])
        #expect(subscriber.take() == [.publish("t", "hello", qos: .atLeastOnce, id: 1)])
        #expect(subscriber.exchange(.puback(1)) == [])
    }

    @Test(arguments: versions)
    func `QoS 2 goes through four packets on either side [MQTT-4.3.3-8] [MQTT-4.3.3-11]`(
        version: ProtocolVersion
    ) throws {
        let world = try World()
        let subscriber = world.join("s", version)
        subscriber.subscribe("t")
        let publisher = world.join("p", version)
        #expect(publisher.exchange(.publish("t", "once", qos: .exactlyOnce, id: 9)) == [.pubrec(9)])
        #expect(subscriber.take() == [.publish("t", "once", qos: .exactlyOnce, id: 1)])
        #expect(publisher.exchange(.pubrel(9)) == [.pubcomp(9)])
        #expect(subscriber.exchange(.pubrec(1)) == [.pubrel(1)])
        #expect(subscriber.exchange(.pubcomp(1)) == [])
    }

    @Test(arguments: [
        (QoS.atMostOnce, QoS.exactlyOnce), (.atLeastOnce, .exactlyOnce), (.exactlyOnce, .atMostOnce),
        (.exactlyOnce, .atLeastOnce), (.atLeastOnce, .atMostOnce),
    ])
    func `a message is delivered with the lesser QoS of publish and subscription [MQTT-3.8.4-8]`(
        published: QoS, subscribed: QoS
    ) throws {
        let world = try World()
        let subscriber = world.join("s")
        subscriber.subscribe("t", qos: subscribed)
        world.join("p").send(.publish("t", qos: published, id: published == .atMostOnce ? 0 : 1))
        #expect(subscriber.takePublishes().map(\.qos) == [min(published, subscribed)])
    }

    @Test(arguments: versions)
    func `a QoS 2 publish that is sent again is not delivered again [MQTT-4.3.3-10]`(version: ProtocolVersion)
        throws
    {
        let world = try World()
        let subscriber = world.join("s")
        subscriber.subscribe("t", qos: .atMostOnce)
        let publisher = world.join("p", version)
        #expect(publisher.exchange(.publish("t", "a", qos: .exactlyOnce, id: 5)) == [.pubrec(5)])
        #expect(publisher.exchange(.publish("t", "a", qos: .exactlyOnce, id: 5, dup: true)) == [.pubrec(5)])
        #expect(subscriber.takePublishes().texts == ["a"])
        #expect(publisher.exchange(.pubrel(5)) == [.pubcomp(5)])
        #expect(publisher.exchange(.publish("t", "b", qos: .exactlyOnce, id: 5)) == [.pubrec(5)])
        #expect(subscriber.takePublishes().texts == ["b"])
    }

    @Test func `a QoS 2 publish is not delivered again after its client came back [MQTT-4.3.3-10]`() throws {
        let world = try World()
        let subscriber = world.join("s")
        subscriber.subscribe("t", qos: .atMostOnce)
        let first = world.joinPersistent("p")
        first.exchange(.publish("t", "a", qos: .exactlyOnce, id: 5))
        first.cut()
        let second = world.joinPersistent("p", present: true)
        #expect(second.exchange(.publish("t", "a", qos: .exactlyOnce, id: 5, dup: true)) == [.pubrec(5)])
        #expect(second.exchange(.pubrel(5)) == [.pubcomp(5)])
        #expect(subscriber.takePublishes().texts == ["a"])
        #expect(try world.stored().receptions == [:])
    }

    @Test(arguments: versions)
    func `a QoS 1 publish that is sent again is a message again [MQTT-4.3.2-5]`(version: ProtocolVersion)
        throws
    {
        let world = try World()
        let subscriber = world.join("s")
        subscriber.subscribe("t", qos: .atMostOnce)
        let publisher = world.join("p", version)
        publisher.exchange(.publish("t", "a", qos: .atLeastOnce, id: 5))
        #expect(publisher.exchange(.publish("t", "a", qos: .atLeastOnce, id: 5, dup: true)) == [.puback(5)])
        #expect(subscriber.takePublishes().texts == ["a", "a"])
    }

    @Test func `DUP of a publish is not forwarded [MQTT-3.3.1-3]`() throws {
        let world = try World()
        let subscriber = world.join("s")
        subscriber.subscribe("t")
        world.join("p").send(.publish("t", qos: .atLeastOnce, id: 1, dup: true))
        #expect(subscriber.takePublishes().map(\.dup) == [false])
    }

    @Test(arguments: versions)
    func `PUBREL of an identifier that is not known is answered all the same`(version: ProtocolVersion) throws
    {
        let world = try World()
        let client = world.join("p", version)
        #expect(client.exchange(.pubrel(4)) == [.pubcomp(4, reason(version, .packetIdentifierNotFound))])
    }

    @Test(arguments: versions)
    func `PUBREC of an identifier that is not known is answered all the same`(version: ProtocolVersion) throws
    {
        let world = try World()
        let client = world.join("p", version)
        #expect(client.exchange(.pubrec(4)) == [.pubrel(4, reason(version, .packetIdentifierNotFound))])
        #expect(client.exchange(.puback(4), .pubcomp(4)) == [] && !client.isClosed)
    }

    // MARK: Content

    @Test func `properties are forwarded unaltered and in order [MQTT-3.3.2-17] [MQTT-3.3.2-18]`() throws {
        let world = try World()
        let (new, old) = (world.join("new"), world.join("old", .v311))
        new.subscribe("t", qos: .atMostOnce)
        old.subscribe("t", qos: .atMostOnce)
        let publisher = world.join("p")
        let configure: (inout Properties) -> Void = {
            $0.payloadFormat = 1
            $0.contentType = "text/plain"
            $0.responseTopic = "answers/1"
            $0.correlationData = [0, 255, 1]
            $0.user = [
                UserProperty(name: "b", value: "2"), UserProperty(name: "a", value: "1"),
                UserProperty(name: "b", value: "3"),
            ]
        }
        publisher.send(.publish("t", "hello", configure))
        #expect(new.take() == [.publish("t", "hello", configure)])
        #expect(old.take() == [.publish("t", "hello")])
    }

    @Test(arguments: [0, 1, 127, 128, 16_383, 16_384, 100_000])
    func `payloads of any size arrive as they were sent`(count: Int) throws {
        let world = try World()
        let subscriber = world.join("s")
        subscriber.subscribe("t", qos: .atLeastOnce)
        let payload = Text(bytes: (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31) })
        world.join("p").send(.publish("t", payload, qos: .atLeastOnce, id: 1))
        #expect(subscriber.takePublishes().texts == [payload])
    }

    @Test(arguments: [QoS.atMostOnce, .atLeastOnce, .exactlyOnce])
    func `messages of one publisher, topic and QoS arrive in order [MQTT-4.6.0-5]`(qos: QoS) throws {
        let world = try World()
        let subscriber = world.joinPersistent("s")
        subscriber.subscribe("t")
        let publisher = world.join("p")
        let texts = (1...50).map { Text("\($0)") }
        publisher.send(
            texts.enumerated().map {
                .publish("t", $1, qos: qos, id: qos == .atMostOnce ? 0 : UInt16($0 + 1))
            })
        #expect(subscriber.acknowledgeAll().texts == texts)
    }

    // MARK: Reason codes

    @Test(arguments: [QoS.atLeastOnce, .exactlyOnce])
    func `a publish that nobody receives is answered with 0x10, and with 0x00 before MQTT 5`(qos: QoS) throws
    {
        let world = try World()
        let answer: (UInt16, ReasonCode) -> Packet =
            qos == .atLeastOnce ? { .puback($0, $1) } : { .pubrec($0, $1) }
        let new = world.join("new").exchange(.publish("t", qos: qos, id: 1))
        #expect(new == [answer(1, .noMatchingSubscribers)])
        #expect(world.join("old", .v311).exchange(.publish("t", qos: qos, id: 1)) == [answer(1, .success)])
    }

    @Test(arguments: ["$SYS/broker/uptime", "a/b/c/d"] as [Text])
    func `a topic that clients may not publish to is answered with 0x90`(topic: Text) throws {
        let world = try World(limits: Limits { $0.topicLevelsMax = 3 })
        let subscriber = world.join("s")
        subscriber.subscribe(topic, "#")
        let client = world.join("p")
        #expect(client.exchange(.publish(topic, qos: .atLeastOnce, id: 1)) == [.puback(1, .topicNameInvalid)])
        #expect(client.exchange(.publish(topic, qos: .exactlyOnce, id: 2)) == [.pubrec(2, .topicNameInvalid)])
        #expect(client.exchange(.publish(topic)) == [] && !client.isClosed)
        #expect(subscriber.take() == [])
    }

    @Test(arguments: ["$SYSTEM/x", "$SYS0", "$sys/x", "$other"] as [Text])
    func `only $SYS and what is below it is the broker's`(topic: Text) throws {
        let world = try World()
        let subscriber = world.join("s")
        subscriber.subscribe(topic, qos: .atMostOnce)
        let client = world.join("p")
        #expect(client.exchange(.publish(topic, qos: .atLeastOnce, id: 1)) == [.puback(1)])
        #expect(subscriber.take() == [.publish(topic)])
    }

    @Test func `before MQTT 5 a refused publish is acknowledged and goes nowhere`() throws {
        let world = try World()
        let subscriber = world.join("s")
        subscriber.subscribe("$SYS/#")
        let client = world.join("p", .v311)
        #expect(client.exchange(.publish("$SYS/a", qos: .atLeastOnce, id: 1)) == [.puback(1)])
        #expect(client.exchange(.publish("$SYS/a", qos: .exactlyOnce, id: 2)) == [.pubrec(2)])
        #expect(client.exchange(.pubrel(2)) == [.pubcomp(2)])
        #expect(subscriber.take() == [])
    }

    @Test func `an identifier that was refused with QoS 2 is free again`() throws {
        let world = try World()
        let client = world.joinPersistent("p")
        client.subscribe("t", qos: .atMostOnce)
        #expect(
            client.exchange(.publish("$SYS/a", qos: .exactlyOnce, id: 2)) == [.pubrec(2, .topicNameInvalid)])
        client.send(.publish("t", qos: .exactlyOnce, id: 2))
        #expect(client.takePublishes() == [Publish(topic: "t", payload: [120])])
        #expect(client.take() == [.pubrec(2)])
    }

    @Test(arguments: [
        (Packet.publish("t", qos: .exactlyOnce, id: 1), ReasonCode.qosNotSupported),
        (.publish("t", retain: true), .retainNotSupported),
    ])
    func `what CONNACK said is not available closes the connection [MQTT-3.2.2-11] [MQTT-3.2.2-14]`(
        packet: Packet, reason: ReasonCode
    ) throws {
        let world = try World(
            limits: Limits {
                $0.maximumQoS = .atLeastOnce
                $0.retainAvailable = false
            })
        let client = world.join("p")
        #expect(client.exchange(packet) == [.disconnect(reason)] && client.isClosed)
    }

    @Test func `a message of the embedding program reaches subscribers and is reported when durable`() throws
    {
        let world = try World()
        let persistent = world.joinPersistent("s")
        persistent.subscribe("t")
        world.isStalled = true
        world.publish(MessageRecord(topic: "t", payload: [1], qos: .atLeastOnce), ticket: 3)
        #expect(persistent.takePublishes().count == 1 && world.completed == [:])
        world.commit()
        #expect(world.completed == [3: .success])
        world.publish(MessageRecord(topic: "nobody", payload: [1], qos: .atLeastOnce), ticket: 4)
        #expect(world.completed == [3: .success, 4: .success])
    }
}

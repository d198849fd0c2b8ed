// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import NIOCore
import PacketFixtures
import Packets
import Testing

struct PublishEncoderTests {
    /// Everything that may differ between copies.
    private static let heads: [PublishHead] = [
        PublishHead(),
        PublishHead(retain: true),
        PublishHead(qos: .atLeastOnce, packetID: 7),
        PublishHead(qos: .exactlyOnce, retain: true, dup: true, packetID: 65_535),
        PublishHead(qos: .atLeastOnce, packetID: 1, expirySeconds: 0),
        PublishHead(expirySeconds: .max, topicAlias: 3),
        PublishHead(qos: .exactlyOnce, packetID: 2, topicAlias: 65_535, omitsTopic: true),
    ]

    @Test(arguments: ProtocolVersion.allCases, heads)
    func `a PUBLISH is written as the packet says`(_ version: ProtocolVersion, _ head: PublishHead) {
        for payloadBytes in [0, 1, 100, 128, 20_000, 3_000_000] {
            let properties = Properties {
                $0.payloadFormat = 1
                $0.user = [UserProperty(name: "k", value: "v")]
            }.forwarded()
            var buffer = ByteBuffer()
            let payload = [UInt8](repeating: 0x61, count: payloadBytes)
            append(head, "sensors/1", properties, payload, [5, 300], version, to: &buffer)
            let written = PacketFixture(
                name: "written", version: version, bytes: Array(buffer.readableBytesView),
                expectation: .packet(.publish(expected(head, payload, version))), roundTrips: true,
                fromServer: true)
            #expect(outcome(written) == written.expectation)
            #expect(byteCount(head, properties.count, payloadBytes, version) == written.bytes.count)
        }
    }

    private func expected(_ head: PublishHead, _ payload: [UInt8], _ version: ProtocolVersion) -> Publish {
        var publish = Publish(
            dup: head.dup, qos: head.qos, retain: head.retain, topic: "sensors/1", packetID: head.packetID,
            payload: payload)
        guard version == .v5 else { return publish }
        if head.omitsTopic { publish.topic = "" }
        publish.properties = Properties {
            $0.payloadFormat = 1
            $0.user = [UserProperty(name: "k", value: "v")]
            $0.messageExpiry = head.expirySeconds
            $0.topicAlias = head.topicAlias == 0 ? nil : head.topicAlias
            $0.subscriptionIdentifiers = [5, 300]
        }
        return publish
    }

    private func byteCount(
        _ head: PublishHead, _ propertyBytes: Int, _ payloadBytes: Int, _ version: ProtocolVersion
    ) -> Int {
        [5, 300].withUnsafeBufferPointer { identifiers in
            PublishEncoder.byteCount(
                head, topicBytes: 9, propertyBytes: propertyBytes, payloadBytes: payloadBytes,
                identifiers: identifiers, version: version)
        }
    }

    @Test(arguments: ProtocolVersion.allCases, heads)
    func `copies of a template equal what the encoder writes`(
        _ version: ProtocolVersion, _ head: PublishHead
    ) {
        var template = PublishTemplate()
        let topic: Text = "sensors/1/temperature"
        for payload in [[], Array("21.5".utf8), [UInt8](repeating: 9, count: 200), [1]] {
            topic.bytes.withUnsafeBytes { topic in
                payload.withUnsafeBytes { payload in
                    template.encode(
                        head, topic: topic, properties: UnsafeRawBufferPointer(start: nil, count: 0),
                        payload: payload, identifiers: UnsafeBufferPointer(start: nil, count: 0),
                        version: version)
                }
            }
            var copies = ByteBuffer()
            var written = ByteBuffer()
            for packetID: UInt16 in [1, 256, 65_535] {
                var head = head
                if head.qos != .atMostOnce { head.packetID = packetID }
                template.append(packetID: packetID, to: &copies)
                append(head, topic, [], payload, [], version, to: &written)
            }
            #expect(copies == written)
            #expect(template.byteCount * 3 == written.readableBytes)
        }
    }
}

struct AcknowledgementEncoderTests {
    @Test(arguments: ProtocolVersion.allCases, [PacketType.puback, .pubrec, .pubrel, .pubcomp])
    func `an acknowledgement is written as the packet says`(_ version: ProtocolVersion, _ type: PacketType) {
        for reason: ReasonCode in [.success, .notAuthorized, .packetIdentifierNotFound] {
            let value = Acknowledgement(packetID: 0x1234, reason: reason)
            let packet: Packet =
                switch type {
                case .puback: .puback(value)
                case .pubrec: .pubrec(value)
                case .pubrel: .pubrel(value)
                default: .pubcomp(value)
                }
            var fast = ByteBuffer()
            var slow = ByteBuffer()
            AcknowledgementEncoder.append(type, packetID: 0x1234, reason: reason, version: version, to: &fast)
            #expect(packet.encode(into: &slow, version: version))
            #expect(fast == slow)
        }
    }
}

/// What happens when a packet is larger than its receiver takes.
struct PacketSizeTests {
    private static let full = Properties {
        $0.reasonString = "because it is so"
        $0.user = [UserProperty(name: "name", value: "value")]
    }
    private static let answers: [(Packet, bare: Int)] = [
        (.connack(Connack(reason: .notAuthorized, properties: full)), 5),
        (.puback(Acknowledgement(packetID: 1, reason: .notAuthorized, properties: full)), 5),
        (.pubrec(Acknowledgement(packetID: 1, reason: .notAuthorized, properties: full)), 5),
        (.pubrel(Acknowledgement(packetID: 1, reason: .packetIdentifierNotFound, properties: full)), 5),
        (.pubcomp(Acknowledgement(packetID: 1, reason: .packetIdentifierNotFound, properties: full)), 5),
        (.suback(Suback(packetID: 1, reasons: [.notAuthorized], properties: full)), 6),
        (.unsuback(Unsuback(packetID: 1, reasons: [.notAuthorized], properties: full)), 6),
        (.disconnect(Disconnect(reason: .serverBusy, properties: full)), 3),
    ]

    @Test(arguments: answers)
    func `answers drop the reason string, then the user properties [MQTT-3.2.2-19]`(
        _ packet: Packet, _ bare: Int
    ) throws {
        let whole = try #require(size(packet, .max))
        #expect(size(packet, whole) == whole)
        let user = try #require(size(packet, whole - 1))
        #expect(user == whole - 19)
        let least = try #require(size(packet, user - 1))
        #expect(least == bare)
        #expect(size(packet, least - 1) == nil)
    }

    private func size(_ packet: Packet, _ packetBytesMax: Int) -> Int? {
        var buffer = ByteBuffer(bytes: [0xAA])
        let fits = packet.encode(into: &buffer, version: .v5, packetBytesMax: packetBytesMax)
        #expect(fits || buffer.readableBytes == 1)
        return fits ? buffer.readableBytes - 1 : nil
    }

    @Test func `other packets are not made smaller`() {
        let publish = Packet.publish(
            Publish(topic: "a", properties: Properties { $0.user = PacketSizeTests.full.user }))
        #expect(size(publish, 10) == nil)
        #expect(
            size(.subscribe(Subscribe(packetID: 1, subscriptions: [Subscription(filter: "a")])), 8) == nil)
    }

    @Test func `a string of more than 65,535 bytes is not written`() {
        let long = Text(bytes: Array(repeating: 0x61, count: 65_536))
        #expect(size(.publish(Publish(topic: long)), .max) == nil)
        #expect(size(.connack(Connack(properties: Properties { $0.assignedClientID = long })), .max) == nil)
        #expect(size(.publish(Publish(topic: Text(bytes: Array(long.bytes.dropLast())))), .max) != nil)
    }

    @Test func `a text that is no string of MQTT is not written [MQTT-1.5.4-1] [MQTT-1.5.4-2]`() {
        let null: Text = "a\0"
        let surrogate = Text(bytes: [0xED, 0xA0, 0x80])
        for text in [null, surrogate] {
            #expect(size(.publish(Publish(topic: text)), .max) == nil)
            #expect(size(.connect(Connect(clientID: text)), .max) == nil)
            #expect(size(.connect(Connect(username: text)), .max) == nil)
            #expect(size(.connect(Connect(will: Will(topic: text))), .max) == nil)
            #expect(
                size(.connack(Connack(properties: Properties { $0.assignedClientID = text })), .max) == nil)
            #expect(size(.unsubscribe(Unsubscribe(packetID: 1, filters: [text])), .max) == nil)
            let reason = Properties { $0.reasonString = text }
            #expect(size(.disconnect(Disconnect(reason: .serverBusy, properties: reason)), .max) == 3)
        }
    }

    @Test func `a packet of more than 256 MiB is not written`() {
        let payload = [UInt8](repeating: 0, count: 268_435_455)
        #expect(size(.publish(Publish(topic: "a", payload: payload)), .max) == nil)
    }

    @Test func `AUTH does not exist before MQTT 5`() {
        var buffer = ByteBuffer()
        #expect(!Packet.auth(Auth()).encode(into: &buffer, version: .v311))
        #expect(buffer.readableBytes == 0)
    }
}

struct ConnackEncoderTests {
    /// What each return code stands for.
    private static let connacks =
        [Connack(sessionPresent: true)]
        + (0...5).compactMap { ReasonCode(connackReturnCode: $0) }.map { Connack(reason: $0) }

    @Test(arguments: [ProtocolVersion.v31, .v311], connacks)
    func `a CONNACK without properties is written as the packet says`(
        _ version: ProtocolVersion, _ connack: Connack
    ) {
        var expected = ByteBuffer()
        var written = ByteBuffer()
        let isEncoded = Packet.connack(connack).encode(into: &expected, version: version)
        connack.appendWithoutProperties(version: version, to: &written)
        #expect(isEncoded && written == expected)
    }
}

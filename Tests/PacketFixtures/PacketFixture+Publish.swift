// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import Packets

extension PacketFixture {
    /// PUBLISH that is read.
    static let publish: [PacketFixture] = [
        .valid(
            "PUBLISH of QoS 0", .v311, "30 0A 0003 'a/b' 'hello'",
            .publish(Publish(topic: "a/b", payload: Array("hello".utf8)))),
        .valid(
            "PUBLISH without payload", .v311, "30 03 0001 'a'",
            .publish(Publish(topic: "a"))),
        .valid(
            "PUBLISH of QoS 1", .v311, "32 08 0003 'a/b' 0001 'x'",
            .publish(Publish(qos: .atLeastOnce, topic: "a/b", packetID: 1, payload: [0x78]))),
        .valid(
            "PUBLISH of QoS 2", .v311, "34 08 0003 'a/b' FFFF 'x'",
            .publish(Publish(qos: .exactlyOnce, topic: "a/b", packetID: 65_535, payload: [0x78]))),
        .valid(
            "PUBLISH that is retained", .v311, "31 04 0001 'a' 'x'",
            .publish(Publish(retain: true, topic: "a", payload: [0x78]))),
        .valid(
            "PUBLISH that is repeated", .v311, "3A 06 0001 'a' 0102 'x'",
            .publish(
                Publish(dup: true, qos: .atLeastOnce, topic: "a", packetID: 0x0102, payload: [0x78]))),
        .valid(
            "PUBLISH with all flags", .v311, "3D 05 0001 'a' 0003",
            .publish(Publish(dup: true, qos: .exactlyOnce, retain: true, topic: "a", packetID: 3))),
        .valid(
            "PUBLISH of MQTT 3.1", .v31, "33 08 0003 'a/b' 000A 'x'",
            .publish(Publish(qos: .atLeastOnce, retain: true, topic: "a/b", packetID: 10, payload: [0x78]))),
        .valid(
            "PUBLISH to a topic of one slash", .v311, "30 04 0001 '/' 00",
            .publish(Publish(topic: "/", payload: [0]))),
        .valid(
            "PUBLISH to a topic that begins with a dollar sign", .v311, "30 08 0006 '$SYS/x'",
            .publish(Publish(topic: "$SYS/x"))),
        .valid(
            "PUBLISH to a topic with spaces and characters of two, three and four bytes", .v311,
            "30 10 000D 61 20 C3A9 2F E282AC 2F F09F9880 'x'",
            .publish(
                Publish(topic: "a \u{E9}/\u{20AC}/\u{1F600}", payload: [0x78]))),
        .valid(
            "PUBLISH to a topic with U+FEFF", .v5, "30 08 0005 EFBBBF 2F61 00",
            .publish(Publish(topic: "\u{FEFF}/a"))),
        .valid(
            "PUBLISH of 128 bytes", .v311,
            "30 80 01 0001 'a' 7A7A7A7A7A7A7A7A7A7A7A7A7A7A7A7A7A7A7A7A7A7A7A7A7A7A7A7A7A7A7A7A7A7A7A7A7A7A7A7A7A7A7A7A7A7A7A7A7A7A7A7A7A7A7A7A7A7A7A7A7A7A7A7A7A7A7A7A7A7A7A7A7A7A7A7A7A7A7A7A7A7A7A7A7A7A7A7A7A7A7A7A7A7A7A7A7A7A7A7A7A7A7A7A7A7A7A7A7A7A7A7A7A7A7A7A7A7A7A7A7A7A7A7A7A",
            .publish(Publish(topic: "a", payload: Array(repeating: 0x7A, count: 125)))),
        .decodes(
            "PUBLISH with a longer length than needed", .v311, "30 83 80 00 0001 'a'",
            .publish(Publish(topic: "a"))),
        .valid(
            "PUBLISH of MQTT 5", .v5, "30 07 0003 'a/b' 00 'x'",
            .publish(Publish(topic: "a/b", payload: [0x78]))),
        .valid(
            "PUBLISH of QoS 1", .v5, "32 09 0003 'a/b' 0005 00 'x'",
            .publish(Publish(qos: .atLeastOnce, topic: "a/b", packetID: 5, payload: [0x78]))),
        .valid(
            "PUBLISH with topic and alias", .v5, "30 07 0001 'a' 03 23 0007",
            .publish(Publish(topic: "a", properties: Properties { $0.topicAlias = 7 }))),
        .valid(
            "PUBLISH with an alias alone", .v5, "30 07 0000 03 23 FFFF 'x'",
            .publish(
                Publish(topic: "", payload: [0x78], properties: Properties { $0.topicAlias = 65_535 }))),
        .valid(
            "PUBLISH with all properties of a client", .v5,
            "34 36 0001 'a' 0009 2E 02 0000000A 23 0001 01 01 03 0004 'json' 08 0007 'reply/1' 09 0003 010203 26 0001 'k' 0001 'v' 26 0001 'k' 0000 7B7D",
            .publish(
                Publish(
                    qos: .exactlyOnce, topic: "a", packetID: 9, payload: Array("{}".utf8),
                    properties: Properties {
                        $0.messageExpiry = 10
                        $0.topicAlias = 1
                        $0.payloadFormat = 1
                        $0.contentType = "json"
                        $0.responseTopic = "reply/1"
                        $0.correlationData = [1, 2, 3]
                        $0.user = [UserProperty(name: "k", value: "v"), UserProperty(name: "k", value: "")]
                    }))),
        .decodes(
            "PUBLISH with forwarded properties around the others", .v5,
            "30 24 0001 'a' 1F 26 0001 '1' 0001 'a' 02 00000001 26 0001 '2' 0001 'b' 23 0002 01 00 26 0001 '3' 0001 'c' 'x'",
            .publish(
                Publish(
                    topic: "a", payload: [0x78],
                    properties: Properties {
                        $0.messageExpiry = 1
                        $0.topicAlias = 2
                        $0.payloadFormat = 0
                        $0.user = [
                            UserProperty(name: "1", value: "a"), UserProperty(name: "2", value: "b"),
                            UserProperty(name: "3", value: "c"),
                        ]
                    }))),
        .valid(
            "PUBLISH with empty strings and data in properties", .v5,
            "30 0F 0001 'a' 0B 03 0000 09 0000 26 0000 0000",
            .publish(
                Publish(
                    topic: "a",
                    properties: Properties {
                        $0.contentType = ""
                        $0.correlationData = []
                        $0.user = [UserProperty(name: "", value: "")]
                    }))),
        .valid(
            "PUBLISH with subscription identifiers from a server", .v5,
            "30 0E 0001 'a' 09 0B 01 0B FFFFFF7F 0B 01 'x'",
            .publish(
                Publish(
                    topic: "a", payload: [0x78],
                    properties: Properties { $0.subscriptionIdentifiers = [1, 268_435_455, 1] })),
            fromServer: true),
        .valid(
            "PUBLISH with properties of 130 bytes", .v5,
            "30 87 01 0001 'a' 82 01 03 007F 61616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161",
            .publish(
                Publish(
                    topic: "a",
                    properties: Properties {
                        $0.contentType = Text(bytes: Array(repeating: 0x61, count: 127))
                    }))),
    ]

    /// PUBLISH that is refused.
    static let publishFailures: [PacketFixture] = [
        .fails(
            "PUBLISH of QoS 3", .v311, "36 06 0001 'a' 0001 'x'", .malformedPacket,
            "MQTT-3.3.1-4"),
        .fails(
            "PUBLISH of QoS 3", .v5, "36 06 0001 'a' 0001 00", .malformedPacket,
            "MQTT-3.3.1-4"),
        .fails(
            "PUBLISH of QoS 0 with DUP", .v311, "38 04 0001 'a' 'x'", .protocolError,
            "MQTT-3.3.1-2"),
        .fails(
            "PUBLISH of QoS 0 with DUP and retain", .v5, "39 04 0001 'a' 00", .protocolError,
            "MQTT-3.3.1-2"),
        .fails(
            "PUBLISH with packet identifier zero", .v311, "32 06 0001 'a' 0000 'x'", .protocolError,
            "MQTT-2.3.1-1"),
        .fails(
            "PUBLISH with packet identifier zero", .v5, "34 06 0001 'a' 0000 00", .protocolError,
            "MQTT-2.2.1-3"),
        .fails(
            "PUBLISH of a server with packet identifier zero", .v5, "32 06 0001 'a' 0000 00", .protocolError,
            "MQTT-2.2.1-4", fromServer: true),
        .fails(
            "PUBLISH to an empty topic", .v311, "30 03 0000 'x'", .protocolError,
            "MQTT-4.7.3-1"),
        .fails(
            "PUBLISH without topic and alias", .v5, "30 03 0000 00", .protocolError,
            "section 3.3.2.1"),
        .fails(
            "PUBLISH to a multi-level wildcard", .v311, "30 06 0003 'a/#' 'x'", .topicNameInvalid,
            "MQTT-3.3.2-2"),
        .fails(
            "PUBLISH to a single-level wildcard", .v5, "30 08 0005 'a/+/b' 00", .topicNameInvalid,
            "MQTT-3.3.2-2"),
        .fails(
            "PUBLISH to a long topic with a wildcard at its end", .v5,
            "30 1A 0017 'sensors/1/temperature/+' 00", .topicNameInvalid,
            "MQTT-3.3.2-2"),
        .fails(
            "PUBLISH to a non-ASCII topic with a wildcard", .v5, "30 07 0004 C3A9 2F23 00", .topicNameInvalid,
            "MQTT-3.3.2-2"),
        .fails(
            "PUBLISH to a topic with a surrogate", .v311, "30 05 0003 EDA081", .malformedPacket,
            "MQTT-1.5.3-1"),
        .fails(
            "PUBLISH to a topic with a surrogate", .v5, "30 07 0004 61 EDB080 00", .malformedPacket,
            "MQTT-1.5.4-1"),
        .fails(
            "PUBLISH to a topic with U+0000", .v311, "30 05 0003 61 00 62", .malformedPacket,
            "MQTT-1.5.3-2"),
        .fails(
            "PUBLISH to a long topic with U+0000", .v5, "30 0D 000A 'sensors/' 00 61 00", .malformedPacket,
            "MQTT-1.5.4-2"),
        .fails(
            "PUBLISH to a topic that ends within a character", .v5, "30 05 0002 E282 00", .malformedPacket,
            "MQTT-1.5.4-1"),
        .fails(
            "PUBLISH to a topic with a stray continuation byte", .v5, "30 04 0001 80 00", .malformedPacket,
            "MQTT-1.5.4-1"),
        .fails(
            "PUBLISH to a topic with an overlong slash", .v5, "30 05 0002 C0AF 00", .malformedPacket,
            "MQTT-1.5.4-1"),
        .fails(
            "PUBLISH to a topic with byte FF", .v5, "30 0C 0009 'sensors/' FF 00", .malformedPacket,
            "MQTT-1.5.4-1"),
        .fails(
            "PUBLISH with a topic longer than the packet", .v311, "30 05 0009 'a/b'", .malformedPacket,
            "MQTT-4.8.0-1"),
        .fails(
            "PUBLISH without anything", .v5, "30 00", .malformedPacket,
            "MQTT-4.13.1-1"),
        .fails(
            "PUBLISH that ends in its packet identifier", .v311, "32 04 0001 'a' 00", .malformedPacket,
            "MQTT-4.8.0-1"),
        .fails(
            "PUBLISH without a property length", .v5, "30 03 0001 'a'", .malformedPacket,
            "MQTT-4.13.1-1"),
        .fails(
            "PUBLISH with properties longer than the packet", .v5, "30 06 0001 'a' 0A 01 01",
            .malformedPacket,
            "section 2.2.2.1"),
        .fails(
            "PUBLISH with a property cut off by the property length", .v5, "30 09 0001 'a' 02 02 0000000A",
            .malformedPacket,
            "section 2.2.2.2"),
        .fails(
            "PUBLISH with a property length of five bytes", .v5, "30 09 0001 'a' FFFFFFFF 01 'x'",
            .malformedPacket,
            "section 1.5.5"),
        .fails(
            "PUBLISH with a property length longer than needed", .v5, "30 06 0001 'a' 8000 'x'",
            .malformedPacket,
            "MQTT-1.5.5-1"),
        .fails(
            "PUBLISH with a remaining length of five bytes", .v5, "30 FFFFFFFF 01", .malformedPacket,
            "section 1.5.5"),
        .fails(
            "PUBLISH with a remaining length of five bytes", .v311, "30 80808080 01", .malformedPacket,
            "section 2.2.3"),
        .fails(
            "PUBLISH with a longer length than needed", .v5, "30 84 00 0001 'a' 00", .malformedPacket,
            "MQTT-1.5.5-1"),
        .fails(
            "PUBLISH with topic alias zero", .v5, "30 07 0001 'a' 03 23 0000", .topicAliasInvalid,
            "MQTT-3.3.2-8"),
        .fails(
            "PUBLISH with two topic aliases", .v5, "30 0A 0001 'a' 06 23 0001 23 0001", .protocolError,
            "section 3.3.2.3"),
        .fails(
            "PUBLISH with two payload formats", .v5, "30 08 0001 'a' 04 01 00 01 00", .protocolError,
            "section 3.3.2.3"),
        .fails(
            "PUBLISH with two message expiry intervals", .v5, "30 0E 0001 'a' 0A 02 00000001 02 00000001",
            .protocolError,
            "section 3.3.2.3"),
        .fails(
            "PUBLISH with two content types", .v5, "30 0C 0001 'a' 08 03 0001 'a' 03 0001 'a'",
            .protocolError,
            "section 3.3.2.3"),
        .fails(
            "PUBLISH with two response topics", .v5, "30 0C 0001 'a' 08 08 0001 'a' 08 0001 'a'",
            .protocolError,
            "section 3.3.2.3"),
        .fails(
            "PUBLISH with two correlation data", .v5, "30 0C 0001 'a' 08 09 0001 'a' 09 0001 'a'",
            .protocolError,
            "section 3.3.2.3"),
        .fails(
            "PUBLISH with payload format 2", .v5, "30 06 0001 'a' 02 01 02", .protocolError,
            "section 3.3.2.3"),
        .fails(
            "PUBLISH with a wildcard in the response topic", .v5, "30 08 0001 'a' 04 08 0001 '+'",
            .protocolError,
            "MQTT-3.3.2-14"),
        .fails(
            "PUBLISH with an empty response topic", .v5, "30 07 0001 'a' 03 08 0000", .protocolError,
            "MQTT-4.7.3-1"),
        .fails(
            "PUBLISH with a subscription identifier from a client", .v5, "30 06 0001 'a' 02 0B 01",
            .protocolError,
            "MQTT-3.3.4-6"),
        .fails(
            "PUBLISH with subscription identifier zero", .v5, "30 06 0001 'a' 02 0B 00", .protocolError,
            "section 3.3.2.3", fromServer: true),
        .fails(
            "PUBLISH with a subscription identifier of five bytes", .v5, "30 0A 0001 'a' 06 0B 80808080 01",
            .malformedPacket,
            "section 1.5.5", fromServer: true),
        .fails(
            "PUBLISH with a reason string", .v5, "30 08 0001 'a' 04 1F 0001 'a'", .malformedPacket,
            "section 2.2.2.2"),
        .fails(
            "PUBLISH with a property identifier of two bytes", .v5, "30 07 0001 'a' 03 8101 00",
            .malformedPacket,
            "section 2.2.2.2"),
        .fails(
            "PUBLISH with a surrogate in the content type", .v5, "30 0A 0001 'a' 06 03 0003 EDA080",
            .malformedPacket,
            "MQTT-1.5.4-1"),
        .fails(
            "PUBLISH with half a user property", .v5, "30 08 0001 'a' 04 26 0001 'k'", .malformedPacket,
            "section 2.2.2.2"),
    ]
}

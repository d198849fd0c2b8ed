// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import Packets

extension PacketFixture {
    /// CONNECT that is read.
    static let connect: [PacketFixture] = [
        .valid(
            "CONNECT of MQTT 3.1", .v31, "10 11 0006 'MQIsdp' 03 02 001E 0003 'old'",
            .connect(Connect(version: .v31, clientID: "old", keepAlive: 30))),
        .valid(
            "CONNECT of MQTT 3.1 with everything", .v31,
            "10 1E 0006 'MQIsdp' 03 F4 0001 0001 'c' 0001 'w' 0004 'gone' 0001 'u' 0001 'p'",
            .connect(
                Connect(
                    version: .v31, clientID: "c", cleanStart: false, keepAlive: 1, username: "u",
                    password: [0x70],
                    will: Will(topic: "w", payload: Array("gone".utf8), qos: .exactlyOnce, retain: true)))),
        .decodes(
            "CONNECT of MQTT 3.1 that sets the bit that is not used", .v31,
            "10 0F 0006 'MQIsdp' 03 03 0000 0001 'c'",
            .connect(Connect(version: .v31, clientID: "c"))),
        .decodes(
            "CONNECT of MQTT 3.1 without the user name it announces", .v31,
            "10 0F 0006 'MQIsdp' 03 82 0000 0001 'c'",
            .connect(Connect(version: .v31, clientID: "c"))),
        .decodes(
            "CONNECT of MQTT 3.1 without the password it announces", .v31,
            "10 12 0006 'MQIsdp' 03 C2 0000 0001 'c' 0001 'u'",
            .connect(Connect(version: .v31, clientID: "c", username: "u"))),
        .valid(
            "CONNECT of MQTT 3.1 with a client identifier of 24 bytes", .v31,
            "10 26 0006 'MQIsdp' 03 02 0000 0018 'abcdefghijklmnopqrstuvwx'",
            .connect(Connect(version: .v31, clientID: "abcdefghijklmnopqrstuvwx"))),
        .valid(
            "CONNECT of MQTT 3.1.1", .v311, "10 0D 0004 'MQTT' 04 02 003C 0001 'c'",
            .connect(Connect(version: .v311, clientID: "c", keepAlive: 60))),
        .valid(
            "CONNECT without a client identifier", .v311, "10 0C 0004 'MQTT' 04 02 0000 0000",
            .connect(Connect(version: .v311))),
        .valid(
            "CONNECT that resumes", .v311, "10 0D 0004 'MQTT' 04 00 FFFF 0001 'c'",
            .connect(Connect(version: .v311, clientID: "c", cleanStart: false, keepAlive: 65_535))),
        .valid(
            "CONNECT with user name and password", .v311,
            "10 18 0004 'MQTT' 04 C2 0000 0001 'c' 0004 'user' 0003 00FF80",
            .connect(
                Connect(version: .v311, clientID: "c", username: "user", password: [0x00, 0xFF, 0x80]))),
        .valid(
            "CONNECT with an empty user name", .v311, "10 0F 0004 'MQTT' 04 82 0000 0001 'c' 0000",
            .connect(Connect(version: .v311, clientID: "c", username: ""))),
        .valid(
            "CONNECT with a will without payload", .v311,
            "10 14 0004 'MQTT' 04 06 0000 0001 'c' 0003 'a/b' 0000",
            .connect(Connect(version: .v311, clientID: "c", will: Will(topic: "a/b")))),
        .valid(
            "CONNECT with a retained will of QoS 1", .v311,
            "10 13 0004 'MQTT' 04 2E 0000 0001 'c' 0001 'w' 0001 'x'",
            .connect(
                Connect(
                    version: .v311, clientID: "c",
                    will: Will(topic: "w", payload: [0x78], qos: .atLeastOnce, retain: true)))),
        .valid(
            "CONNECT with U+FEFF in the client identifier", .v311,
            "10 10 0004 'MQTT' 04 02 0000 0004 EFBBBF 61",
            .connect(Connect(version: .v311, clientID: "\u{FEFF}a"))),
        .decodes(
            "CONNECT with a longer length than needed", .v311, "10 8D 00 0004 'MQTT' 04 02 0000 0001 'c'",
            .connect(Connect(version: .v311, clientID: "c"))),
        .valid(
            "CONNECT of MQTT 5", .v5, "10 0E 0004 'MQTT' 05 02 003C 00 0001 'c'",
            .connect(Connect(clientID: "c", keepAlive: 60))),
        .valid(
            "CONNECT with a password and no user name", .v5,
            "10 11 0004 'MQTT' 05 42 0000 00 0001 'c' 0001 'p'",
            .connect(Connect(clientID: "c", password: [0x70]))),
        .valid(
            "CONNECT with non-ASCII client identifier and user name", .v5,
            "10 18 0004 'MQTT' 05 82 0000 00 0006 C3A9 F09F9880 0003 E282AC",
            .connect(Connect(clientID: "\u{E9}\u{1F600}", username: "\u{20AC}"))),
        .valid(
            "CONNECT with all its properties", .v5,
            "10 3D 0004 'MQTT' 05 02 0000 2F 11 00000E10 21 0014 22 000A 27 00010000 17 00 19 01 15 0005 'SCRAM' 16 0002 0102 26 0001 'k' 0001 'v' 26 0001 'k' 0001 'w' 0001 'c'",
            .connect(
                Connect(
                    clientID: "c",
                    properties: Properties {
                        $0.sessionExpiry = 3_600
                        $0.receiveMaximum = 20
                        $0.topicAliasMaximum = 10
                        $0.maximumPacketSize = 65_536
                        $0.requestResponseInformation = true
                        $0.requestProblemInformation = false
                        $0.authenticationMethod = "SCRAM"
                        $0.authenticationData = [1, 2]
                        $0.user = [UserProperty(name: "k", value: "v"), UserProperty(name: "k", value: "w")]
                    }))),
        .valid(
            "CONNECT of a bridge", .v311, "10 0D 0004 'MQTT' 84 02 0000 0001 'c'",
            .connect(bridge(.v311))),
        .valid(
            "CONNECT of a bridge", .v31, "10 0F 0006 'MQIsdp' 83 02 0000 0001 'c'",
            .connect(bridge(.v31))),
        .decodes(
            "CONNECT with properties in another order", .v5,
            "10 18 0004 'MQTT' 05 02 0000 0A 19 00 22 0000 11 FFFFFFFF 0001 'c'",
            .connect(
                Connect(
                    clientID: "c",
                    properties: Properties {
                        $0.requestResponseInformation = false
                        $0.topicAliasMaximum = 0
                        $0.sessionExpiry = .max
                    }))),
        .valid(
            "CONNECT with a will with all its properties", .v5,
            "10 3C 0004 'MQTT' 05 2E 0000 00 0001 'c' 25 02 0000003C 18 00000005 01 01 03 0004 'text' 08 0003 'r/t' 09 0002 BEEF 26 0001 'a' 0001 'b' 0001 'w' 0003 'bye'",
            .connect(
                Connect(
                    clientID: "c",
                    will: Will(
                        topic: "w", payload: Array("bye".utf8), qos: .atLeastOnce, retain: true,
                        properties: Properties {
                            $0.messageExpiry = 60
                            $0.willDelay = 5
                            $0.payloadFormat = 1
                            $0.contentType = "text"
                            $0.responseTopic = "r/t"
                            $0.correlationData = [0xBE, 0xEF]
                            $0.user = [UserProperty(name: "a", value: "b")]
                        })))),
    ]

    private static func bridge(_ version: ProtocolVersion) -> Connect {
        var connect = Connect(version: version, clientID: "c")
        connect.isBridge = true
        return connect
    }

    /// CONNECT that is refused.
    static let connectFailures: [PacketFixture] = [
        .fails(
            "CONNECT with an unknown protocol name", .v5, "10 0E 0004 'MQTS' 05 02 0000 00 0001 'c'",
            .unsupportedProtocolVersion,
            "MQTT-3.1.2-1"),
        .fails(
            "CONNECT with an empty protocol name", .v5, "10 0A 0000 05 02 0000 00 0001 'c'",
            .unsupportedProtocolVersion,
            "MQTT-3.1.2-1"),
        .fails(
            "CONNECT with a protocol name in lower case", .v5, "10 0D 0004 'mqtt' 04 02 0000 0001 'c'",
            .unsupportedProtocolVersion,
            "MQTT-3.1.2-1"),
        .fails(
            "CONNECT of level 6", .v5, "10 0E 0004 'MQTT' 06 02 0000 00 0001 'c'",
            .unsupportedProtocolVersion,
            "MQTT-3.1.2-2"),
        .fails(
            "CONNECT of level 0", .v5, "10 0D 0004 'MQTT' 00 02 0000 0001 'c'", .unsupportedProtocolVersion,
            "MQTT-3.1.2-2"),
        .fails(
            "CONNECT of level 3 with the name of 3.1.1", .v5, "10 0D 0004 'MQTT' 03 02 0000 0001 'c'",
            .unsupportedProtocolVersion,
            "MQTT-3.1.2-2"),
        .fails(
            "CONNECT of level 4 with the name of 3.1", .v5, "10 0F 0006 'MQIsdp' 04 02 0000 0001 'c'",
            .unsupportedProtocolVersion,
            "MQTT-3.1.2-2"),
        .fails(
            "CONNECT of a bridge with level 5", .v5, "10 0E 0004 'MQTT' 85 02 0000 00 0001 'c'",
            .unsupportedProtocolVersion,
            "MQTT-3.1.2-2"),
        .fails(
            "CONNECT of a bridge with level 3 and the name of 3.1.1", .v311,
            "10 0D 0004 'MQTT' 83 02 0000 0001 'c'",
            .unsupportedProtocolVersion,
            "MQTT-3.1.2-2"),
        .fails(
            "CONNECT with the reserved flag", .v5, "10 0E 0004 'MQTT' 05 03 0000 00 0001 'c'",
            .malformedPacket,
            "MQTT-3.1.2-3"),
        .fails(
            "CONNECT with the reserved flag", .v311, "10 0D 0004 'MQTT' 04 03 0000 0001 'c'",
            .malformedPacket,
            "MQTT-3.1.2-3"),
        .fails(
            "CONNECT with will QoS 3", .v5, "10 14 0004 'MQTT' 05 1E 0000 00 0001 'c' 00 0001 'w' 0000",
            .malformedPacket,
            "MQTT-3.1.2-12"),
        .fails(
            "CONNECT with will QoS 3", .v311, "10 12 0004 'MQTT' 04 1E 0000 0001 'c' 0001 'w' 0000",
            .malformedPacket,
            "MQTT-3.1.2-14"),
        .fails(
            "CONNECT with a will QoS and no will", .v5, "10 0E 0004 'MQTT' 05 0A 0000 00 0001 'c'",
            .protocolError,
            "MQTT-3.1.2-11"),
        .fails(
            "CONNECT with a will QoS and no will", .v311, "10 0D 0004 'MQTT' 04 12 0000 0001 'c'",
            .protocolError,
            "MQTT-3.1.2-13"),
        .fails(
            "CONNECT with will retain and no will", .v5, "10 0E 0004 'MQTT' 05 22 0000 00 0001 'c'",
            .protocolError,
            "MQTT-3.1.2-13"),
        .fails(
            "CONNECT with will retain and no will", .v311, "10 0D 0004 'MQTT' 04 22 0000 0001 'c'",
            .protocolError,
            "MQTT-3.1.2-15"),
        .fails(
            "CONNECT with a password and no user name", .v311,
            "10 10 0004 'MQTT' 04 42 0000 0001 'c' 0001 'p'", .protocolError,
            "MQTT-3.1.2-22"),
        .fails(
            "CONNECT with a password and no user name", .v31,
            "10 12 0006 'MQIsdp' 03 42 0000 0001 'c' 0001 'p'", .protocolError,
            "MQTT-3.1.2-22"),
        .fails(
            "CONNECT with a wildcard in the will topic", .v5,
            "10 16 0004 'MQTT' 05 06 0000 00 0001 'c' 00 0003 'w/+' 0000", .topicNameInvalid,
            "MQTT-4.7.0-1"),
        .fails(
            "CONNECT with a wildcard in the will topic", .v311,
            "10 14 0004 'MQTT' 04 06 0000 0001 'c' 0003 'w/#' 0000", .topicNameInvalid,
            "MQTT-4.7.1-1"),
        .fails(
            "CONNECT with an empty will topic", .v5, "10 13 0004 'MQTT' 05 06 0000 00 0001 'c' 00 0000 0000",
            .topicNameInvalid,
            "MQTT-4.7.3-1"),
        .fails(
            "CONNECT without the user name it announces", .v311, "10 0D 0004 'MQTT' 04 82 0000 0001 'c'",
            .malformedPacket,
            "MQTT-3.1.4-1"),
        .fails(
            "CONNECT without the password it announces", .v5,
            "10 11 0004 'MQTT' 05 C2 0000 00 0001 'c' 0001 'u'", .malformedPacket,
            "MQTT-3.1.4-1"),
        .fails(
            "CONNECT without the will it announces", .v5, "10 0E 0004 'MQTT' 05 06 0000 00 0001 'c'",
            .malformedPacket,
            "MQTT-3.1.4-1"),
        .fails(
            "CONNECT without a payload", .v311, "10 0A 0004 'MQTT' 04 02 0000", .malformedPacket,
            "MQTT-3.1.4-1"),
        .fails(
            "CONNECT without properties", .v5, "10 0A 0004 'MQTT' 05 02 0000", .malformedPacket,
            "MQTT-3.1.4-1"),
        .fails(
            "CONNECT that ends in the keep-alive", .v311, "10 09 0004 'MQTT' 04 02 00", .malformedPacket,
            "MQTT-3.1.4-1"),
        .fails(
            "CONNECT that ends in the protocol name", .v5, "10 04 0004 'MQ'", .malformedPacket,
            "MQTT-3.1.4-1"),
        .fails(
            "CONNECT without a level", .v5, "10 06 0004 'MQTT'", .malformedPacket,
            "MQTT-3.1.4-1"),
        .fails(
            "CONNECT without anything", .v5, "10 00", .malformedPacket,
            "MQTT-3.1.4-1"),
        .fails(
            "CONNECT with a client identifier longer than the packet", .v311,
            "10 0D 0004 'MQTT' 04 02 0000 0009 'c'", .malformedPacket,
            "MQTT-3.1.4-1"),
        .fails(
            "CONNECT with bytes behind its payload", .v311, "10 0E 0004 'MQTT' 04 02 0000 0001 'c' 00",
            .malformedPacket,
            "MQTT-3.1.4-1"),
        .fails(
            "CONNECT with bytes behind its payload", .v5, "10 11 0004 'MQTT' 05 02 0000 00 0001 'c' 0001 'u'",
            .malformedPacket,
            "MQTT-3.1.4-1"),
        .fails(
            "CONNECT with flags in the fixed header", .v5, "11 0E 0004 'MQTT' 05 02 0000 00 0001 'c'",
            .malformedPacket,
            "MQTT-2.1.3-1"),
        .fails(
            "CONNECT with a surrogate in the client identifier", .v5,
            "10 10 0004 'MQTT' 05 02 0000 00 0003 EDA080", .malformedPacket,
            "MQTT-1.5.4-1"),
        .fails(
            "CONNECT with a surrogate in the client identifier", .v311,
            "10 0F 0004 'MQTT' 04 02 0000 0003 EDBFBF", .malformedPacket,
            "MQTT-1.5.3-1"),
        .fails(
            "CONNECT with U+0000 in the client identifier", .v5,
            "10 10 0004 'MQTT' 05 02 0000 00 0003 610062", .malformedPacket,
            "MQTT-1.5.4-2"),
        .fails(
            "CONNECT with U+0000 in the user name", .v311, "10 10 0004 'MQTT' 04 82 0000 0001 'c' 0001 00",
            .malformedPacket,
            "MQTT-1.5.3-2"),
        .fails(
            "CONNECT with an overlong character in the user name", .v5,
            "10 12 0004 'MQTT' 05 82 0000 00 0001 'c' 0002 C080", .malformedPacket,
            "MQTT-1.5.4-1"),
        .fails(
            "CONNECT with a character beyond U+10FFFF in the will topic", .v5,
            "10 17 0004 'MQTT' 05 06 0000 00 0001 'c' 00 0004 F4908080 0000", .malformedPacket,
            "MQTT-1.5.4-1"),
        .fails(
            "CONNECT with a longer length than needed", .v5, "10 8E 00 0004 'MQTT' 05 02 0000 00 0001 'c'",
            .malformedPacket,
            "MQTT-1.5.5-1"),
        .fails(
            "CONNECT with two session expiry intervals", .v5,
            "10 18 0004 'MQTT' 05 02 0000 0A 11 00000001 11 00000001 0001 'c'", .protocolError,
            "section 3.1.2.11"),
        .fails(
            "CONNECT with two receive maximums", .v5,
            "10 14 0004 'MQTT' 05 02 0000 06 21 0001 21 0002 0001 'c'", .protocolError,
            "section 3.1.2.11"),
        .fails(
            "CONNECT with a receive maximum of zero", .v5, "10 11 0004 'MQTT' 05 02 0000 03 21 0000 0001 'c'",
            .protocolError,
            "section 3.1.2.11"),
        .fails(
            "CONNECT with a maximum packet size of zero", .v5,
            "10 13 0004 'MQTT' 05 02 0000 05 27 00000000 0001 'c'", .protocolError,
            "section 3.1.2.11"),
        .fails(
            "CONNECT that requests problem information with 2", .v5,
            "10 10 0004 'MQTT' 05 02 0000 02 17 02 0001 'c'", .protocolError,
            "section 3.1.2.11"),
        .fails(
            "CONNECT that requests response information with 2", .v5,
            "10 10 0004 'MQTT' 05 02 0000 02 19 02 0001 'c'", .protocolError,
            "section 3.1.2.11"),
        .fails(
            "CONNECT with authentication data without a method", .v5,
            "10 12 0004 'MQTT' 05 02 0000 04 16 0001 00 0001 'c'", .protocolError,
            "section 3.1.2.11.10"),
        .fails(
            "CONNECT with two authentication methods", .v5,
            "10 16 0004 'MQTT' 05 02 0000 08 15 0001 'a' 15 0001 'b' 0001 'c'", .protocolError,
            "section 3.1.2.11"),
        .fails(
            "CONNECT with a property of PUBLISH", .v5, "10 11 0004 'MQTT' 05 02 0000 03 23 0001 0001 'c'",
            .malformedPacket,
            "section 2.2.2.2"),
        .fails(
            "CONNECT with a property of CONNACK", .v5, "10 10 0004 'MQTT' 05 02 0000 02 24 01 0001 'c'",
            .malformedPacket,
            "section 2.2.2.2"),
        .fails(
            "CONNECT with a property that does not exist", .v5,
            "10 10 0004 'MQTT' 05 02 0000 02 7F 00 0001 'c'", .malformedPacket,
            "section 2.2.2.2"),
        .fails(
            "CONNECT with properties longer than the packet", .v5, "10 0E 0004 'MQTT' 05 02 0000 20 0001 'c'",
            .malformedPacket,
            "section 2.2.2.1"),
        .fails(
            "CONNECT with a property cut off by the property length", .v5,
            "10 13 0004 'MQTT' 05 02 0000 03 11 0000 0001 0001 'c'", .malformedPacket,
            "section 2.2.2.2"),
        .fails(
            "CONNECT with a property length of five bytes", .v5,
            "10 12 0004 'MQTT' 05 02 0000 80808080 01 0001 'c'", .malformedPacket,
            "section 1.5.5"),
        .fails(
            "CONNECT with a property length longer than needed", .v5,
            "10 0F 0004 'MQTT' 05 02 0000 8000 0001 'c'", .malformedPacket,
            "MQTT-1.5.5-1"),
        .fails(
            "CONNECT with a will delay outside the will", .v5,
            "10 13 0004 'MQTT' 05 02 0000 05 18 00000001 0001 'c'", .malformedPacket,
            "section 2.2.2.2"),
        .fails(
            "CONNECT with two will delays", .v5,
            "10 1E 0004 'MQTT' 05 06 0000 00 0001 'c' 0A 18 00000001 18 00000002 0001 'w' 0000",
            .protocolError,
            "section 3.1.3.2"),
        .fails(
            "CONNECT with a topic alias in the will", .v5,
            "10 17 0004 'MQTT' 05 06 0000 00 0001 'c' 03 23 0001 0001 'w' 0000", .malformedPacket,
            "section 2.2.2.2"),
        .fails(
            "CONNECT with a will payload format of 2", .v5,
            "10 16 0004 'MQTT' 05 06 0000 00 0001 'c' 02 01 02 0001 'w' 0000", .protocolError,
            "section 3.1.3.2"),
        .fails(
            "CONNECT with a wildcard in the response topic of the will", .v5,
            "10 1A 0004 'MQTT' 05 06 0000 00 0001 'c' 06 08 0003 'a/#' 0001 'w' 0000", .protocolError,
            "MQTT-3.3.2-14"),
        .fails(
            "CONNECT with a null in a user property", .v5,
            "10 15 0004 'MQTT' 05 02 0000 07 26 0001 'a' 0001 00 0001 'c'", .malformedPacket,
            "MQTT-1.5.4-2"),
    ]
}

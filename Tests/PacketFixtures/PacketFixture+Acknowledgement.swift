// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import Packets

extension PacketFixture {
    /// PUBACK, PUBREC, PUBREL and PUBCOMP that are read.
    static let acknowledgements: [PacketFixture] = [
        .valid(
            "PUBACK of MQTT 3.1.1", .v311, "40 02 0001",
            .puback(Acknowledgement(packetID: 1))),
        .valid(
            "PUBACK of MQTT 3.1", .v31, "40 02 1234",
            .puback(Acknowledgement(packetID: 0x1234))),
        .valid(
            "PUBACK of MQTT 5 without a reason", .v5, "40 02 FFFF",
            .puback(Acknowledgement(packetID: 65_535))),
        .decodes(
            "PUBACK with reason zero", .v5, "40 03 0002 00",
            .puback(Acknowledgement(packetID: 2))),
        .decodes(
            "PUBACK with reason zero and no properties", .v5, "40 04 0002 00 00",
            .puback(Acknowledgement(packetID: 2))),
        .valid(
            "PUBACK with an error", .v5, "40 03 0002 87",
            .puback(Acknowledgement(packetID: 2, reason: .notAuthorized))),
        .valid(
            "PUBACK with all its properties", .v5, "40 11 0002 87 0D 1F 0003 'why' 26 0001 'a' 0001 'b'",
            .puback(
                Acknowledgement(
                    packetID: 2, reason: .notAuthorized,
                    properties: Properties {
                        $0.reasonString = "why"
                        $0.user = [UserProperty(name: "a", value: "b")]
                    }))),
        .valid(
            "PUBREC of MQTT 3.1.1", .v311, "50 02 0001",
            .pubrec(Acknowledgement(packetID: 1))),
        .valid(
            "PUBREC of MQTT 3.1", .v31, "50 02 1234",
            .pubrec(Acknowledgement(packetID: 0x1234))),
        .valid(
            "PUBREC of MQTT 5 without a reason", .v5, "50 02 FFFF",
            .pubrec(Acknowledgement(packetID: 65_535))),
        .decodes(
            "PUBREC with reason zero", .v5, "50 03 0002 00",
            .pubrec(Acknowledgement(packetID: 2))),
        .decodes(
            "PUBREC with reason zero and no properties", .v5, "50 04 0002 00 00",
            .pubrec(Acknowledgement(packetID: 2))),
        .valid(
            "PUBREC with an error", .v5, "50 03 0002 87",
            .pubrec(Acknowledgement(packetID: 2, reason: .notAuthorized))),
        .valid(
            "PUBREC with all its properties", .v5, "50 11 0002 87 0D 1F 0003 'why' 26 0001 'a' 0001 'b'",
            .pubrec(
                Acknowledgement(
                    packetID: 2, reason: .notAuthorized,
                    properties: Properties {
                        $0.reasonString = "why"
                        $0.user = [UserProperty(name: "a", value: "b")]
                    }))),
        .valid(
            "PUBREL of MQTT 3.1.1", .v311, "62 02 0001",
            .pubrel(Acknowledgement(packetID: 1))),
        .valid(
            "PUBREL of MQTT 3.1", .v31, "62 02 1234",
            .pubrel(Acknowledgement(packetID: 0x1234))),
        .valid(
            "PUBREL of MQTT 5 without a reason", .v5, "62 02 FFFF",
            .pubrel(Acknowledgement(packetID: 65_535))),
        .decodes(
            "PUBREL with reason zero", .v5, "62 03 0002 00",
            .pubrel(Acknowledgement(packetID: 2))),
        .decodes(
            "PUBREL with reason zero and no properties", .v5, "62 04 0002 00 00",
            .pubrel(Acknowledgement(packetID: 2))),
        .valid(
            "PUBREL with an error", .v5, "62 03 0002 92",
            .pubrel(Acknowledgement(packetID: 2, reason: .packetIdentifierNotFound))),
        .valid(
            "PUBREL with all its properties", .v5, "62 11 0002 92 0D 1F 0003 'why' 26 0001 'a' 0001 'b'",
            .pubrel(
                Acknowledgement(
                    packetID: 2, reason: .packetIdentifierNotFound,
                    properties: Properties {
                        $0.reasonString = "why"
                        $0.user = [UserProperty(name: "a", value: "b")]
                    }))),
        .valid(
            "PUBCOMP of MQTT 3.1.1", .v311, "70 02 0001",
            .pubcomp(Acknowledgement(packetID: 1))),
        .valid(
            "PUBCOMP of MQTT 3.1", .v31, "70 02 1234",
            .pubcomp(Acknowledgement(packetID: 0x1234))),
        .valid(
            "PUBCOMP of MQTT 5 without a reason", .v5, "70 02 FFFF",
            .pubcomp(Acknowledgement(packetID: 65_535))),
        .decodes(
            "PUBCOMP with reason zero", .v5, "70 03 0002 00",
            .pubcomp(Acknowledgement(packetID: 2))),
        .decodes(
            "PUBCOMP with reason zero and no properties", .v5, "70 04 0002 00 00",
            .pubcomp(Acknowledgement(packetID: 2))),
        .valid(
            "PUBCOMP with an error", .v5, "70 03 0002 92",
            .pubcomp(Acknowledgement(packetID: 2, reason: .packetIdentifierNotFound))),
        .valid(
            "PUBCOMP with all its properties", .v5, "70 11 0002 92 0D 1F 0003 'why' 26 0001 'a' 0001 'b'",
            .pubcomp(
                Acknowledgement(
                    packetID: 2, reason: .packetIdentifierNotFound,
                    properties: Properties {
                        $0.reasonString = "why"
                        $0.user = [UserProperty(name: "a", value: "b")]
                    }))),
        .valid(
            "PUBACK without matching subscribers", .v5, "40 03 0002 10",
            .puback(Acknowledgement(packetID: 2, reason: .noMatchingSubscribers))),
        .valid(
            "PUBREC with a quota that is exceeded", .v5, "50 03 0002 97",
            .pubrec(Acknowledgement(packetID: 2, reason: .quotaExceeded))),
        .decodes(
            "PUBREL of MQTT 3.1 that is repeated", .v31, "6A 02 0001",
            .pubrel(Acknowledgement(packetID: 1))),
    ]

    /// PUBACK, PUBREC, PUBREL and PUBCOMP that are refused.
    static let acknowledgementFailures: [PacketFixture] = [
        .fails(
            "PUBACK with a reason it may not have", .v5, "40 03 0002 8D", .protocolError,
            "MQTT-3.4.2-1"),
        .fails(
            "PUBACK with packet identifier zero", .v311, "40 02 0000", .protocolError,
            "MQTT-2.3.1-6"),
        .fails(
            "PUBACK with packet identifier zero", .v5, "40 03 0000 00", .protocolError,
            "MQTT-2.2.1-5"),
        .fails(
            "PUBACK with three bytes", .v311, "40 03 0001 00", .malformedPacket,
            "MQTT-4.8.0-1"),
        .fails(
            "PUBACK of one byte", .v5, "40 01 00", .malformedPacket,
            "MQTT-4.13.1-1"),
        .fails(
            "PUBACK with two reason strings", .v5, "40 0C 0001 87 08 1F 0001 'a' 1F 0001 'b'", .protocolError,
            "section 3.4.2.2"),
        .fails(
            "PUBACK with flags of other packets", .v5, "44 02 0001", .malformedPacket,
            "MQTT-2.1.3-1"),
        .fails(
            "PUBREC with a reason it may not have", .v5, "50 03 0002 8D", .protocolError,
            "MQTT-3.5.2-1"),
        .fails(
            "PUBREC with packet identifier zero", .v311, "50 02 0000", .protocolError,
            "MQTT-2.3.1-6"),
        .fails(
            "PUBREC with packet identifier zero", .v5, "50 03 0000 00", .protocolError,
            "MQTT-2.2.1-5"),
        .fails(
            "PUBREC with three bytes", .v311, "50 03 0001 00", .malformedPacket,
            "MQTT-4.8.0-1"),
        .fails(
            "PUBREC of one byte", .v5, "50 01 00", .malformedPacket,
            "MQTT-4.13.1-1"),
        .fails(
            "PUBREC with two reason strings", .v5, "50 0C 0001 87 08 1F 0001 'a' 1F 0001 'b'", .protocolError,
            "section 3.5.2.2"),
        .fails(
            "PUBREC with flags of other packets", .v5, "54 02 0001", .malformedPacket,
            "MQTT-2.1.3-1"),
        .fails(
            "PUBREL with a reason it may not have", .v5, "62 03 0002 8D", .protocolError,
            "MQTT-3.6.2-1"),
        .fails(
            "PUBREL with packet identifier zero", .v311, "62 02 0000", .protocolError,
            "MQTT-2.3.1-6"),
        .fails(
            "PUBREL with packet identifier zero", .v5, "62 03 0000 00", .protocolError,
            "MQTT-2.2.1-5"),
        .fails(
            "PUBREL with three bytes", .v311, "62 03 0001 00", .malformedPacket,
            "MQTT-4.8.0-1"),
        .fails(
            "PUBREL of one byte", .v5, "62 01 00", .malformedPacket,
            "MQTT-4.13.1-1"),
        .fails(
            "PUBREL with two reason strings", .v5, "62 0C 0001 92 08 1F 0001 'a' 1F 0001 'b'", .protocolError,
            "section 3.6.2.2"),
        .fails(
            "PUBREL with flags of other packets", .v5, "66 02 0001", .malformedPacket,
            "MQTT-3.6.1-1"),
        .fails(
            "PUBCOMP with a reason it may not have", .v5, "70 03 0002 8D", .protocolError,
            "MQTT-3.7.2-1"),
        .fails(
            "PUBCOMP with packet identifier zero", .v311, "70 02 0000", .protocolError,
            "MQTT-2.3.1-6"),
        .fails(
            "PUBCOMP with packet identifier zero", .v5, "70 03 0000 00", .protocolError,
            "MQTT-2.2.1-5"),
        .fails(
            "PUBCOMP with three bytes", .v311, "70 03 0001 00", .malformedPacket,
            "MQTT-4.8.0-1"),
        .fails(
            "PUBCOMP of one byte", .v5, "70 01 00", .malformedPacket,
            "MQTT-4.13.1-1"),
        .fails(
            "PUBCOMP with two reason strings", .v5, "70 0C 0001 92 08 1F 0001 'a' 1F 0001 'b'",
            .protocolError,
            "section 3.7.2.2"),
        .fails(
            "PUBCOMP with flags of other packets", .v5, "74 02 0001", .malformedPacket,
            "MQTT-2.1.3-1"),
        .fails(
            "PUBREL that is repeated", .v311, "6A 02 0001", .malformedPacket,
            "MQTT-3.6.1-1"),
        .fails(
            "PUBREL without flags", .v311, "60 02 0001", .malformedPacket,
            "MQTT-3.6.1-1"),
        .fails(
            "PUBACK with flags", .v311, "42 02 0001", .malformedPacket,
            "MQTT-2.2.2-2"),
        .fails(
            "PUBACK with granted QoS 1", .v5, "40 03 0001 01", .protocolError,
            "MQTT-3.4.2-1"),
        .fails(
            "PUBACK with properties longer than the packet", .v5, "40 04 0001 00 7F", .malformedPacket,
            "section 2.2.2.1"),
        .fails(
            "PUBACK with bytes behind its properties", .v5, "40 05 0001 00 00 00", .malformedPacket,
            "MQTT-4.13.1-1"),
        .fails(
            "PUBACK with a topic alias", .v5, "40 07 0001 00 03 23 0001", .malformedPacket,
            "section 2.2.2.2"),
        .fails(
            "PUBREC with U+0000 in the reason string", .v5, "50 08 0001 80 04 1F 0001 00", .malformedPacket,
            "MQTT-1.5.4-2"),
        .fails(
            "PUBREL with no matching subscribers", .v5, "62 03 0001 10", .protocolError,
            "MQTT-3.6.2-1"),
    ]
}

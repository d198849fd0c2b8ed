// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import Packets

extension PacketFixture {
    /// UNSUBSCRIBE that is read.
    static let unsubscribe: [PacketFixture] = [
        .valid(
            "UNSUBSCRIBE of MQTT 3.1.1", .v311, "A2 07 0001 0003 'a/b'",
            .unsubscribe(Unsubscribe(packetID: 1, filters: ["a/b"]))),
        .valid(
            "UNSUBSCRIBE of MQTT 3.1", .v31, "A2 08 0001 0001 'a' 0001 '#'",
            .unsubscribe(Unsubscribe(packetID: 1, filters: ["a", "#"]))),
        .decodes(
            "UNSUBSCRIBE of MQTT 3.1 that is repeated", .v31, "AA 05 0001 0001 'a'",
            .unsubscribe(Unsubscribe(packetID: 1, filters: ["a"]))),
        .valid(
            "UNSUBSCRIBE of MQTT 5", .v5, "A2 14 0001 00 000A '$share/g/a' 0003 '+/b'",
            .unsubscribe(Unsubscribe(packetID: 1, filters: ["$share/g/a", "+/b"]))),
        .valid(
            "UNSUBSCRIBE with its property", .v5, "A2 0D 0001 07 26 0001 'a' 0001 'b' 0001 'a'",
            .unsubscribe(
                Unsubscribe(
                    packetID: 1, filters: ["a"],
                    properties: Properties { $0.user = [UserProperty(name: "a", value: "b")] }))),
    ]

    /// UNSUBSCRIBE that is refused.
    static let unsubscribeFailures: [PacketFixture] = [
        .fails(
            "UNSUBSCRIBE with packet identifier zero", .v311, "A2 05 0000 0001 'a'", .protocolError,
            "MQTT-2.3.1-1"),
        .fails(
            "UNSUBSCRIBE with packet identifier zero", .v5, "A2 06 0000 00 0001 'a'", .protocolError,
            "MQTT-2.2.1-3"),
        .fails(
            "UNSUBSCRIBE without filters", .v311, "A2 02 0001", .protocolError,
            "MQTT-3.10.3-2"),
        .fails(
            "UNSUBSCRIBE without filters", .v5, "A2 03 0001 00", .protocolError,
            "MQTT-3.10.3-2"),
        .fails(
            "UNSUBSCRIBE that ends in a filter", .v5, "A2 06 0001 00 0002 'a'", .malformedPacket,
            "MQTT-4.13.1-1"),
        .fails(
            "UNSUBSCRIBE without properties", .v5, "A2 02 0001", .malformedPacket,
            "MQTT-4.13.1-1"),
        .fails(
            "UNSUBSCRIBE without flags", .v311, "A0 05 0001 0001 'a'", .malformedPacket,
            "MQTT-3.10.1-1"),
        .fails(
            "UNSUBSCRIBE with U+0000 in a filter", .v5, "A2 07 0001 00 0002 6100", .malformedPacket,
            "MQTT-1.5.4-2"),
        .fails(
            "UNSUBSCRIBE with a subscription identifier", .v5, "A2 08 0001 02 0B 01 0001 'a'",
            .malformedPacket,
            "section 2.2.2.2"),
    ]

    /// UNSUBACK that is read.
    static let unsuback: [PacketFixture] = [
        .valid(
            "UNSUBACK of MQTT 3.1.1", .v311, "B0 02 0001",
            .unsuback(Unsuback(packetID: 1)), fromServer: true),
        .valid(
            "UNSUBACK of MQTT 3.1", .v31, "B0 02 FFFF",
            .unsuback(Unsuback(packetID: 65_535)), fromServer: true),
        .valid(
            "UNSUBACK of MQTT 5", .v5, "B0 06 0001 00 00 11 87",
            .unsuback(
                Unsuback(packetID: 1, reasons: [.success, .noSubscriptionExisted, .notAuthorized])),
            fromServer: true),
        .valid(
            "UNSUBACK with all its properties", .v5, "B0 10 0001 0C 1F 0002 'no' 26 0001 'a' 0001 'b' 80",
            .unsuback(
                Unsuback(
                    packetID: 1, reasons: [.unspecifiedError],
                    properties: Properties {
                        $0.reasonString = "no"
                        $0.user = [UserProperty(name: "a", value: "b")]
                    })), fromServer: true),
    ]

    /// UNSUBACK that is refused.
    static let unsubackFailures: [PacketFixture] = [
        .fails(
            "UNSUBACK with packet identifier zero", .v5, "B0 04 0000 00 00", .protocolError,
            "MQTT-2.2.1-6", fromServer: true),
        .fails(
            "UNSUBACK with a reason of SUBACK", .v5, "B0 04 0001 00 01", .protocolError,
            "MQTT-3.11.3-2", fromServer: true),
        .fails(
            "UNSUBACK without reasons", .v5, "B0 03 0001 00", .protocolError,
            "MQTT-3.11.3-1", fromServer: true),
        .fails(
            "UNSUBACK with reasons before MQTT 5", .v311, "B0 03 0001 00", .malformedPacket,
            "MQTT-4.8.0-1", fromServer: true),
    ]
}

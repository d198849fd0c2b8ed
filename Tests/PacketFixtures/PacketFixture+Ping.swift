// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import Packets

extension PacketFixture {
    /// PINGREQ and PINGRESP that are read.
    static let ping: [PacketFixture] = [
        .valid(
            "PINGREQ of MQTT 3.1", .v31, "C0 00",
            .pingreq),
        .valid(
            "PINGREQ of MQTT 3.1.1", .v311, "C0 00",
            .pingreq),
        .valid(
            "PINGREQ of MQTT 5", .v5, "C0 00",
            .pingreq),
        .valid(
            "PINGRESP of MQTT 3.1", .v31, "D0 00",
            .pingresp, fromServer: true),
        .valid(
            "PINGRESP of MQTT 3.1.1", .v311, "D0 00",
            .pingresp, fromServer: true),
        .valid(
            "PINGRESP of MQTT 5", .v5, "D0 00",
            .pingresp, fromServer: true),
    ]

    /// PINGREQ and PINGRESP that are refused, and types that do not exist.
    static let pingFailures: [PacketFixture] = [
        .fails(
            "PINGREQ with a byte", .v311, "C0 01 00", .malformedPacket,
            "MQTT-4.8.0-1"),
        .fails(
            "PINGREQ with a property length", .v5, "C0 01 00", .malformedPacket,
            "MQTT-4.13.1-1"),
        .fails(
            "PINGREQ with a longer length than needed", .v5, "C0 8000", .malformedPacket,
            "MQTT-1.5.5-1"),
        .fails(
            "PINGREQ with flags", .v311, "C1 00", .malformedPacket,
            "MQTT-2.2.2-2"),
        .fails(
            "PINGRESP with a byte", .v5, "D0 01 00", .malformedPacket,
            "MQTT-4.13.1-1", fromServer: true),
        .fails(
            "PINGRESP with flags", .v5, "D8 00", .malformedPacket,
            "MQTT-2.1.3-1", fromServer: true),
        .fails(
            "a packet of type zero", .v5, "00 00", .malformedPacket,
            "section 2.1.2"),
        .fails(
            "a packet of type zero", .v311, "0F 00", .malformedPacket,
            "section 2.2.1"),
        .fails(
            "a packet of type 15 before MQTT 5", .v311, "F0 00", .malformedPacket,
            "section 2.2.1"),
        .fails(
            "a packet of type 15 before MQTT 5 with a reason", .v31, "F0 01 00", .malformedPacket,
            "section 2.2.1"),
    ]
}

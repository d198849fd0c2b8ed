// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import Packets

extension PacketFixture {
    /// DISCONNECT that is read.
    static let disconnect: [PacketFixture] = [
        .valid(
            "DISCONNECT of MQTT 3.1", .v31, "E0 00",
            .disconnect(Disconnect())),
        .valid(
            "DISCONNECT of MQTT 3.1.1", .v311, "E0 00",
            .disconnect(Disconnect())),
        .valid(
            "DISCONNECT of MQTT 5", .v5, "E0 00",
            .disconnect(Disconnect())),
        .decodes(
            "DISCONNECT with reason zero", .v5, "E0 01 00",
            .disconnect(Disconnect())),
        .decodes(
            "DISCONNECT with reason zero and no properties", .v5, "E0 02 00 00",
            .disconnect(Disconnect())),
        .valid(
            "DISCONNECT with a will", .v5, "E0 01 04",
            .disconnect(Disconnect(reason: .disconnectWithWill))),
        .valid(
            "DISCONNECT with all properties of a client", .v5,
            "E0 14 00 12 11 0000000A 1F 0003 'bye' 26 0001 'a' 0001 'b'",
            .disconnect(
                Disconnect(
                    properties: Properties {
                        $0.sessionExpiry = 10
                        $0.reasonString = "bye"
                        $0.user = [UserProperty(name: "a", value: "b")]
                    }))),
        .valid(
            "DISCONNECT of a server that shuts down", .v5, "E0 01 8B",
            .disconnect(Disconnect(reason: .serverShuttingDown)), fromServer: true),
        .valid(
            "DISCONNECT of a server that moved", .v5, "E0 0E 9D 0C 1C 0001 'b' 1F 0005 'moved'",
            .disconnect(
                Disconnect(
                    reason: .serverMoved,
                    properties: Properties {
                        $0.serverReference = "b"
                        $0.reasonString = "moved"
                    })), fromServer: true),
    ]

    /// DISCONNECT that is refused.
    static let disconnectFailures: [PacketFixture] = [
        .fails(
            "DISCONNECT with a byte", .v311, "E0 01 00", .malformedPacket,
            "MQTT-4.8.0-1"),
        .fails(
            "DISCONNECT with flags", .v311, "E1 00", .malformedPacket,
            "MQTT-3.14.1-1"),
        .fails(
            "DISCONNECT with flags", .v5, "E2 01 00", .malformedPacket,
            "MQTT-3.14.1-1"),
        .fails(
            "DISCONNECT with a reason that does not exist", .v5, "E0 01 03", .protocolError,
            "MQTT-3.14.2-1"),
        .fails(
            "DISCONNECT of a client with a reason of servers", .v5, "E0 01 8E", .protocolError,
            "MQTT-3.14.2-1"),
        .fails(
            "DISCONNECT of a server with a reason of clients", .v5, "E0 01 04", .protocolError,
            "MQTT-3.14.2-1", fromServer: true),
        .fails(
            "DISCONNECT of a server with a session expiry interval", .v5, "E0 07 00 05 11 00000001",
            .protocolError,
            "MQTT-3.14.2-2", fromServer: true),
        .fails(
            "DISCONNECT with two session expiry intervals", .v5, "E0 0C 00 0A 11 00000001 11 00000001",
            .protocolError,
            "section 3.14.2.2"),
        .fails(
            "DISCONNECT with properties longer than the packet", .v5, "E0 05 00 05 11 0000", .malformedPacket,
            "section 2.2.2.1"),
        .fails(
            "DISCONNECT with bytes behind its properties", .v5, "E0 03 00 00 00", .malformedPacket,
            "MQTT-4.13.1-1"),
        .fails(
            "DISCONNECT with a receive maximum", .v5, "E0 05 00 03 21 0001", .malformedPacket,
            "section 2.2.2.2"),
    ]
}

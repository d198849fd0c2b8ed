// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import Packets

extension PacketFixture {
    /// AUTH that is read.
    static let auth: [PacketFixture] = [
        .valid(
            "AUTH of a server without anything", .v5, "F0 00",
            .auth(Auth()), fromServer: true),
        .valid(
            "AUTH that continues", .v5, "F0 10 18 0E 15 0005 'SCRAM' 16 0003 010203",
            .auth(
                Auth(
                    reason: .continueAuthentication,
                    properties: Properties {
                        $0.authenticationMethod = "SCRAM"
                        $0.authenticationData = [1, 2, 3]
                    }))),
        .valid(
            "AUTH that begins anew", .v5, "F0 0A 19 08 15 0005 'SCRAM'",
            .auth(
                Auth(reason: .reauthenticate, properties: Properties { $0.authenticationMethod = "SCRAM" }))),
        .valid(
            "AUTH with all its properties", .v5,
            "F0 17 00 15 15 0001 'm' 16 0000 1F 0004 'fine' 26 0001 'a' 0001 'b'",
            .auth(
                Auth(
                    properties: Properties {
                        $0.authenticationMethod = "m"
                        $0.authenticationData = []
                        $0.reasonString = "fine"
                        $0.user = [UserProperty(name: "a", value: "b")]
                    })), fromServer: true),
    ]

    /// AUTH that is refused.
    static let authFailures: [PacketFixture] = [
        .fails(
            "AUTH with flags", .v5, "F1 06 18 04 15 0001 'm'", .malformedPacket,
            "MQTT-3.15.1-1"),
        .fails(
            "AUTH with a reason that it may not have", .v5, "F0 06 87 04 15 0001 'm'", .protocolError,
            "MQTT-3.15.2-1"),
        .fails(
            "AUTH of a client that reports success", .v5, "F0 06 00 04 15 0001 'm'", .protocolError,
            "MQTT-3.15.2-1"),
        .fails(
            "AUTH of a server that begins anew", .v5, "F0 06 19 04 15 0001 'm'", .protocolError,
            "MQTT-3.15.2-1", fromServer: true),
        .fails(
            "AUTH without a method", .v5, "F0 02 18 00", .protocolError,
            "section 3.15.2.2.2"),
        .fails(
            "AUTH with data without a method", .v5, "F0 06 18 04 16 0001 'm'", .protocolError,
            "section 3.1.2.11.10"),
        .fails(
            "AUTH with two methods", .v5, "F0 0A 18 08 15 0001 'm' 15 0001 'm'", .protocolError,
            "section 3.15.2.2"),
        .fails(
            "AUTH with a session expiry interval", .v5, "F0 0B 18 09 15 0001 'm' 11 00000001",
            .malformedPacket,
            "section 2.2.2.2"),
        .fails(
            "AUTH with properties longer than the packet", .v5, "F0 06 18 20 15 0001 'm'", .malformedPacket,
            "section 2.2.2.1"),
    ]
}

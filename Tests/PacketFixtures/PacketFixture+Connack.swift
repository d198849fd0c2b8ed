// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import Packets

extension PacketFixture {
    /// CONNACK that is read.
    static let connack: [PacketFixture] = [
        .valid(
            "CONNACK of MQTT 3.1.1", .v311, "20 02 00 00",
            .connack(Connack()), fromServer: true),
        .valid(
            "CONNACK with a session", .v311, "20 02 01 00",
            .connack(Connack(sessionPresent: true)), fromServer: true),
        .valid(
            "CONNACK that refuses the version", .v311, "20 02 00 01",
            .connack(Connack(reason: .unsupportedProtocolVersion)), fromServer: true),
        .valid(
            "CONNACK that refuses the client identifier", .v311, "20 02 00 02",
            .connack(Connack(reason: .clientIdentifierNotValid)), fromServer: true),
        .valid(
            "CONNACK of a server that is not available", .v311, "20 02 00 03",
            .connack(Connack(reason: .serverUnavailable)), fromServer: true),
        .valid(
            "CONNACK that refuses the password", .v311, "20 02 00 04",
            .connack(Connack(reason: .badUserNameOrPassword)), fromServer: true),
        .valid(
            "CONNACK that does not authorize", .v31, "20 02 00 05",
            .connack(Connack(reason: .notAuthorized)), fromServer: true),
        .valid(
            "CONNACK of MQTT 3.1", .v31, "20 02 00 00",
            .connack(Connack()), fromServer: true),
        .decodes(
            "CONNACK of MQTT 3.1 with bits that are not used", .v31, "20 02 FF 00",
            .connack(Connack()), fromServer: true),
        .valid(
            "CONNACK of MQTT 5", .v5, "20 03 00 00 00",
            .connack(Connack()), fromServer: true),
        .valid(
            "CONNACK with a session", .v5, "20 03 01 00 00",
            .connack(Connack(sessionPresent: true)), fromServer: true),
        .valid(
            "CONNACK that bans", .v5, "20 03 00 8A 00",
            .connack(Connack(reason: .banned)), fromServer: true),
        .valid(
            "CONNACK with all its properties", .v5,
            "20 4E 00 00 4B 11 00000010 13 003C 21 0400 22 0008 27 00100000 24 01 25 00 28 01 29 00 2A 01 12 0006 'auto-1' 15 0001 'm' 16 0001 FF 1A 0004 'info' 1C 0005 'other' 1F 0004 'fine' 26 0001 'x' 0001 'y'",
            .connack(
                Connack(
                    properties: Properties {
                        $0.sessionExpiry = 16
                        $0.serverKeepAlive = 60
                        $0.receiveMaximum = 1_024
                        $0.topicAliasMaximum = 8
                        $0.maximumPacketSize = 1_048_576
                        $0.maximumQoS = .atLeastOnce
                        $0.retainAvailable = false
                        $0.wildcardSubscriptionAvailable = true
                        $0.subscriptionIdentifiersAvailable = false
                        $0.sharedSubscriptionAvailable = true
                        $0.assignedClientID = "auto-1"
                        $0.authenticationMethod = "m"
                        $0.authenticationData = [0xFF]
                        $0.responseInformation = "info"
                        $0.serverReference = "other"
                        $0.reasonString = "fine"
                        $0.user = [UserProperty(name: "x", value: "y")]
                    })), fromServer: true),
        .valid(
            "CONNACK that moves the client", .v5, "20 0C 00 9D 09 1C 0006 'b:1883'",
            .connack(
                Connack(reason: .serverMoved, properties: Properties { $0.serverReference = "b:1883" })),
            fromServer: true),
    ]

    /// CONNACK that is refused.
    static let connackFailures: [PacketFixture] = [
        .fails(
            "CONNACK with a reserved flag", .v5, "20 03 02 00 00", .malformedPacket,
            "MQTT-3.2.2-1", fromServer: true),
        .fails(
            "CONNACK with a reserved flag", .v311, "20 02 80 00", .malformedPacket,
            "section 3.2.2.1", fromServer: true),
        .fails(
            "CONNACK that refuses with a session", .v5, "20 03 01 87 00", .protocolError,
            "MQTT-3.2.2-6", fromServer: true),
        .fails(
            "CONNACK that refuses with a session", .v311, "20 02 01 05", .protocolError,
            "MQTT-3.2.2-4", fromServer: true),
        .fails(
            "CONNACK with the reason of a DISCONNECT", .v5, "20 03 00 8D 00", .protocolError,
            "MQTT-3.2.2-8", fromServer: true),
        .fails(
            "CONNACK with return code 6", .v311, "20 02 00 06", .protocolError,
            "section 3.2.2.3", fromServer: true),
        .fails(
            "CONNACK without properties", .v5, "20 02 00 00", .malformedPacket,
            "MQTT-4.13.1-1", fromServer: true),
        .fails(
            "CONNACK with bytes behind it", .v311, "20 03 00 00 00", .malformedPacket,
            "MQTT-4.8.0-1", fromServer: true),
        .fails(
            "CONNACK of one byte", .v311, "20 01 00", .malformedPacket,
            "MQTT-4.8.0-1", fromServer: true),
        .fails(
            "CONNACK with a maximum QoS of 2", .v5, "20 05 00 00 02 24 02", .protocolError,
            "section 3.2.2.3", fromServer: true),
        .fails(
            "CONNACK with retain available 3", .v5, "20 05 00 00 02 25 03", .protocolError,
            "section 3.2.2.3", fromServer: true),
        .fails(
            "CONNACK with a receive maximum of zero", .v5, "20 06 00 00 03 21 0000", .protocolError,
            "section 3.2.2.3", fromServer: true),
        .fails(
            "CONNACK with two server keep-alives", .v5, "20 09 00 00 06 13 0001 13 0001", .protocolError,
            "section 3.2.2.3", fromServer: true),
        .fails(
            "CONNACK with a will delay", .v5, "20 08 00 00 05 18 00000001", .malformedPacket,
            "section 2.2.2.2", fromServer: true),
    ]
}

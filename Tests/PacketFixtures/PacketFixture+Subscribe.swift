// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import Packets

extension PacketFixture {
    /// SUBSCRIBE that is read.
    static let subscribe: [PacketFixture] = [
        .valid(
            "SUBSCRIBE of MQTT 3.1.1", .v311, "82 08 0001 0003 'a/b' 01",
            .subscribe(
                Subscribe(
                    packetID: 1,
                    subscriptions: [
                        Subscription(filter: "a/b", options: SubscriptionOptions(qos: .atLeastOnce))
                    ]))),
        .valid(
            "SUBSCRIBE of MQTT 3.1", .v31, "82 06 0001 0001 '#' 02",
            .subscribe(
                Subscribe(
                    packetID: 1,
                    subscriptions: [
                        Subscription(filter: "#", options: SubscriptionOptions(qos: .exactlyOnce))
                    ]))),
        .decodes(
            "SUBSCRIBE of MQTT 3.1 that is repeated", .v31, "8A 06 0001 0001 'a' 00",
            .subscribe(Subscribe(packetID: 1, subscriptions: [Subscription(filter: "a")]))),
        .valid(
            "SUBSCRIBE with three filters", .v311, "82 12 000A 0001 'a' 00 0003 'b/+' 01 0003 'c/#' 02",
            .subscribe(
                Subscribe(
                    packetID: 10,
                    subscriptions: [
                        Subscription(filter: "a"),
                        Subscription(filter: "b/+", options: SubscriptionOptions(qos: .atLeastOnce)),
                        Subscription(filter: "c/#", options: SubscriptionOptions(qos: .exactlyOnce)),
                    ]))),
        .valid(
            "SUBSCRIBE with a filter that breaks the rules of filters", .v311, "82 09 0001 0004 'a/b#' 00",
            .subscribe(Subscribe(packetID: 1, subscriptions: [Subscription(filter: "a/b#")]))),
        .valid(
            "SUBSCRIBE with an empty filter", .v311, "82 05 0001 0000 00",
            .subscribe(Subscribe(packetID: 1, subscriptions: [Subscription(filter: "")]))),
        .valid(
            "SUBSCRIBE of MQTT 5", .v5, "82 07 0001 00 0001 'a' 00",
            .subscribe(Subscribe(packetID: 1, subscriptions: [Subscription(filter: "a")]))),
        .valid(
            "SUBSCRIBE with every option", .v5, "82 07 0001 00 0001 'a' 2E",
            .subscribe(
                Subscribe(
                    packetID: 1,
                    subscriptions: [
                        Subscription(
                            filter: "a",
                            options: SubscriptionOptions(
                                qos: .exactlyOnce, noLocal: true, retainAsPublished: true,
                                retainHandling: .doNotSend))
                    ]))),
        .valid(
            "SUBSCRIBE with retain handling 1", .v5, "82 07 0001 00 0001 'a' 11",
            .subscribe(
                Subscribe(
                    packetID: 1,
                    subscriptions: [
                        Subscription(
                            filter: "a",
                            options: SubscriptionOptions(qos: .atLeastOnce, retainHandling: .sendIfNew))
                    ]))),
        .valid(
            "SUBSCRIBE to a shared filter", .v5, "82 12 0001 00 000C '$share/g/a/+' 01",
            .subscribe(
                Subscribe(
                    packetID: 1,
                    subscriptions: [
                        Subscription(filter: "$share/g/a/+", options: SubscriptionOptions(qos: .atLeastOnce))
                    ]))),
        .valid(
            "SUBSCRIBE with all its properties", .v5,
            "82 13 0001 0C 0B FFFFFF7F 26 0001 'k' 0001 'v' 0001 'a' 00",
            .subscribe(
                Subscribe(
                    packetID: 1, subscriptions: [Subscription(filter: "a")],
                    properties: Properties {
                        $0.subscriptionIdentifiers = [268_435_455]
                        $0.user = [UserProperty(name: "k", value: "v")]
                    }))),
    ]

    /// SUBSCRIBE that is refused.
    static let subscribeFailures: [PacketFixture] = [
        .fails(
            "SUBSCRIBE with packet identifier zero", .v311, "82 06 0000 0001 'a' 00", .protocolError,
            "MQTT-2.3.1-1"),
        .fails(
            "SUBSCRIBE with packet identifier zero", .v5, "82 07 0000 00 0001 'a' 00", .protocolError,
            "MQTT-2.2.1-3"),
        .fails(
            "SUBSCRIBE without filters", .v311, "82 02 0001", .protocolError,
            "MQTT-3.8.3-3"),
        .fails(
            "SUBSCRIBE without filters", .v5, "82 03 0001 00", .protocolError,
            "MQTT-3.8.3-2"),
        .fails(
            "SUBSCRIBE without options", .v311, "82 05 0001 0001 'a'", .malformedPacket,
            "MQTT-4.8.0-1"),
        .fails(
            "SUBSCRIBE without options", .v5, "82 06 0001 00 0001 'a'", .malformedPacket,
            "MQTT-4.13.1-1"),
        .fails(
            "SUBSCRIBE without options for the second filter", .v5, "82 0A 0001 00 0001 'a' 00 0001 'b'",
            .malformedPacket,
            "MQTT-4.13.1-1"),
        .fails(
            "SUBSCRIBE that ends in a filter", .v5, "82 06 0001 00 0009 'a'", .malformedPacket,
            "MQTT-4.13.1-1"),
        .fails(
            "SUBSCRIBE that ends in the length of a filter", .v5, "82 04 0001 00 00", .malformedPacket,
            "MQTT-4.13.1-1"),
        .fails(
            "SUBSCRIBE of one byte", .v311, "82 01 00", .malformedPacket,
            "MQTT-4.8.0-1"),
        .fails(
            "SUBSCRIBE with QoS 3", .v311, "82 06 0001 0001 'a' 03", .protocolError,
            "MQTT-3.8.3-4"),
        .fails(
            "SUBSCRIBE with QoS 3", .v5, "82 07 0001 00 0001 'a' 03", .protocolError,
            "section 3.8.3.1"),
        .fails(
            "SUBSCRIBE with a reserved option", .v311, "82 06 0001 0001 'a' 04", .malformedPacket,
            "MQTT-3.8.3-4"),
        .fails(
            "SUBSCRIBE with reserved option bit 6", .v5, "82 07 0001 00 0001 'a' 40", .malformedPacket,
            "MQTT-3.8.3-5"),
        .fails(
            "SUBSCRIBE with reserved option bit 7", .v5, "82 07 0001 00 0001 'a' 80", .malformedPacket,
            "MQTT-3.8.3-5"),
        .fails(
            "SUBSCRIBE with retain handling 3", .v5, "82 07 0001 00 0001 'a' 30", .protocolError,
            "section 3.8.3.1"),
        .fails(
            "SUBSCRIBE to a shared filter without local messages", .v5, "82 10 0001 00 000A '$share/g/a' 04",
            .protocolError,
            "MQTT-3.8.3-4"),
        .fails(
            "SUBSCRIBE with subscription identifier zero", .v5, "82 09 0001 02 0B 00 0001 'a' 00",
            .protocolError,
            "section 3.8.2.1"),
        .fails(
            "SUBSCRIBE with two subscription identifiers", .v5, "82 0B 0001 04 0B 01 0B 02 0001 'a' 00",
            .protocolError,
            "section 3.8.2.1"),
        .fails(
            "SUBSCRIBE with a subscription identifier of five bytes", .v5,
            "82 0D 0001 06 0B FFFFFFFF 01 0001 'a' 00", .malformedPacket,
            "section 1.5.5"),
        .fails(
            "SUBSCRIBE with a subscription identifier longer than needed", .v5,
            "82 0A 0001 03 0B 8100 0001 'a' 00", .malformedPacket,
            "MQTT-1.5.5-1"),
        .fails(
            "SUBSCRIBE with a reason string", .v5, "82 0B 0001 04 1F 0001 'a' 0001 'a' 00", .malformedPacket,
            "section 2.2.2.2"),
        .fails(
            "SUBSCRIBE with properties longer than the packet", .v5, "82 07 0001 40 0001 'a' 00",
            .malformedPacket,
            "section 2.2.2.1"),
        .fails(
            "SUBSCRIBE without flags", .v311, "80 06 0001 0001 'a' 00", .malformedPacket,
            "MQTT-3.8.1-1"),
        .fails(
            "SUBSCRIBE that is repeated", .v311, "8A 06 0001 0001 'a' 00", .malformedPacket,
            "MQTT-3.8.1-1"),
        .fails(
            "SUBSCRIBE with a surrogate in a filter", .v311, "82 08 0001 0003 EDA080 00", .malformedPacket,
            "MQTT-1.5.3-1"),
        .fails(
            "SUBSCRIBE with U+0000 in a filter", .v5, "82 07 0001 00 0001 00 00", .malformedPacket,
            "MQTT-1.5.4-2"),
    ]

    /// SUBACK that is read.
    static let suback: [PacketFixture] = [
        .valid(
            "SUBACK of MQTT 3.1.1", .v311, "90 06 0001 00 01 02 80",
            .suback(
                Suback(
                    packetID: 1, reasons: [.grantedQoS0, .grantedQoS1, .grantedQoS2, .unspecifiedError])),
            fromServer: true),
        .valid(
            "SUBACK of MQTT 3.1", .v31, "90 03 0001 02",
            .suback(Suback(packetID: 1, reasons: [.grantedQoS2])), fromServer: true),
        .valid(
            "SUBACK of MQTT 5", .v5, "90 08 0001 00 01 8F 9E A1 A2",
            .suback(
                Suback(
                    packetID: 1,
                    reasons: [
                        .grantedQoS1, .topicFilterInvalid, .sharedSubscriptionsNotSupported,
                        .subscriptionIdentifiersNotSupported, .wildcardSubscriptionsNotSupported,
                    ])), fromServer: true),
        .valid(
            "SUBACK with all its properties", .v5, "90 10 0001 0C 1F 0002 'no' 26 0001 'a' 0001 'b' 87",
            .suback(
                Suback(
                    packetID: 1, reasons: [.notAuthorized],
                    properties: Properties {
                        $0.reasonString = "no"
                        $0.user = [UserProperty(name: "a", value: "b")]
                    })), fromServer: true),
    ]

    /// SUBACK that is refused.
    static let subackFailures: [PacketFixture] = [
        .fails(
            "SUBACK with packet identifier zero", .v311, "90 03 0000 00", .protocolError,
            "MQTT-2.3.1-7", fromServer: true),
        .fails(
            "SUBACK with packet identifier zero", .v5, "90 04 0000 00 00", .protocolError,
            "MQTT-2.2.1-6", fromServer: true),
        .fails(
            "SUBACK with reason 3", .v311, "90 03 0001 03", .protocolError,
            "MQTT-3.9.3-2", fromServer: true),
        .fails(
            "SUBACK with a reason of MQTT 5", .v311, "90 03 0001 87", .protocolError,
            "MQTT-3.9.3-2", fromServer: true),
        .fails(
            "SUBACK with a reason of UNSUBACK", .v5, "90 04 0001 00 11", .protocolError,
            "MQTT-3.9.3-2", fromServer: true),
        .fails(
            "SUBACK without reasons", .v5, "90 03 0001 00", .protocolError,
            "MQTT-3.9.3-1", fromServer: true),
        .fails(
            "SUBACK with a subscription identifier", .v5, "90 06 0001 02 0B 01 00", .malformedPacket,
            "section 2.2.2.2", fromServer: true),
    ]
}

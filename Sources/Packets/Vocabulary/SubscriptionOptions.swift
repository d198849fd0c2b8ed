// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

/// When a SUBSCRIBE makes the broker send retained messages.
public enum RetainHandling: UInt8, Hashable, Sendable, CaseIterable {
    /// With every SUBSCRIBE `[MQTT-3.3.1-9]`.
    case send = 0
    /// Only when the subscription did not exist `[MQTT-3.3.1-10]`.
    case sendIfNew = 1
    /// Never `[MQTT-3.3.1-11]`.
    case doNotSend = 2
}

/// What a subscriber asked for beside the topic filter: the options byte of SUBSCRIBE.
public struct SubscriptionOptions: Hashable, Sendable {
    /// The strongest QoS at which messages are delivered.
    public var qos: QoS
    /// Whether the subscriber's own messages are kept from it `[MQTT-3.8.3-3]`.
    public var noLocal: Bool
    /// Whether the retain flag of a forwarded message stays as published `[MQTT-3.3.1-13]`.
    public var retainAsPublished: Bool
    /// When retained messages are sent.
    public var retainHandling: RetainHandling

    /// Options with the defaults of MQTT 3.1.1.
    public init(
        qos: QoS,
        noLocal: Bool = false,
        retainAsPublished: Bool = false,
        retainHandling: RetainHandling = .send
    ) {
        self.qos = qos
        self.noLocal = noLocal
        self.retainAsPublished = retainAsPublished
        self.retainHandling = retainHandling
    }
}

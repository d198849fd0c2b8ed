// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

/// How something ended, as MQTT 5 numbers it; versions 3.1 and 3.1.1 see the nearest thing they have.
public struct ReasonCode: RawRepresentable, Hashable, Sendable {
    /// The byte on the wire.
    public let rawValue: UInt8

    /// Any byte, defined by MQTT or not.
    @inlinable public init(rawValue: UInt8) {
        self.rawValue = rawValue
    }

    /// Whether it reports a failure: 0x80 or more.
    @inlinable public var isError: Bool { rawValue >= 0x80 }
}

extension ReasonCode {
    /// 0x00: it was done.
    public static let success = ReasonCode(rawValue: 0x00)
    /// 0x00 in DISCONNECT: the client goes and its will is not published.
    public static let normalDisconnection = ReasonCode(rawValue: 0x00)
    /// 0x00 in SUBACK: subscribed with QoS 0.
    public static let grantedQoS0 = ReasonCode(rawValue: 0x00)
    /// 0x01 in SUBACK: subscribed with QoS 1.
    public static let grantedQoS1 = ReasonCode(rawValue: 0x01)
    /// 0x02 in SUBACK: subscribed with QoS 2.
    public static let grantedQoS2 = ReasonCode(rawValue: 0x02)
    /// 0x04: the client goes and its will is published all the same.
    public static let disconnectWithWill = ReasonCode(rawValue: 0x04)
    /// 0x10: accepted, and nobody receives it.
    public static let noMatchingSubscribers = ReasonCode(rawValue: 0x10)
    /// 0x11: there was nothing to unsubscribe.
    public static let noSubscriptionExisted = ReasonCode(rawValue: 0x11)
    /// 0x18: another step of the authentication follows.
    public static let continueAuthentication = ReasonCode(rawValue: 0x18)
    /// 0x19: the client starts to authenticate anew.
    public static let reauthenticate = ReasonCode(rawValue: 0x19)
    /// 0x80: no better code applies.
    public static let unspecifiedError = ReasonCode(rawValue: 0x80)
    /// 0x81: the packet cannot be parsed.
    public static let malformedPacket = ReasonCode(rawValue: 0x81)
    /// 0x82: the packet says, or comes at a time, what the protocol forbids.
    public static let protocolError = ReasonCode(rawValue: 0x82)
    /// 0x83: valid, but this receiver does not accept it.
    public static let implementationSpecificError = ReasonCode(rawValue: 0x83)
    /// 0x84: the broker does not speak this version.
    public static let unsupportedProtocolVersion = ReasonCode(rawValue: 0x84)
    /// 0x85: the client identifier is not allowed.
    public static let clientIdentifierNotValid = ReasonCode(rawValue: 0x85)
    /// 0x86: user name or password are wrong.
    public static let badUserNameOrPassword = ReasonCode(rawValue: 0x86)
    /// 0x87: the client may not do this.
    public static let notAuthorized = ReasonCode(rawValue: 0x87)
    /// 0x88: the broker is not available.
    public static let serverUnavailable = ReasonCode(rawValue: 0x88)
    /// 0x89: the broker is busy; try again later.
    public static let serverBusy = ReasonCode(rawValue: 0x89)
    /// 0x8A: this client has been banned.
    public static let banned = ReasonCode(rawValue: 0x8A)
    /// 0x8B: the broker shuts down.
    public static let serverShuttingDown = ReasonCode(rawValue: 0x8B)
    /// 0x8C: the authentication method is not supported, or not the one in use.
    public static let badAuthenticationMethod = ReasonCode(rawValue: 0x8C)
    /// 0x8D: nothing arrived within one and a half times the keep-alive.
    public static let keepAliveTimeout = ReasonCode(rawValue: 0x8D)
    /// 0x8E: another connection uses the client identifier.
    public static let sessionTakenOver = ReasonCode(rawValue: 0x8E)
    /// 0x8F: the topic filter is well formed, but not accepted here.
    public static let topicFilterInvalid = ReasonCode(rawValue: 0x8F)
    /// 0x90: the topic name is well formed, but not accepted here.
    public static let topicNameInvalid = ReasonCode(rawValue: 0x90)
    /// 0x91: the packet identifier is in use already.
    public static let packetIdentifierInUse = ReasonCode(rawValue: 0x91)
    /// 0x92: the packet identifier is not known.
    public static let packetIdentifierNotFound = ReasonCode(rawValue: 0x92)
    /// 0x93: more publications without acknowledgement than Receive Maximum.
    public static let receiveMaximumExceeded = ReasonCode(rawValue: 0x93)
    /// 0x94: the topic alias is zero, too great, or not known.
    public static let topicAliasInvalid = ReasonCode(rawValue: 0x94)
    /// 0x95: the packet is larger than the receiver takes.
    public static let packetTooLarge = ReasonCode(rawValue: 0x95)
    /// 0x96: messages arrive too fast.
    public static let messageRateTooHigh = ReasonCode(rawValue: 0x96)
    /// 0x97: a limit of the implementation or of the administrator is reached.
    public static let quotaExceeded = ReasonCode(rawValue: 0x97)
    /// 0x98: an administrator closed the connection.
    public static let administrativeAction = ReasonCode(rawValue: 0x98)
    /// 0x99: the payload is not what its format indicator says.
    public static let payloadFormatInvalid = ReasonCode(rawValue: 0x99)
    /// 0x9A: the broker does not keep retained messages.
    public static let retainNotSupported = ReasonCode(rawValue: 0x9A)
    /// 0x9B: the broker does not support this QoS.
    public static let qosNotSupported = ReasonCode(rawValue: 0x9B)
    /// 0x9C: the client should use another server for now.
    public static let useAnotherServer = ReasonCode(rawValue: 0x9C)
    /// 0x9D: the client should use another server from now on.
    public static let serverMoved = ReasonCode(rawValue: 0x9D)
    /// 0x9E: the broker has no shared subscriptions.
    public static let sharedSubscriptionsNotSupported = ReasonCode(rawValue: 0x9E)
    /// 0x9F: connections arrive too fast.
    public static let connectionRateExceeded = ReasonCode(rawValue: 0x9F)
    /// 0xA0: the longest time allowed for a connection is over.
    public static let maximumConnectTime = ReasonCode(rawValue: 0xA0)
    /// 0xA1: the broker has no subscription identifiers.
    public static let subscriptionIdentifiersNotSupported = ReasonCode(rawValue: 0xA1)
    /// 0xA2: the broker has no wildcard subscriptions.
    public static let wildcardSubscriptionsNotSupported = ReasonCode(rawValue: 0xA2)
}

extension ReasonCode {
    /// The code of a SUBACK that grants `qos`.
    @inlinable public static func granted(_ qos: QoS) -> ReasonCode { ReasonCode(rawValue: qos.rawValue) }

    /// The return code that stands for it in a CONNACK of MQTT 3.1 and 3.1.1: 0 accepted, 1 version, 2 client
    /// identifier, 3 unavailable (also for what may pass), 4 user name or password, 5 not authorized.
    public var connackReturnCode: UInt8 {
        switch self {
        case _ where !isError: 0
        case .unsupportedProtocolVersion: 1
        case .clientIdentifierNotValid: 2
        case .badUserNameOrPassword: 4
        case .notAuthorized, .banned, .badAuthenticationMethod, .topicNameInvalid, .retainNotSupported,
            .qosNotSupported, .administrativeAction:
            5
        default: 3
        }
    }

    /// The code that a return code of a 3.1 or 3.1.1 CONNACK stands for; nil for those that are reserved.
    public init?(connackReturnCode: UInt8) {
        switch connackReturnCode {
        case 0: self = .success
        case 1: self = .unsupportedProtocolVersion
        case 2: self = .clientIdentifierNotValid
        case 3: self = .serverUnavailable
        case 4: self = .badUserNameOrPassword
        case 5: self = .notAuthorized
        default: return nil
        }
    }
}

// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

/// A rule of the wire format: what it is called in either specification, and how its violation is reported.
struct Rule: Sendable {
    let reason: ReasonCode
    /// The statement or section of MQTT 5.
    let v5: String
    /// The statement or section of MQTT 3.1.1, which also stands for 3.1.
    let v3: String
    /// What a packet that violates it is like.
    let message: String

    /// Bytes that break the rule cannot be parsed.
    static func malformed(_ v5: String, _ v3: String? = nil, _ message: String) -> Rule {
        Rule(reason: .malformedPacket, v5: v5, v3: v3 ?? v5, message: message)
    }

    /// A packet that breaks the rule can be parsed, but must not be sent.
    static func forbidden(
        _ v5: String, _ v3: String? = nil, _ message: String, reason: ReasonCode = .protocolError
    ) -> Rule {
        Rule(reason: reason, v5: v5, v3: v3 ?? v5, message: message)
    }

    /// The error that reports the violation by a peer that speaks `version`.
    func error(_ version: ProtocolVersion, clientLevel: UInt8? = nil) -> DecodeError {
        DecodeError(
            reason: reason, isMalformed: reason == .malformedPacket, statement: version == .v5 ? v5 : v3,
            message: message, clientLevel: clientLevel)
    }
}

/// Fixed header and data types.
extension Rule {
    static let truncated = malformed("MQTT-4.13.1-1", "MQTT-4.8.0-1", "a field ends behind the packet")
    static let trailing = malformed("MQTT-4.13.1-1", "MQTT-4.8.0-1", "bytes follow the last field")
    static let reservedType = malformed("section 2.1.2", "section 2.2.1", "the packet type is reserved")
    static let flags = malformed("MQTT-2.1.3-1", "MQTT-2.2.2-2", "the flags are not those of the packet type")
    static let pubrelFlags = malformed("MQTT-3.6.1-1", nil, "the flags of PUBREL are not 0010")
    static let subscribeFlags = malformed("MQTT-3.8.1-1", nil, "the flags of SUBSCRIBE are not 0010")
    static let unsubscribeFlags = malformed("MQTT-3.10.1-1", nil, "the flags of UNSUBSCRIBE are not 0010")
    static let disconnectFlags = malformed("MQTT-3.14.1-1", nil, "the flags of DISCONNECT are not 0000")
    static let authFlags = malformed("MQTT-3.15.1-1", nil, "the flags of AUTH are not 0000")
    static let integerTooLong = malformed("section 1.5.5", "section 2.2.3", "an integer has a fifth byte")
    static let integerNotMinimal = malformed("MQTT-1.5.5-1", nil, "an integer has more bytes than it needs")
    static let packetTooLarge = forbidden(
        "MQTT-3.2.2-15", "section 2.2.3", "the packet is larger than the maximum", reason: .packetTooLarge)
    static let packetTooLargeForClient = forbidden(
        "MQTT-3.1.2-24", "section 2.2.3", "the packet is larger than the maximum", reason: .packetTooLarge)
    static let illFormedText = malformed("MQTT-1.5.4-1", "MQTT-1.5.3-1", "a string is not well-formed UTF-8")
    static let nullInText = malformed("MQTT-1.5.4-2", "MQTT-1.5.3-2", "a string has U+0000")
    static let clientPacketID = forbidden("MQTT-2.2.1-3", "MQTT-2.3.1-1", "the packet identifier is zero")
    static let serverPacketID = forbidden("MQTT-2.2.1-4", "MQTT-2.3.1-1", "the packet identifier is zero")
    static let acknowledgedID = forbidden("MQTT-2.2.1-5", "MQTT-2.3.1-6", "the packet identifier is zero")
    static let answeredID = forbidden("MQTT-2.2.1-6", "MQTT-2.3.1-7", "the packet identifier is zero")
}

/// CONNECT and CONNACK.
extension Rule {
    static let firstPacket = forbidden("MQTT-3.1.0-1", nil, "the first packet is not a CONNECT")
    static let secondConnect = forbidden("MQTT-3.1.0-2", nil, "a second CONNECT")
    static let connectFormat = malformed("MQTT-3.1.4-1", nil, "the CONNECT does not have its format")
    static let protocolName = forbidden(
        "MQTT-3.1.2-1", nil, "the protocol name is unknown", reason: .unsupportedProtocolVersion)
    static let protocolLevel = forbidden(
        "MQTT-3.1.2-2", nil, "the protocol level is unknown", reason: .unsupportedProtocolVersion)
    static let connectReserved = malformed("MQTT-3.1.2-3", nil, "the reserved flag of CONNECT is set")
    static let willQoSWithoutWill = forbidden("MQTT-3.1.2-11", "MQTT-3.1.2-13", "a QoS but no will")
    static let willRetainWithoutWill = forbidden("MQTT-3.1.2-13", "MQTT-3.1.2-15", "retain but no will")
    static let willQoS = malformed("MQTT-3.1.2-12", "MQTT-3.1.2-14", "the QoS of the will is 3")
    static let passwordAlone = forbidden("MQTT-3.1.2-22", nil, "a password without a user name")
    static let willTopic = forbidden(
        "MQTT-4.7.0-1", "MQTT-4.7.1-1", "the will's topic has a wildcard", reason: .topicNameInvalid)
    static let willTopicEmpty = forbidden(
        "MQTT-4.7.3-1", nil, "the will's topic is empty", reason: .topicNameInvalid)
    static let connackFlags = malformed(
        "MQTT-3.2.2-1", "section 3.2.2.1", "a reserved flag of CONNACK is set")
    static let connackSession = forbidden("MQTT-3.2.2-6", "MQTT-3.2.2-4", "a session with a refusal")
    static let connackReason = forbidden("MQTT-3.2.2-8", "section 3.2.2.3", "no reason code of CONNACK")
}

/// PUBLISH and its acknowledgements.
extension Rule {
    static let duplicateQoS0 = forbidden("MQTT-3.3.1-2", nil, "DUP with QoS 0")
    static let qos3 = malformed("MQTT-3.3.1-4", nil, "the QoS is 3")
    static let topicWildcard = forbidden(
        "MQTT-3.3.2-2", nil, "the topic name has a wildcard", reason: .topicNameInvalid)
    static let topicMissing = forbidden("section 3.3.2.1", "MQTT-4.7.3-1", "no topic name and no topic alias")
    static let topicAliasZero = forbidden(
        "MQTT-3.3.2-8", nil, "the topic alias is zero", reason: .topicAliasInvalid)
    static let responseTopic = forbidden("MQTT-3.3.2-14", nil, "the response topic has a wildcard")
    static let responseTopicEmpty = forbidden("MQTT-4.7.3-1", nil, "the response topic is empty")
    static let identifierFromClient = forbidden(
        "MQTT-3.3.4-6", nil, "a subscription identifier from a client")
    static let pubackReason = forbidden("MQTT-3.4.2-1", nil, "no reason code of PUBACK")
    static let pubrecReason = forbidden("MQTT-3.5.2-1", nil, "no reason code of PUBREC")
    static let pubrelReason = forbidden("MQTT-3.6.2-1", nil, "no reason code of PUBREL")
    static let pubcompReason = forbidden("MQTT-3.7.2-1", nil, "no reason code of PUBCOMP")
}

/// SUBSCRIBE, UNSUBSCRIBE and their answers, DISCONNECT and AUTH.
extension Rule {
    static let noSubscription = forbidden("MQTT-3.8.3-2", "MQTT-3.8.3-3", "no topic filter")
    static let noLocalShared = forbidden("MQTT-3.8.3-4", nil, "no local with a shared subscription")
    static let optionsReserved = malformed("MQTT-3.8.3-5", "MQTT-3.8.3-4", "a reserved option is set")
    static let optionsQoS = forbidden("section 3.8.3.1", "MQTT-3.8.3-4", "the QoS of a subscription is 3")
    static let optionsRetain = forbidden("section 3.8.3.1", nil, "the retain handling is 3")
    static let subackReason = forbidden("MQTT-3.9.3-2", nil, "no reason code of SUBACK")
    static let subackEmpty = forbidden("MQTT-3.9.3-1", nil, "a SUBACK without reason codes")
    static let noFilter = forbidden("MQTT-3.10.3-2", nil, "no topic filter")
    static let unsubackReason = forbidden("MQTT-3.11.3-2", nil, "no reason code of UNSUBACK")
    static let unsubackEmpty = forbidden("MQTT-3.11.3-1", nil, "an UNSUBACK without reason codes")
    static let disconnectReason = forbidden("MQTT-3.14.2-1", nil, "no reason code of DISCONNECT")
    static let expiryFromServer = forbidden("MQTT-3.14.2-2", nil, "a session expiry interval from a server")
    static let authReason = forbidden("MQTT-3.15.2-1", nil, "no reason code of AUTH")
    static let authMethodMissing = forbidden("section 3.15.2.2.2", nil, "an AUTH without a method")
    static let authDataAlone = forbidden("section 3.1.2.11.10", nil, "authentication data without a method")
}

/// Properties.
extension Rule {
    static let propertyLength = malformed("section 2.2.2.1", nil, "the properties end behind the packet")
    static let propertyUnknown = malformed("section 2.2.2.2", nil, "a property that does not exist")
    static let propertyMisplaced = malformed("section 2.2.2.2", nil, "a property of other packets")
    static let propertyTruncated = malformed("section 2.2.2.2", nil, "a property ends behind the properties")

    /// A property may be there once.
    static func propertyRepeated(_ place: PropertyPlace) -> Rule {
        forbidden(place.section, nil, "a property occurs twice")
    }

    /// A property's value is out of its range.
    static func propertyValue(_ place: PropertyPlace) -> Rule {
        forbidden(place.section, nil, "a property has a value that is not allowed")
    }
}

// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

/// The properties of MQTT 5 under their identifiers.
enum PropertyID: UInt8, CaseIterable {
    case payloadFormat = 0x01
    case messageExpiry = 0x02
    case contentType = 0x03
    case responseTopic = 0x08
    case correlationData = 0x09
    case subscriptionIdentifier = 0x0B
    case sessionExpiry = 0x11
    case assignedClientID = 0x12
    case serverKeepAlive = 0x13
    case authenticationMethod = 0x15
    case authenticationData = 0x16
    case requestProblemInformation = 0x17
    case willDelay = 0x18
    case requestResponseInformation = 0x19
    case responseInformation = 0x1A
    case serverReference = 0x1C
    case reasonString = 0x1F
    case receiveMaximum = 0x21
    case topicAliasMaximum = 0x22
    case topicAlias = 0x23
    case maximumQoS = 0x24
    case retainAvailable = 0x25
    case user = 0x26
    case maximumPacketSize = 0x27
    case wildcardSubscriptionAvailable = 0x28
    case subscriptionIdentifiersAvailable = 0x29
    case sharedSubscriptionAvailable = 0x2A

    /// How a value is written.
    enum Form {
        /// 0 or 1.
        case flag
        case uint16
        case uint32
        case variableByteInteger
        case string
        case binary
        case stringPair
    }

    var form: Form {
        switch self {
        case .payloadFormat, .requestProblemInformation, .requestResponseInformation, .maximumQoS,
            .retainAvailable, .wildcardSubscriptionAvailable, .subscriptionIdentifiersAvailable,
            .sharedSubscriptionAvailable:
            .flag
        case .serverKeepAlive, .receiveMaximum, .topicAliasMaximum, .topicAlias: .uint16
        case .messageExpiry, .sessionExpiry, .willDelay, .maximumPacketSize: .uint32
        case .subscriptionIdentifier: .variableByteInteger
        case .contentType, .responseTopic, .assignedClientID, .authenticationMethod, .responseInformation,
            .serverReference, .reasonString:
            .string
        case .correlationData, .authenticationData: .binary
        case .user: .stringPair
        }
    }

    /// Whether zero is forbidden.
    var isPositive: Bool {
        switch self {
        case .subscriptionIdentifier, .receiveMaximum, .topicAlias, .maximumPacketSize: true
        default: false
        }
    }

    /// Whether it may stand in `place` (the table of section 2.2.2.2).
    func isAllowed(in place: PropertyPlace) -> Bool {
        switch self {
        case .payloadFormat, .messageExpiry, .contentType, .responseTopic, .correlationData:
            place == .publish || place == .will
        case .subscriptionIdentifier: place == .publish || place == .subscribe
        case .sessionExpiry: place == .connect || place == .connack || place == .disconnect
        case .authenticationMethod, .authenticationData:
            place == .connect || place == .connack || place == .auth
        case .requestProblemInformation, .requestResponseInformation: place == .connect
        case .willDelay: place == .will
        case .serverReference: place == .connack || place == .disconnect
        case .reasonString: place.isAnswer
        case .receiveMaximum, .topicAliasMaximum, .maximumPacketSize: place == .connect || place == .connack
        case .topicAlias: place == .publish
        case .user: true
        case .assignedClientID, .serverKeepAlive, .responseInformation, .maximumQoS, .retainAvailable,
            .wildcardSubscriptionAvailable, .subscriptionIdentifiersAvailable, .sharedSubscriptionAvailable:
            place == .connack
        }
    }
}

/// A packet, or a part of one, that has properties. The raw value is the packet's type; zero is the will.
enum PropertyPlace: UInt8 {
    case will = 0
    case connect = 1
    case connack = 2
    case publish = 3
    case puback = 4
    case pubrec = 5
    case pubrel = 6
    case pubcomp = 7
    case subscribe = 8
    case suback = 9
    case unsubscribe = 10
    case unsuback = 11
    case disconnect = 14
    case auth = 15

    /// The section of MQTT 5 that describes its properties.
    var section: String {
        switch self {
        case .will: "section 3.1.3.2"
        case .connect: "section 3.1.2.11"
        case .connack: "section 3.2.2.3"
        case .publish: "section 3.3.2.3"
        case .puback: "section 3.4.2.2"
        case .pubrec: "section 3.5.2.2"
        case .pubrel: "section 3.6.2.2"
        case .pubcomp: "section 3.7.2.2"
        case .subscribe: "section 3.8.2.1"
        case .suback: "section 3.9.2.1"
        case .unsubscribe: "section 3.10.2.1"
        case .unsuback: "section 3.11.2.1"
        case .disconnect: "section 3.14.2.2"
        case .auth: "section 3.15.2.2"
        }
    }

    /// Whether it answers, or ends, something.
    var isAnswer: Bool {
        switch self {
        case .connack, .puback, .pubrec, .pubrel, .pubcomp, .suback, .unsuback, .disconnect, .auth: true
        case .will, .connect, .publish, .subscribe, .unsubscribe: false
        }
    }
}

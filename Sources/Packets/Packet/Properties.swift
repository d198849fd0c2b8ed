// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

/// A name and a value that mean something to the application only.
package struct UserProperty: Hashable, Sendable {
    package var name: Text
    package var value: Text

    package init(name: Text, value: Text) {
        self.name = name
        self.value = value
    }
}

/// The properties of a packet or of a will: all that MQTT 5 knows, each nil when it is absent.
///
/// Which ones a packet may have is checked where bytes are decoded. Before MQTT 5 there are none.
package struct Properties: Hashable, Sendable {
    /// 1 says that the payload is UTF-8.
    package var payloadFormat: UInt8?
    /// Seconds.
    package var messageExpiry: UInt32?
    package var contentType: Text?
    package var responseTopic: Text?
    package var correlationData: [UInt8]?
    /// One in SUBSCRIBE, any number in PUBLISH.
    package var subscriptionIdentifiers: [UInt32] = []
    /// Seconds; `UInt32.max` means never.
    package var sessionExpiry: UInt32?
    package var assignedClientID: Text?
    /// Seconds.
    package var serverKeepAlive: UInt16?
    package var authenticationMethod: Text?
    package var authenticationData: [UInt8]?
    package var requestProblemInformation: Bool?
    /// Seconds.
    package var willDelay: UInt32?
    package var requestResponseInformation: Bool?
    package var responseInformation: Text?
    package var serverReference: Text?
    package var reasonString: Text?
    package var receiveMaximum: UInt16?
    package var topicAliasMaximum: UInt16?
    package var topicAlias: UInt16?
    /// QoS 0 or 1; a broker with QoS 2 leaves it out.
    package var maximumQoS: QoS?
    package var retainAvailable: Bool?
    /// In the order in which they were sent `[MQTT-3.3.2-18]`.
    package var user: [UserProperty] = []
    package var maximumPacketSize: UInt32?
    package var wildcardSubscriptionAvailable: Bool?
    package var subscriptionIdentifiersAvailable: Bool?
    package var sharedSubscriptionAvailable: Bool?

    /// No property at all.
    package init() {}

    /// No property but those that `configure` sets.
    package init(_ configure: (inout Properties) -> Void) {
        configure(&self)
    }

    /// The encoded properties that a broker forwards unaltered, without their length: payload format, content
    /// type, response topic, correlation data, user properties (`[MQTT-3.3.2-4]`, `[MQTT-3.3.2-15]`,
    /// `[MQTT-3.3.2-16]`, `[MQTT-3.3.2-17]`, `[MQTT-3.3.2-20]`). Intervals, alias and identifiers are not among
    /// them.
    package func forwarded() -> [UInt8] {
        var writer = Writer(version: .v5)
        writeForwarded(to: &writer)
        return writer.bytes
    }
}

/// Decoding.
extension Properties {
    init(from walk: inout PropertyWalk) throws(DecodeError) {
        while let element = try walk.next() {
            switch element.id.form {
            case .flag, .uint16, .uint32, .variableByteInteger: set(element.id, to: element.number)
            case .string: set(element.id, to: walk.reader.text(element.first))
            case .binary: set(element.id, to: walk.reader.copy(element.first))
            case .stringPair:
                user.append(
                    UserProperty(
                        name: walk.reader.text(element.first), value: walk.reader.text(element.second)))
            }
        }
        if authenticationData != nil, authenticationMethod == nil { throw walk.reader.error(.authDataAlone) }
    }

    private mutating func set(_ id: PropertyID, to number: UInt32) {
        switch id {
        case .payloadFormat: payloadFormat = UInt8(truncatingIfNeeded: number)
        case .messageExpiry: messageExpiry = number
        case .subscriptionIdentifier: subscriptionIdentifiers.append(number)
        case .sessionExpiry: sessionExpiry = number
        case .serverKeepAlive: serverKeepAlive = UInt16(truncatingIfNeeded: number)
        case .requestProblemInformation: requestProblemInformation = number == 1
        case .willDelay: willDelay = number
        case .requestResponseInformation: requestResponseInformation = number == 1
        case .receiveMaximum: receiveMaximum = UInt16(truncatingIfNeeded: number)
        case .topicAliasMaximum: topicAliasMaximum = UInt16(truncatingIfNeeded: number)
        case .topicAlias: topicAlias = UInt16(truncatingIfNeeded: number)
        case .maximumQoS: maximumQoS = number == 1 ? .atLeastOnce : .atMostOnce
        case .retainAvailable: retainAvailable = number == 1
        case .maximumPacketSize: maximumPacketSize = number
        case .wildcardSubscriptionAvailable: wildcardSubscriptionAvailable = number == 1
        case .subscriptionIdentifiersAvailable: subscriptionIdentifiersAvailable = number == 1
        case .sharedSubscriptionAvailable: sharedSubscriptionAvailable = number == 1
        case .contentType, .responseTopic, .correlationData, .assignedClientID, .authenticationMethod,
            .authenticationData, .responseInformation, .serverReference, .reasonString, .user:
            preconditionFailure("\(id) is no number")
        }
    }

    private mutating func set(_ id: PropertyID, to text: Text) {
        switch id {
        case .contentType: contentType = text
        case .responseTopic: responseTopic = text
        case .assignedClientID: assignedClientID = text
        case .authenticationMethod: authenticationMethod = text
        case .responseInformation: responseInformation = text
        case .serverReference: serverReference = text
        case .reasonString: reasonString = text
        default: preconditionFailure("\(id) is no string")
        }
    }

    private mutating func set(_ id: PropertyID, to bytes: [UInt8]) {
        if id == .correlationData { correlationData = bytes } else { authenticationData = bytes }
    }
}

/// Encoding.
extension Properties {
    /// Writes all of them behind their length, as `place` has them; nothing before MQTT 5.
    func write(to writer: inout Writer) {
        guard writer.version == .v5 else { return }
        var body = Writer(version: .v5)
        writeNumbers(to: &body)
        writeFlags(to: &body)
        writeTexts(to: &body)
        writeForwarded(to: &body)
        writer.append(variableByteInteger: body.bytes.count)
        writer.append(body)
    }

    /// Whether there is nothing to write.
    var isEmpty: Bool { self == Properties() }

    private func writeNumbers(to writer: inout Writer) {
        writer.append(.messageExpiry, messageExpiry)
        for identifier in subscriptionIdentifiers { writer.append(.subscriptionIdentifier, identifier) }
        writer.append(.sessionExpiry, sessionExpiry)
        writer.append(.serverKeepAlive, serverKeepAlive.map(UInt32.init))
        writer.append(.willDelay, willDelay)
        writer.append(.receiveMaximum, receiveMaximum.map(UInt32.init))
        writer.append(.topicAliasMaximum, topicAliasMaximum.map(UInt32.init))
        writer.append(.topicAlias, topicAlias.map(UInt32.init))
        writer.append(.maximumPacketSize, maximumPacketSize)
    }

    private func writeFlags(to writer: inout Writer) {
        writer.append(.requestProblemInformation, requestProblemInformation)
        writer.append(.requestResponseInformation, requestResponseInformation)
        if maximumQoS != .exactlyOnce { writer.append(.maximumQoS, (maximumQoS?.rawValue).map(UInt32.init)) }
        writer.append(.retainAvailable, retainAvailable)
        writer.append(.wildcardSubscriptionAvailable, wildcardSubscriptionAvailable)
        writer.append(.subscriptionIdentifiersAvailable, subscriptionIdentifiersAvailable)
        writer.append(.sharedSubscriptionAvailable, sharedSubscriptionAvailable)
    }

    private func writeTexts(to writer: inout Writer) {
        writer.append(.assignedClientID, assignedClientID)
        writer.append(.authenticationMethod, authenticationMethod)
        writer.append(.authenticationData, authenticationData)
        writer.append(.responseInformation, responseInformation)
        writer.append(.serverReference, serverReference)
        writer.append(.reasonString, reasonString)
    }

    private func writeForwarded(to writer: inout Writer) {
        writer.append(.payloadFormat, payloadFormat.map(UInt32.init))
        writer.append(.contentType, contentType)
        writer.append(.responseTopic, responseTopic)
        writer.append(.correlationData, correlationData)
        for property in user {
            writer.append(PropertyID.user.rawValue)
            writer.append(property.name)
            writer.append(property.value)
        }
    }
}

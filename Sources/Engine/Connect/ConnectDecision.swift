// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

package import Packets
import Persistence

/// What becomes of a CONNECT, before anybody is asked who the client is.
package enum ConnectDecision: Hashable, Sendable {
    /// Answer with this reason, then close.
    case refuse(ReasonCode)
    /// Go on: authenticate, then find or make the session.
    case accept(SessionParameters)

    /// Decides on a CONNECT that was decoded, while `clients` others are connected.
    ///
    /// `random` is asked only for a client identifier that the broker assigns.
    package init(
        _ connect: Connect, limits: Limits, clients: Int, using random: inout some RandomNumberGenerator
    ) {
        if let reason = Self.refusal(of: connect, limits: limits, clients: clients) {
            self = .refuse(reason)
        } else {
            self = .accept(SessionParameters(connect, limits: limits, using: &random))
        }
    }

    private static func refusal(of connect: Connect, limits: Limits, clients: Int) -> ReasonCode? {
        if connect.properties.authenticationMethod != nil { return .badAuthenticationMethod }
        if connect.clientID.isEmpty, !mayBeAssigned(connect) { return .clientIdentifierNotValid }
        if clients >= limits.clientsMax { return .quotaExceeded }
        return connect.will.flatMap { refusal(of: $0, connect.version, limits: limits) }
    }

    /// Without an identifier nobody could come back to a session: MQTT 3.1.1 allows that for a clean one only
    /// `[MQTT-3.1.3-8]`, MQTT 3.1 never; MQTT 5 tells the client which it got `[MQTT-3.2.2-16]`.
    private static func mayBeAssigned(_ connect: Connect) -> Bool {
        switch connect.version {
        case .v31: false
        case .v311: connect.cleanStart
        case .v5: true
        }
    }

    private static func refusal(of will: Will, _ version: ProtocolVersion, limits: Limits) -> ReasonCode? {
        if will.qos > limits.maximumQoS { return .qosNotSupported }
        if will.retain, !limits.retainAvailable { return .retainNotSupported }
        return will.topic.withBytes { topic in
            let isForbidden = topic.isSystemTopic && !will.goesUnsaid(version)
            return isForbidden || topic.levelCount > limits.topicLevelsMax ? .topicNameInvalid : nil
        }
    }
}

extension SessionParameters {
    fileprivate init(_ connect: Connect, limits: Limits, using random: inout some RandomNumberGenerator) {
        version = connect.version
        isAssigned = connect.clientID.isEmpty
        clientID = isAssigned ? .assignedClientID(using: &random) : connect.clientID
        username = connect.username
        cleanStart = connect.cleanStart
        let expiry = Self.requestedExpirySeconds(connect)
        expirySeconds = min(expiry, limits.sessionExpirySecondsMax)
        isExpiryCapped = expiry > limits.sessionExpirySecondsMax
        keepAliveSeconds = connect.keepAlive
        isKeepAliveAssigned = false
        receiveMaximum = min(connect.properties.receiveMaximum ?? .max, limits.inflightMax)
        packetBytesMax = min(
            connect.properties.maximumPacketSize.map(Int.init) ?? .max, Limits.protocolPacketBytesMax)
        topicAliasMaximum = min(connect.properties.topicAliasMaximum ?? 0, limits.topicAliasMaximum)
        requestsProblemInformation = connect.properties.requestProblemInformation ?? true
        will = connect.will.flatMap { $0.goesUnsaid(version) ? nil : WillRecord($0) }
        shortenKeepAlive(to: limits.serverKeepAliveSeconds)
    }

    /// Before MQTT 5 a session is kept for ever or not at all.
    private static func requestedExpirySeconds(_ connect: Connect) -> UInt32 {
        if connect.version == .v5 { return connect.properties.sessionExpiry ?? 0 }
        return connect.cleanStart ? 0 : .max
    }

    /// Only MQTT 5 can tell the client, and who cannot be told is held to its own word.
    private mutating func shortenKeepAlive(to longest: UInt16?) {
        guard version == .v5, let longest, keepAliveSeconds == 0 || keepAliveSeconds > longest else { return }
        keepAliveSeconds = longest
        isKeepAliveAssigned = true
    }
}

extension Will {
    /// Before MQTT 5 a client cannot be told that it may not publish to `$SYS`: such a message is acknowledged and
    /// goes nowhere, and so does such a will, which every bridge of mosquitto has.
    fileprivate func goesUnsaid(_ version: ProtocolVersion) -> Bool {
        version != .v5 && topic.withBytes { $0.isSystemTopic }
    }
}

extension WillRecord {
    fileprivate init(_ will: Will) {
        self.init(
            topic: will.topic, payload: will.payload, qos: will.qos, retain: will.retain,
            properties: will.properties.forwarded(), delaySeconds: will.properties.willDelay ?? 0,
            expirySeconds: will.properties.messageExpiry)
    }
}

extension Text {
    /// A client identifier that nobody can guess: 125 random bits in letters and digits.
    fileprivate static func assignedClientID(using random: inout some RandomNumberGenerator) -> Text {
        let digits = Array("abcdefghijkmnpqrstuvwxyz23456789".utf8)
        var bytes = Array("roost-".utf8)
        for _ in 0..<25 { bytes.append(digits[Int.random(in: 0..<digits.count, using: &random)]) }
        return Text(bytes: bytes)
    }
}

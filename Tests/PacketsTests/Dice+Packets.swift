// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import Packets

/// Random packets, valid ones.
extension Dice {
    /// A packet that `version` can carry without loss.
    mutating func packet(_ version: ProtocolVersion) -> (packet: Packet, fromServer: Bool) {
        switch number(1...15) {
        case 1: (.connect(connect(version)), false)
        case 2: (.connack(connack(version)), true)
        case 3: (.publish(publish(version)), true)
        case 4: (.puback(acknowledgement(.puback, version)), once(in: 2))
        case 5: (.pubrec(acknowledgement(.pubrec, version)), once(in: 2))
        case 6: (.pubrel(acknowledgement(.pubrel, version)), once(in: 2))
        case 7: (.pubcomp(acknowledgement(.pubcomp, version)), once(in: 2))
        case 8: (.subscribe(subscribe(version)), false)
        case 9: (.suback(suback(version)), true)
        case 10: (.unsubscribe(unsubscribe(version)), false)
        case 11: (.unsuback(unsuback(version)), true)
        case 12: (.pingreq, false)
        case 13: (.pingresp, true)
        case 14: disconnect(version)
        default: version == .v5 ? auth() : (.pingreq, false)
        }
    }

    private mutating func properties(
        _ version: ProtocolVersion, _ fill: (inout Properties, inout Dice) -> Void
    ) -> Properties {
        var properties = Properties()
        guard version == .v5 else { return properties }
        properties.user = user()
        fill(&properties, &self)
        return properties
    }

    mutating func message(_ properties: inout Properties) {
        properties.payloadFormat = maybe { UInt8($0.number(0...1)) }
        properties.messageExpiry = maybe { $0.uint32() }
        properties.contentType = maybe { $0.text() }
        properties.responseTopic = maybe { $0.text(1...9) }
        properties.correlationData = maybe { $0.bytes(upTo: 9) }
    }

    private mutating func authentication(_ properties: inout Properties) {
        properties.authenticationMethod = text()
        properties.authenticationData = maybe { $0.bytes(upTo: 9) }
    }

    private mutating func will(_ version: ProtocolVersion) -> Will {
        let properties = properties(version) {
            $1.message(&$0)
            $0.willDelay = $1.maybe { $0.uint32() }
        }
        return Will(
            topic: text(1...9), payload: bytes(upTo: 9), qos: qos(), retain: once(in: 2),
            properties: properties)
    }

    private mutating func connect(_ version: ProtocolVersion) -> Connect {
        var connect = Connect(
            version: version, clientID: text(), cleanStart: once(in: 2), keepAlive: uint16(),
            username: maybe { $0.text() }, will: maybe { $0.will(version) })
        if connect.username != nil || version == .v5 { connect.password = maybe { $0.bytes(upTo: 9) } }
        connect.properties = properties(version) {
            $0.sessionExpiry = $1.maybe { $0.uint32() }
            $0.receiveMaximum = $1.maybe { $0.packetID() }
            $0.maximumPacketSize = $1.maybe { $0.uint32() | 1 }
            $0.topicAliasMaximum = $1.maybe { $0.uint16() }
            $0.requestProblemInformation = $1.maybe { $0.once(in: 2) }
            $0.requestResponseInformation = $1.maybe { $0.once(in: 2) }
            if $1.once(in: 2) { $1.authentication(&$0) }
        }
        return connect
    }

    private mutating func connack(_ version: ProtocolVersion) -> Connack {
        guard version == .v5 else {
            return Connack(reason: ReasonCode(connackReturnCode: UInt8(number(0...5))) ?? .success)
        }
        var connack = Connack(reason: once(in: 2) ? .success : reason(.connack))
        connack.sessionPresent = connack.reason == .success && once(in: 2)
        connack.properties = properties(version) {
            $0.sessionExpiry = $1.maybe { $0.uint32() }
            $0.receiveMaximum = $1.maybe { $0.packetID() }
            $0.maximumQoS = $1.maybe { $0.once(in: 2) ? .atMostOnce : .atLeastOnce }
            $0.retainAvailable = $1.maybe { $0.once(in: 2) }
            $0.maximumPacketSize = $1.maybe { $0.uint32() | 1 }
            $0.assignedClientID = $1.maybe { $0.text() }
            $0.topicAliasMaximum = $1.maybe { $0.uint16() }
            $0.reasonString = $1.maybe { $0.text() }
            $0.wildcardSubscriptionAvailable = $1.maybe { $0.once(in: 2) }
            $0.subscriptionIdentifiersAvailable = $1.maybe { $0.once(in: 2) }
            $0.sharedSubscriptionAvailable = $1.maybe { $0.once(in: 2) }
            $0.serverKeepAlive = $1.maybe { $0.uint16() }
            $0.responseInformation = $1.maybe { $0.text() }
            $0.serverReference = $1.maybe { $0.text() }
            if $1.once(in: 2) { $1.authentication(&$0) }
        }
        return connack
    }

    mutating func publish(_ version: ProtocolVersion) -> Publish {
        let qos = qos()
        var publish = Publish(
            dup: qos != .atMostOnce && once(in: 2), qos: qos, retain: once(in: 2), topic: text(1...12),
            packetID: qos == .atMostOnce ? 0 : packetID(), payload: bytes(upTo: 200))
        publish.properties = properties(version) {
            $1.message(&$0)
            $0.topicAlias = $1.maybe { $0.packetID() }
            for _ in 0..<$1.number(0...2) {
                $0.subscriptionIdentifiers.append(UInt32($1.number(1...268_435_455)))
            }
        }
        if publish.properties.topicAlias != nil, once(in: 2) { publish.topic = "" }
        return publish
    }

    private mutating func answer(_ version: ProtocolVersion) -> Properties {
        properties(version) { $0.reasonString = $1.maybe { $0.text() } }
    }

    private mutating func acknowledgement(_ type: PacketType, _ version: ProtocolVersion) -> Acknowledgement {
        Acknowledgement(
            packetID: packetID(), reason: version == .v5 ? reason(type) : .success,
            properties: answer(version))
    }

    private mutating func subscribe(_ version: ProtocolVersion) -> Subscribe {
        var subscribe = Subscribe(packetID: packetID(), subscriptions: [])
        for _ in 0...number(0...4) {
            var options = SubscriptionOptions(qos: qos())
            if version == .v5 {
                options.retainAsPublished = once(in: 2)
                options.noLocal = once(in: 2)
                options.retainHandling = RetainHandling(rawValue: UInt8(number(0...2))) ?? .send
            }
            subscribe.subscriptions.append(Subscription(filter: text(), options: options))
        }
        subscribe.properties = properties(version) {
            if $1.once(in: 2) { $0.subscriptionIdentifiers = [UInt32($1.number(1...268_435_455))] }
        }
        return subscribe
    }

    private mutating func suback(_ version: ProtocolVersion) -> Suback {
        let reasons = (0...number(0...4)).map { _ in
            let reason = reason(.suback)
            return reason.isError && version != .v5 ? .unspecifiedError : reason
        }
        return Suback(packetID: packetID(), reasons: reasons, properties: answer(version))
    }

    private mutating func unsubscribe(_ version: ProtocolVersion) -> Unsubscribe {
        Unsubscribe(
            packetID: packetID(), filters: (0...number(0...4)).map { _ in text() },
            properties: properties(version) { _, _ in })
    }

    private mutating func unsuback(_ version: ProtocolVersion) -> Unsuback {
        let reasons = version == .v5 ? (0...number(0...4)).map { _ in reason(.unsuback) } : []
        return Unsuback(packetID: packetID(), reasons: reasons, properties: answer(version))
    }

    private mutating func disconnect(_ version: ProtocolVersion) -> (Packet, Bool) {
        let fromServer = once(in: 2)
        guard version == .v5 else { return (.disconnect(Disconnect()), fromServer) }
        var disconnect = Disconnect(reason: reason(.disconnect, isFromClient: !fromServer))
        disconnect.properties = properties(version) {
            $0.sessionExpiry = fromServer ? nil : $1.maybe { $0.uint32() }
            $0.serverReference = fromServer ? $1.maybe { $0.text() } : nil
            $0.reasonString = $1.maybe { $0.text() }
        }
        return (.disconnect(disconnect), fromServer)
    }

    private mutating func auth() -> (Packet, Bool) {
        let fromServer = once(in: 2)
        let properties = properties(.v5) {
            $1.authentication(&$0)
            $0.reasonString = $1.maybe { $0.text() }
        }
        return (
            .auth(Auth(reason: reason(.auth, isFromClient: !fromServer), properties: properties)), fromServer
        )
    }
}

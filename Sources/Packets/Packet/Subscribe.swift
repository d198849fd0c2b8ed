// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

/// One line of a SUBSCRIBE.
package struct Subscription: Hashable, Sendable {
    /// As the client wrote it: valid UTF-8, but perhaps no topic filter.
    package var filter: Text
    package var options: SubscriptionOptions

    package init(filter: Text, options: SubscriptionOptions = SubscriptionOptions(qos: .atMostOnce)) {
        self.filter = filter
        self.options = options
    }
}

/// A client's wish to receive messages.
package struct Subscribe: Hashable, Sendable {
    package var packetID: UInt16
    package var subscriptions: [Subscription]
    package var properties: Properties

    package init(packetID: UInt16, subscriptions: [Subscription], properties: Properties = Properties()) {
        self.packetID = packetID
        self.subscriptions = subscriptions
        self.properties = properties
    }
}

extension Subscribe {
    init(from reader: inout Reader) throws(DecodeError) {
        self.init(packetID: try reader.packetID(.clientPacketID), subscriptions: [])
        properties = try reader.properties(.subscribe)
        repeat {
            guard !reader.isAtEnd else { throw reader.error(.noSubscription) }
            let filter = try reader.text()
            let options = try SubscriptionOptions(from: &reader)
            guard !options.noLocal || !TopicFilter.isShared(filter) else {
                throw reader.error(.noLocalShared)
            }
            subscriptions.append(Subscription(filter: filter, options: options))
        } while !reader.isAtEnd
    }

    func write(to writer: inout Writer) {
        writer.append(packetID)
        properties.write(to: &writer)
        for subscription in subscriptions {
            writer.append(subscription.filter)
            writer.append(subscription.options.byte(writer.version))
        }
    }
}

extension SubscriptionOptions {
    /// Before MQTT 5 only the QoS may be set.
    init(from reader: inout Reader) throws(DecodeError) {
        let byte = try reader.byte()
        guard byte & (reader.version == .v5 ? 0xC0 : 0xFC) == 0 else { throw reader.error(.optionsReserved) }
        guard let qos = QoS(rawValue: byte & 0x03) else { throw reader.error(.optionsQoS) }
        guard let handling = RetainHandling(rawValue: byte >> 4 & 0x03) else {
            throw reader.error(.optionsRetain)
        }
        self.init(
            qos: qos, noLocal: byte & 0x04 != 0, retainAsPublished: byte & 0x08 != 0, retainHandling: handling
        )
    }

    func byte(_ version: ProtocolVersion) -> UInt8 {
        guard version == .v5 else { return qos.rawValue }
        return qos.rawValue | (noLocal ? 0x04 : 0) | (retainAsPublished ? 0x08 : 0)
            | retainHandling.rawValue << 4
    }
}

// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

package import Packets
package import Persistence

/// What a CONNECT that was accepted has settled, for either version of the protocol.
package struct SessionParameters: Hashable, Sendable {
    /// The protocol version of the connection.
    package var version: ProtocolVersion
    /// The client identifier, assigned if the client gave none.
    package var clientID: Text
    /// Whether the broker chose the client identifier `[MQTT-3.1.3-6]`.
    package var isAssigned: Bool
    /// The user name.
    package var username: Text?
    /// Whether an earlier session ends first `[MQTT-3.1.2-4]`.
    package var cleanStart: Bool
    /// Seconds between the end of the connection and the end of the session; `UInt32.max` means never.
    package var expirySeconds: UInt32
    /// Whether the client asked for a longer time.
    package var isExpiryCapped: Bool
    /// Seconds without a packet after which, half as long again, the connection is closed; zero means never
    /// `[MQTT-3.1.2-22]`.
    package var keepAliveSeconds: UInt16
    /// Whether the broker shortened the client's keep-alive `[MQTT-3.1.2-21]`.
    package var isKeepAliveAssigned: Bool
    /// How many deliveries may be in flight to the client `[MQTT-3.3.4-9]`.
    package var receiveMaximum: UInt16
    /// The largest packet the client takes `[MQTT-3.1.2-24]`.
    package var packetBytesMax: Int
    /// How many topic aliases the broker may set `[MQTT-3.1.2-26]`.
    package var topicAliasMaximum: UInt16
    /// Whether packets other than PUBLISH, CONNACK and DISCONNECT may carry a reason string or user
    /// properties `[MQTT-3.1.2-29]`.
    package var requestsProblemInformation: Bool
    /// The will.
    package var will: WillRecord?

    /// Whether the session outlives its connection.
    package var isPersistent: Bool { expirySeconds > 0 }

    /// The properties of the CONNACK that accepts the client: only what differs from what MQTT assumes
    /// without them. None before MQTT 5.
    package func connackProperties(_ limits: Limits) -> Properties {
        guard version == .v5 else { return Properties() }
        return Properties { properties in
            if isExpiryCapped { properties.sessionExpiry = expirySeconds }
            if isAssigned { properties.assignedClientID = clientID }
            if isKeepAliveAssigned { properties.serverKeepAlive = keepAliveSeconds }
            if limits.receiveMaximum < .max { properties.receiveMaximum = limits.receiveMaximum }
            if limits.maximumQoS < .exactlyOnce { properties.maximumQoS = limits.maximumQoS }
            if limits.packetBytesMax < Limits.protocolPacketBytesMax {
                properties.maximumPacketSize = UInt32(clamping: limits.packetBytesMax)
            }
            if limits.topicAliasMaximum > 0 { properties.topicAliasMaximum = limits.topicAliasMaximum }
            if !limits.retainAvailable { properties.retainAvailable = false }
            if !limits.wildcardSubscriptionsAvailable { properties.wildcardSubscriptionAvailable = false }
            if !limits.subscriptionIdentifiersAvailable {
                properties.subscriptionIdentifiersAvailable = false
            }
            if !limits.sharedSubscriptionsAvailable { properties.sharedSubscriptionAvailable = false }
        }
    }
}

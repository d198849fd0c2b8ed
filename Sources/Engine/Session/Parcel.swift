// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

package import Packets
package import Persistence

/// A message for one session that waits in memory: for the receive window, or for its packet identifier to be
/// durable. The bytes of topic, properties and payload follow each other.
package struct Parcel: Sendable, Hashable {
    package var bytes: [UInt8]
    package var topicCount: Int
    package var propertyCount: Int
    package var number: MessageNumber
    package var ordinal: UInt32
    package var expiresAt: Milliseconds
    package var qos: QoS
    package var retain: Bool
    /// How far the delivery had come when it was read from the store.
    package var state: DeliveryState = .queued
    /// The packet identifier it had; zero when it has none yet.
    package var packetID: UInt16 = 0
    package var identifiers: [UInt32]
    /// The share whose other members get it if its session ends; `nil` when there is none, or the store knows.
    package var share: Text?

    /// A copy of one post for one receiver.
    package init(_ post: Post, _ receiver: PostReceiver, from mail: borrowing Mail) {
        bytes = []
        bytes.reserveCapacity(post.topic.count + post.properties.count + post.payload.count)
        bytes.append(contentsOf: mail.arena[post.topic.range])
        bytes.append(contentsOf: mail.arena[post.properties.range])
        bytes.append(contentsOf: mail.arena[post.payload.range])
        topicCount = post.topic.count
        propertyCount = post.properties.count
        number = post.number
        ordinal = receiver.ordinal
        expiresAt = post.expiresAt
        qos = receiver.qos
        retain = receiver.retain
        let first = Int(receiver.firstIdentifier)
        identifiers = Array(mail.identifiers[first..<first + Int(receiver.identifierCount)])
        share = mail.share(of: receiver)
    }

    /// What the store gave back. What no delivery of ours has, a damaged store has made: it is sent as what it can be.
    package init(_ delivery: DeliveryRecord) {
        let message = delivery.message
        bytes = []
        bytes.reserveCapacity(message.topic.bytes.count + message.properties.count + message.payload.count)
        bytes.append(contentsOf: message.topic.bytes)
        bytes.append(contentsOf: message.properties)
        bytes.append(contentsOf: message.payload)
        topicCount = message.topic.bytes.count
        propertyCount = message.properties.count
        number = delivery.number
        ordinal = 0
        expiresAt = message.expiresAt
        qos = max(delivery.qos, .atLeastOnce)
        retain = delivery.retain
        let isInFlight = delivery.packetID != 0 && (delivery.state == .sent || qos == .exactlyOnce)
        state = isInFlight ? delivery.state : .queued
        packetID = delivery.packetID
        identifiers = delivery.identifiers.filter { $0 > 0 && $0 <= variableByteIntegerMax }
    }

    /// Whether the store holds it.
    package var isStored: Bool { number != 0 && ordinal != PostReceiver.unstored }
}

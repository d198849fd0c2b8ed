// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

/// A PUBLISH where it lies in the read buffer: flags, numbers, and offsets of the rest. Everything has been
/// checked; nothing has been copied.
package struct PublishView: Hashable, Sendable {
    /// Whether the sender may have sent it before.
    package var dup = false
    package var qos = QoS.atMostOnce
    package var retain = false
    /// Whether the payload format indicator says UTF-8; the payload itself has not been checked.
    package var payloadIsText = false
    /// Whether all properties may be forwarded as they are.
    package var forwardsAll = true
    /// Zero for QoS 0.
    package var packetID: UInt16 = 0
    /// Zero when there is none.
    package var topicAlias: UInt16 = 0
    /// Message expiry interval in seconds.
    package var messageExpiry: UInt32?
    /// Empty when only an alias is given.
    package var topic = ByteRange.empty
    /// All properties, without their length.
    package var properties = ByteRange.empty
    package var payload = ByteRange.empty

    /// Appends the properties that are forwarded unaltered (`[MQTT-3.3.2-4]` and its like) in their order: all
    /// but the topic alias, the message expiry interval and subscription identifiers. `bytes` is the buffer that
    /// the view was made from.
    package func appendForwardedProperties(from bytes: UnsafeRawBufferPointer, to target: inout [UInt8]) {
        guard !properties.isEmpty else { return }
        if forwardsAll {
            target.append(contentsOf: properties.slice(of: bytes))
        } else {
            appendSelectedProperties(from: bytes, to: &target)
        }
    }
}

extension Decoder {
    /// Reads a PUBLISH in place.
    package func publish(
        _ frame: Frame, in bytes: UnsafeRawBufferPointer
    ) throws(DecodeError) -> PublishView {
        var reader = reader(frame, in: bytes)
        return try PublishView(frame, from: &reader)
    }
}

extension PublishView {
    @inline(__always)
    init(_ frame: Frame, from reader: inout Reader) throws(DecodeError) {
        dup = frame.flags & 8 != 0
        qos = QoS(rawValue: frame.flags >> 1 & 3) ?? .atMostOnce
        retain = frame.flags & 1 != 0
        topic = try reader.lengthPrefixed()
        if !TextCheck.isPlainTopic(topic.slice(of: reader.bytes)) { try PublishView.check(topic, reader) }
        if qos != .atMostOnce {
            packetID = try reader.packetID(reader.isServer ? .clientPacketID : .serverPacketID)
        }
        if reader.version == .v5 {
            properties = try reader.propertyRange()
            if !properties.isEmpty { try readProperties(reader) }
        }
        guard !topic.isEmpty || topicAlias != 0 else { throw reader.error(.topicMissing) }
        payload = reader.rest()
    }

    /// A topic that is not plain ASCII.
    private static func check(_ topic: ByteRange, _ reader: Reader) throws(DecodeError) {
        try reader.check(topic)
        guard !TextCheck.hasWildcard(topic.slice(of: reader.bytes)) else {
            throw reader.error(.topicWildcard)
        }
    }

    private mutating func readProperties(_ reader: Reader) throws(DecodeError) {
        var walk = PropertyWalk(properties, of: reader, in: .publish)
        while let element = try walk.next() {
            if element.id == .payloadFormat { payloadIsText = element.number == 1 }
            if element.id == .messageExpiry { messageExpiry = element.number }
            if element.id == .topicAlias { topicAlias = UInt16(truncatingIfNeeded: element.number) }
            forwardsAll = forwardsAll && element.id.isForwarded
        }
    }

    private func appendSelectedProperties(from bytes: UnsafeRawBufferPointer, to target: inout [UInt8]) {
        let reader = Reader(bytes, from: 0, to: bytes.count, version: .v5, isServer: false)
        var walk = PropertyWalk(properties, of: reader, in: .publish)
        do {
            while let element = try walk.next() {
                if element.id.isForwarded { target.append(contentsOf: element.whole.slice(of: bytes)) }
            }
        } catch {
            preconditionFailure("the properties were valid when the view was made: \(error)")
        }
    }
}

extension PropertyID {
    /// Whether a broker forwards it unaltered with a message.
    var isForwarded: Bool { self != .messageExpiry && self != .topicAlias && self != .subscriptionIdentifier }
}

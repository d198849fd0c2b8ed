// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

package import NIOCore

/// What differs between the copies of a message: everything but topic, forwarded properties and payload.
package struct PublishHead: Hashable, Sendable {
    package var qos: QoS
    package var retain: Bool
    package var dup: Bool
    /// Left out for QoS 0.
    package var packetID: UInt16
    /// What is left of the message expiry interval.
    package var expirySeconds: UInt32?
    /// Zero when there is none.
    package var topicAlias: UInt16
    /// Whether the alias stands for the topic.
    package var omitsTopic: Bool

    package init(
        qos: QoS = .atMostOnce, retain: Bool = false, dup: Bool = false, packetID: UInt16 = 0,
        expirySeconds: UInt32? = nil, topicAlias: UInt16 = 0, omitsTopic: Bool = false
    ) {
        self.qos = qos
        self.retain = retain
        self.dup = dup
        self.packetID = packetID
        self.expirySeconds = expirySeconds
        self.topicAlias = topicAlias
        self.omitsTopic = omitsTopic
    }

    /// The first byte of the packet.
    var firstByte: UInt8 { 0x30 | (dup ? 8 : 0) | qos.rawValue << 1 | (retain ? 1 : 0) }
}

/// Writes PUBLISH from pieces that are there already: no packet is built, no byte is touched twice.
package enum PublishEncoder {
    /// How many bytes `append` would write, fixed header included: what the client's Maximum Packet Size is
    /// compared with `[MQTT-3.1.2-24]`.
    ///
    /// The pointer to the identifiers is read before the call returns, and not kept.
    package static func byteCount(
        _ head: PublishHead, topicBytes: Int, propertyBytes: Int, payloadBytes: Int,
        identifiers: UnsafeBufferPointer<UInt32>, version: ProtocolVersion
    ) -> Int {
        let layout = PublishLayout(
            head, topicBytes: topicBytes, propertyBytes: propertyBytes, payloadBytes: payloadBytes,
            identifiers: identifiers, version: version)
        return layout.packetBytes
    }

    /// Appends one PUBLISH. `properties` are encoded properties without their length, as they are stored; before
    /// MQTT 5 they are left out, and so is what the head says about expiry and alias.
    ///
    /// The packet must not be larger than MQTT allows (256 MiB), nor the topic than 65,535 bytes. The pointers
    /// are read before the call returns, and not kept.
    package static func append(
        _ head: PublishHead, topic: UnsafeRawBufferPointer, properties: UnsafeRawBufferPointer,
        payload: UnsafeRawBufferPointer, identifiers: UnsafeBufferPointer<UInt32>, version: ProtocolVersion,
        to buffer: inout ByteBuffer
    ) {
        let layout = PublishLayout(
            head, topicBytes: topic.count, propertyBytes: properties.count, payloadBytes: payload.count,
            identifiers: identifiers, version: version)
        buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: layout.packetBytes) { target in
            layout.write(
                head, topic: topic, properties: properties, payload: payload, identifiers: identifiers,
                to: target)
            return layout.packetBytes
        }
    }
}

/// The sizes of a PUBLISH, found before its first byte is written.
struct PublishLayout {
    let isV5: Bool
    let topicBytes: Int
    /// Behind the property length.
    let propertyBytes: Int
    /// Behind the remaining length.
    let remainingLength: Int
    /// All of it.
    let packetBytes: Int

    @inline(__always)
    init(
        _ head: PublishHead, topicBytes: Int, propertyBytes: Int, payloadBytes: Int,
        identifiers: UnsafeBufferPointer<UInt32>, version: ProtocolVersion
    ) {
        isV5 = version == .v5
        let sent = head.omitsTopic && isV5 ? 0 : topicBytes
        var properties = 0
        var remaining = 2 &+ sent &+ payloadBytes &+ (head.qos == .atMostOnce ? 0 : 2)
        if isV5 {
            properties =
                propertyBytes &+ (head.expirySeconds == nil ? 0 : 5) &+ (head.topicAlias == 0 ? 0 : 3)
            for identifier in identifiers {
                precondition(identifier <= variableByteIntegerMax, "a subscription identifier has four bytes")
                properties &+= 1 &+ variableByteCount(Int(identifier))
            }
            remaining &+= variableByteCount(properties) &+ properties
        }
        self.topicBytes = sent
        self.propertyBytes = properties
        remainingLength = remaining
        packetBytes = 1 &+ variableByteCount(remaining) &+ remaining
    }

    /// Offset of the packet identifier from the start of the packet.
    var packetIDOffset: Int { 1 &+ variableByteCount(remainingLength) &+ 2 &+ topicBytes }

    @inline(__always)
    func write(
        _ head: PublishHead, topic: UnsafeRawBufferPointer, properties: UnsafeRawBufferPointer,
        payload: UnsafeRawBufferPointer, identifiers: UnsafeBufferPointer<UInt32>,
        to target: UnsafeMutableRawBufferPointer
    ) {
        precondition(target.count >= packetBytes, "there is room for the whole packet")
        precondition(remainingLength <= variableByteIntegerMax, "the packet is one that MQTT can carry")
        var cursor = WriteCursor(target)
        cursor.put(head.firstByte)
        cursor.put(variableByteInteger: remainingLength)
        cursor.put(UInt16(truncatingIfNeeded: topicBytes))
        if topicBytes > 0 { cursor.put(topic) }
        if head.qos != .atMostOnce { cursor.put(head.packetID) }
        if isV5 {
            cursor.put(variableByteInteger: propertyBytes)
            if propertyBytes > 0 {
                cursor.put(head, identifiers)
                cursor.put(properties)
            }
        }
        cursor.put(payload)
    }
}

/// Writes into memory whose size was computed before.
///
/// The unchecked pointer is safe: whoever makes a cursor has checked that the target holds the whole packet, and every
/// write is counted in that size.
struct WriteCursor {
    private let base: UnsafeMutableRawBufferPointer
    private var offset = 0

    @inline(__always)
    init(_ base: UnsafeMutableRawBufferPointer) { self.base = base }

    @inline(__always)
    mutating func put(_ byte: UInt8) {
        base[offset] = byte
        offset &+= 1
    }

    @inline(__always)
    mutating func put(_ value: UInt16) {
        base.storeBytes(of: value.bigEndian, toByteOffset: offset, as: UInt16.self)
        offset &+= 2
    }

    @inline(__always)
    mutating func put(_ value: UInt32) {
        base.storeBytes(of: value.bigEndian, toByteOffset: offset, as: UInt32.self)
        offset &+= 4
    }

    @inline(__always)
    mutating func put(variableByteInteger value: Int) {
        var rest = value
        while rest >= 0x80 {
            put(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        put(UInt8(truncatingIfNeeded: rest))
    }

    @inline(__always)
    mutating func put(_ bytes: UnsafeRawBufferPointer) {
        guard let source = bytes.baseAddress, let target = base.baseAddress else { return }
        (target + offset).copyMemory(from: source, byteCount: bytes.count)
        offset &+= bytes.count
    }

    @inline(__always)
    mutating func put(_ head: PublishHead, _ identifiers: UnsafeBufferPointer<UInt32>) {
        if let seconds = head.expirySeconds {
            put(PropertyID.messageExpiry.rawValue)
            put(seconds)
        }
        if head.topicAlias != 0 {
            put(PropertyID.topicAlias.rawValue)
            put(head.topicAlias)
        }
        for identifier in identifiers {
            put(PropertyID.subscriptionIdentifier.rawValue)
            put(variableByteInteger: Int(identifier))
        }
    }
}

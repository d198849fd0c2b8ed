// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

package import NIOCore

/// One PUBLISH, encoded once and sent many times: a fan-out keeps one for each (version, QoS, flags), and copies
/// it for every receiver with that receiver's packet identifier.
///
/// A template is meant to be kept and encoded again for the next message: it keeps its memory.
package struct PublishTemplate: Sendable {
    /// The encoded packet.
    package private(set) var bytes: [UInt8] = []
    /// Where the packet identifier lies; zero for QoS 0.
    private var packetIDOffset = 0

    /// An empty template: `encode` makes it useful.
    package init() {}

    /// How many bytes every copy has.
    package var byteCount: Int { bytes.count }

    /// Replaces what the template holds. The arguments are those of `PublishEncoder.append`; the
    /// pointers are not kept.
    package mutating func encode(
        _ head: PublishHead, topic: UnsafeRawBufferPointer, properties: UnsafeRawBufferPointer,
        payload: UnsafeRawBufferPointer, identifiers: UnsafeBufferPointer<UInt32>, version: ProtocolVersion
    ) {
        let layout = PublishLayout(
            head, topicBytes: topic.count, propertyBytes: properties.count, payloadBytes: payload.count,
            identifiers: identifiers, version: version)
        resize(to: layout.packetBytes)
        bytes.withUnsafeMutableBytes {
            layout.write(
                head, topic: topic, properties: properties, payload: payload, identifiers: identifiers, to: $0
            )
        }
        packetIDOffset = head.qos == .atMostOnce ? 0 : layout.packetIDOffset
    }

    /// Appends a copy with `packetID`, which QoS 0 ignores.
    package func append(packetID: UInt16, to buffer: inout ByteBuffer) {
        let count = bytes.count
        buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: count) { target in
            bytes.withUnsafeBytes { target.copyMemory(from: $0) }
            if packetIDOffset != 0 {
                target.storeBytes(of: packetID.bigEndian, toByteOffset: packetIDOffset, as: UInt16.self)
            }
            return count
        }
    }

    /// Keeps the memory when it suffices.
    private mutating func resize(to count: Int) {
        if bytes.count > count {
            bytes.removeLast(bytes.count - count)
        } else {
            bytes.append(contentsOf: repeatElement(0, count: count - bytes.count))
        }
    }
}

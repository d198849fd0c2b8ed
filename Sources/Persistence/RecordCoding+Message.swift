// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

public import Packets

extension RecordCoding {
    /// Appends a message record made of its raw pieces: one copy of each, no array in between.
    ///
    /// The pieces must not lie in `output` itself.
    public static func appendMessage(
        topic: UnsafeRawBufferPointer,
        properties: UnsafeRawBufferPointer,
        payload: UnsafeRawBufferPointer,
        publisher: UnsafeRawBufferPointer,
        qos: QoS,
        publishedAt: Milliseconds,
        expiresAt: Milliseconds,
        to output: inout [UInt8]
    ) {
        let start = output.count
        let head = MessageHead(
            topic: textCount(topic.count), publisher: textCount(publisher.count),
            properties: stringCount(properties.count), qos: qos,
            publishedAt: publishedAt, expiresAt: expiresAt)
        head.append(to: &output)
        output.append(contentsOf: topic)
        output.append(contentsOf: publisher)
        output.append(contentsOf: properties)
        output.append(contentsOf: payload)
        seal(from: start, &output)
    }

    /// Appends a message record.
    public static func append(_ record: MessageRecord, to output: inout [UInt8]) {
        record.topic.bytes.withUnsafeBytes { topic in
            record.properties.withUnsafeBytes { properties in
                record.payload.withUnsafeBytes { payload in
                    record.publisher.bytes.withUnsafeBytes { publisher in
                        appendMessage(
                            topic: topic, properties: properties, payload: payload, publisher: publisher,
                            qos: record.qos, publishedAt: record.publishedAt, expiresAt: record.expiresAt,
                            to: &output)
                    }
                }
            }
        }
    }

    /// Reads a message record; throws `corrupt` for bytes that are none.
    public static func decodeMessage(_ bytes: UnsafeRawBufferPointer) throws(StoreError) -> MessageRecord {
        var reader = try reader(bytes, .message)
        let qos = try reader.value(QoS.self)
        let topicCount = try Int(reader.integer(UInt16.self))
        let publisherCount = try Int(reader.integer(UInt16.self))
        let propertiesCount = try Int(reader.integer(UInt32.self))
        let publishedAt = try reader.integer(Milliseconds.self)
        let expiresAt = try reader.integer(Milliseconds.self)
        let topic = try reader.text(topicCount)
        let publisher = try reader.text(publisherCount)
        let properties = try reader.array(propertiesCount)
        let payload = try reader.array(reader.remaining)
        return MessageRecord(
            topic: topic, payload: payload, properties: properties, publisher: publisher, qos: qos,
            publishedAt: publishedAt, expiresAt: expiresAt)
    }
}

/// The fields of a message record that have a fixed place; the payload is what is left after them and the
/// texts.
private struct MessageHead {
    static let bytes = 27

    let topic: UInt16
    let publisher: UInt16
    let properties: UInt32
    let qos: QoS
    let publishedAt: Milliseconds
    let expiresAt: Milliseconds

    /// One append for all fields: this is on the way of every stored message.
    func append(to output: inout [UInt8]) {
        var head: InlineArray<27, UInt8> = .init(repeating: 0)
        head[0] = RecordCoding.version
        head[1] = RecordCoding.Kind.message.rawValue
        head[2] = qos.rawValue
        var span = head.mutableSpan
        span.withUnsafeMutableBytes { field in
            field.storeBytes(of: topic.littleEndian, toByteOffset: 3, as: UInt16.self)
            field.storeBytes(of: publisher.littleEndian, toByteOffset: 5, as: UInt16.self)
            field.storeBytes(of: properties.littleEndian, toByteOffset: 7, as: UInt32.self)
            field.storeBytes(of: publishedAt.littleEndian, toByteOffset: 11, as: Milliseconds.self)
            field.storeBytes(of: expiresAt.littleEndian, toByteOffset: 19, as: Milliseconds.self)
            output.append(contentsOf: UnsafeRawBufferPointer(field))
        }
    }
}

// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

public import Packets

/// Records encoded straight into the arena.
extension ChangeBatch {
    /// Encodes a message from its raw pieces, which must not lie in this batch, and names the record.
    public mutating func appendMessage(
        topic: UnsafeRawBufferPointer,
        properties: UnsafeRawBufferPointer,
        payload: UnsafeRawBufferPointer,
        publisher: UnsafeRawBufferPointer,
        qos: QoS,
        publishedAt: Milliseconds,
        expiresAt: Milliseconds
    ) -> Slice {
        let start = arena.count
        RecordCoding.appendMessage(
            topic: topic, properties: properties, payload: payload, publisher: publisher, qos: qos,
            publishedAt: publishedAt, expiresAt: expiresAt, to: &arena)
        return Slice(start: start, count: arena.count - start)
    }

    /// Encodes what is particular to a delivery and names the record. `share` must not lie in this batch.
    @inlinable public mutating func appendDelivery(
        qos: QoS,
        retain: Bool,
        state: DeliveryState,
        packetID: UInt16,
        identifiers: some Collection<UInt32>,
        share: UnsafeRawBufferPointer
    ) -> Slice {
        let start = arena.count
        RecordCoding.appendDelivery(
            qos: qos, retain: retain, state: state, packetID: packetID, identifiers: identifiers,
            share: share, to: &arena)
        return Slice(start: start, count: arena.count - start)
    }

    /// Encodes a client record and names it.
    public mutating func append(_ record: ClientRecord) -> Slice {
        let start = arena.count
        RecordCoding.append(record, to: &arena)
        return Slice(start: start, count: arena.count - start)
    }

    /// Encodes a subscription record and names it.
    public mutating func append(_ record: SubscriptionRecord) -> Slice {
        let start = arena.count
        RecordCoding.append(record, to: &arena)
        return Slice(start: start, count: arena.count - start)
    }

    /// Encodes a message record and names it.
    public mutating func append(_ record: MessageRecord) -> Slice {
        let start = arena.count
        RecordCoding.append(record, to: &arena)
        return Slice(start: start, count: arena.count - start)
    }

    /// Encodes what is particular to a delivery and names it.
    public mutating func append(_ record: DeliveryRecord) -> Slice {
        let start = arena.count
        RecordCoding.append(record, to: &arena)
        return Slice(start: start, count: arena.count - start)
    }
}

// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import Packets
import Persistence

/// What is stored under a delivery's key: the length of its record, the record, and the message's record unless
/// that lies in the table of messages.
struct DeliveryValue {
    // Both name bytes of the map, which stay as they are while the transaction that found them is open and
    // writes nothing; a value is taken apart and forgotten within that.
    let record: UnsafeRawBufferPointer
    let body: UnsafeRawBufferPointer?

    /// Bytes of the length.
    static let headBytes = 4

    init(_ bytes: UnsafeRawBufferPointer) throws(StoreError) {
        let count =
            bytes.count >= Self.headBytes
            ? Int(UInt32(littleEndian: bytes.loadUnaligned(as: UInt32.self))) : .max
        guard count <= bytes.count - Self.headBytes else {
            throw StoreError(.corrupt, "A delivery of \(bytes.count) bytes is too short for what it says.")
        }
        let end = Self.headBytes + count
        record = UnsafeRawBufferPointer(rebasing: bytes[Self.headBytes..<end])
        body = end == bytes.count ? nil : UnsafeRawBufferPointer(rebasing: bytes[end...])
    }

    /// Fills `value`, which is as long as its parts.
    ///
    /// The pointer is to LMDB's room for the value, or to an array's that is being made; it is not kept.
    static func write(
        _ record: UnsafeRawBufferPointer, _ body: UnsafeRawBufferPointer?,
        to value: UnsafeMutableRawBufferPointer
    ) {
        value.storeBytes(of: UInt32(record.count).littleEndian, as: UInt32.self)
        UnsafeMutableRawBufferPointer(rebasing: value[headBytes...]).copyMemory(from: record)
        guard let body else { return }
        UnsafeMutableRawBufferPointer(rebasing: value[(headBytes + record.count)...]).copyMemory(from: body)
    }

    /// The whole value with another state and packet identifier.
    func changed(_ packetID: UInt16, _ state: DeliveryState) throws(StoreError) -> [UInt8] {
        var delivery = try decoded(0, 0, MessageRecord(topic: "", payload: []))
        delivery.packetID = packetID
        delivery.state = state
        var encoded: [UInt8] = []
        RecordCoding.append(delivery, to: &encoded)
        let count = Self.headBytes + encoded.count + (body?.count ?? 0)
        return [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
            encoded.withUnsafeBytes { Self.write($0, body, to: UnsafeMutableRawBufferPointer(buffer)) }
            initialized = count
        }
    }

    /// The record with its message; state and packet identifier are those of the record.
    func decoded(
        _ session: SessionNumber, _ number: MessageNumber, _ message: MessageRecord
    ) throws(StoreError) -> DeliveryRecord {
        try RecordCoding.decodeDelivery(record, session: session, number: number, message: message)
    }
}

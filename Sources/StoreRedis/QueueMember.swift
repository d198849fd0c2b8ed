// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import Persistence

/// A member of a queue: message number, kind, length of the delivery record, the record, and the body unless
/// it is kept apart.
struct QueueMember {
    let number: MessageNumber
    let record: UnsafeRawBufferPointer
    /// `nil` when the body is kept apart.
    let body: UnsafeRawBufferPointer?

    /// Number, kind, and length of the record.
    static let headBytes = 13

    init(_ bytes: UnsafeRawBufferPointer) throws(StoreError) {
        guard bytes.count >= Self.headBytes, bytes[8] <= 1 else {
            throw StoreError(.corrupt, "A member of a queue has no head.")
        }
        number = UInt64(bigEndian: bytes.loadUnaligned(as: UInt64.self))
        let length = Int(UInt32(bigEndian: bytes.loadUnaligned(fromByteOffset: 9, as: UInt32.self)))
        guard length <= bytes.count - Self.headBytes else {
            throw StoreError(.corrupt, "A member of a queue is too short.")
        }
        let end = Self.headBytes + length
        record = UnsafeRawBufferPointer(rebasing: bytes[Self.headBytes..<end])
        body = bytes[8] == 1 ? UnsafeRawBufferPointer(rebasing: bytes[end...]) : nil
    }

    /// The delivery; `state` is empty, or packet identifier and state as they are now.
    func delivery(
        of session: SessionNumber, body apart: UnsafeRawBufferPointer, state: UnsafeRawBufferPointer
    ) throws(StoreError) -> DeliveryRecord {
        let message = try RecordCoding.decodeMessage(body ?? apart)
        var delivery = try RecordCoding.decodeDelivery(
            record, session: session, number: number, message: message)
        if state.isEmpty { return delivery }
        guard state.count == 3, let value = DeliveryState(rawValue: state[2]) else {
            throw StoreError(.corrupt, "Its state is unknown.")
        }
        delivery.packetID = UInt16(state[0]) << 8 | UInt16(state[1])
        delivery.state = value
        return delivery
    }
}

// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

public import Packets

extension RecordCoding {
    /// Appends a delivery record made of its raw pieces, no array in between.
    ///
    /// The pieces must not lie in `output` itself.
    @inlinable public static func appendDelivery(
        qos: QoS,
        retain: Bool,
        state: DeliveryState,
        packetID: UInt16,
        identifiers: some Collection<UInt32>,
        share: UnsafeRawBufferPointer,
        to output: inout [UInt8]
    ) {
        let start = output.count
        beginDelivery(qos: qos, retain: retain, state: state, packetID: packetID, share: share, to: &output)
        for identifier in identifiers { appendIdentifier(identifier, to: &output) }
        endDelivery(from: start, to: &output)
    }

    /// Appends what is particular to a delivery; session, number and message are not part of its record.
    public static func append(_ record: DeliveryRecord, to output: inout [UInt8]) {
        record.share.bytes.withUnsafeBytes { share in
            appendDelivery(
                qos: record.qos, retain: record.retain, state: record.state, packetID: record.packetID,
                identifiers: record.identifiers, share: share, to: &output)
        }
    }

    /// Reads a delivery record and completes it by what is kept beside it; throws `corrupt` for bytes that
    /// are none.
    public static func decodeDelivery(
        _ bytes: UnsafeRawBufferPointer,
        session: SessionNumber,
        number: MessageNumber,
        message: MessageRecord
    ) throws(StoreError) -> DeliveryRecord {
        var reader = try reader(bytes, .delivery)
        let flags = try reader.integer(UInt8.self)
        let qos = try reader.known(QoS(rawValue: flags & 3))
        let state = try reader.known(DeliveryState(rawValue: flags >> 3))
        let packetID = try reader.integer(UInt16.self)
        let share = try reader.text()
        var identifiers: [UInt32] = []
        while reader.remaining > 0 { identifiers.append(try reader.integer()) }
        return DeliveryRecord(
            session: session, number: number, qos: qos, retain: flags & 4 != 0, state: state,
            packetID: packetID, identifiers: identifiers, share: share, message: message)
    }

    /// State and packet identifier with which a delivery began.
    public struct DeliveryStart: Hashable, Sendable {
        /// How far the delivery had come when it was stored.
        public var state: DeliveryState
        /// The packet identifier it had then; zero while queued.
        public var packetID: UInt16
    }

    /// State and packet identifier with which a delivery began; reads no more than that of the record, and
    /// does not check its checksum.
    public static func deliveryStart(_ bytes: UnsafeRawBufferPointer) throws(StoreError) -> DeliveryStart {
        guard bytes.count >= 5 else {
            throw StoreError(.corrupt, "A delivery record of \(bytes.count) bytes is too short to be one.")
        }
        guard bytes[1] == Kind.delivery.rawValue, let state = DeliveryState(rawValue: bytes[2] >> 3) else {
            throw StoreError(.corrupt, "Bytes that should be a delivery record are something else.")
        }
        let packetID = UInt16(littleEndian: bytes.loadUnaligned(fromByteOffset: 3, as: UInt16.self))
        return DeliveryStart(state: state, packetID: packetID)
    }

    @usableFromInline static func beginDelivery(
        qos: QoS, retain: Bool, state: DeliveryState, packetID: UInt16, share: UnsafeRawBufferPointer,
        to output: inout [UInt8]
    ) {
        output.append(version)
        output.append(Kind.delivery.rawValue)
        output.append(qos.rawValue | (retain ? 4 : 0) | state.rawValue << 3)
        output.append(integer: packetID)
        output.append(integer: textCount(share.count))
        output.append(contentsOf: share)
    }

    @usableFromInline static func appendIdentifier(_ identifier: UInt32, to output: inout [UInt8]) {
        output.append(integer: identifier)
    }

    @usableFromInline static func endDelivery(from start: Int, to output: inout [UInt8]) {
        seal(from: start, &output)
    }
}

// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import Packets

/// The one binary form of records, the same in every store.
///
/// A record is a version byte, a kind byte, its fields (integers little-endian, texts and byte strings behind
/// their length) and a 32-bit checksum of all that. Records are self-contained: client, subscription and
/// message records hold the texts they are found by, because an engine may keep only a digest of a long text
/// as its key. A delivery record holds what is particular to one delivery; session, message number and the
/// message itself are beside it in the store.
///
/// The one strange case: state and packet identifier of a delivery change while it waits, and a store may
/// keep them in fields of its own; what the record says about them is how the delivery began.
public enum RecordCoding {
    /// The version that is written; older ones can be read, newer ones cannot.
    public static let version: UInt8 = 1

    /// What kind of record bytes are, so that none is taken for another.
    enum Kind: UInt8 {
        case client = 1
        case subscription = 2
        case message = 3
        case delivery = 4
        case sysInfo = 5

        var name: String {
            switch self {
            case .client: "client"
            case .subscription: "subscription"
            case .message: "message"
            case .delivery: "delivery"
            case .sysInfo: "system information"
            }
        }
    }

    /// Bytes of version and kind before the fields.
    static let headBytes = 2
    /// Bytes of the checksum after them.
    static let tailBytes = 4

    /// Closes the record that began at `start` with its checksum.
    @inline(__always) static func seal(from start: Int, _ output: inout [UInt8]) {
        let sum = output.withUnsafeBytes { Checksum.of(UnsafeRawBufferPointer(rebasing: $0[start...])) }
        output.append(integer: sum)
    }

    /// Checks frame and checksum, and gives a reader of the fields.
    static func reader(
        _ bytes: UnsafeRawBufferPointer, _ kind: Kind
    ) throws(StoreError) -> RecordReader {
        guard bytes.count >= headBytes + tailBytes else {
            throw StoreError(
                .corrupt, "A \(kind.name) record of \(bytes.count) bytes is too short to be one.")
        }
        let end = bytes.count - tailBytes
        let fields = UnsafeRawBufferPointer(rebasing: bytes[..<end])
        let stored = UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: end, as: UInt32.self))
        guard Checksum.of(fields) == stored else {
            throw StoreError(.corrupt, "The checksum of a \(kind.name) record does not match its bytes.")
        }
        guard fields[0] <= version else {
            throw StoreError(
                .newerFormat, "A \(kind.name) record has version \(fields[0]), newer than \(version).")
        }
        guard fields[0] == version, fields[1] == kind.rawValue else {
            throw StoreError(.corrupt, "Bytes that should be a \(kind.name) record are something else.")
        }
        return RecordReader(fields, from: headBytes, name: kind.name)
    }
}

extension [UInt8] {
    /// Appends an integer, the low byte first.
    @inline(__always) mutating func append(integer: some FixedWidthInteger) {
        Swift.withUnsafeBytes(of: integer.littleEndian) { append(contentsOf: $0) }
    }

    /// Appends a text behind its length in two bytes. MQTT has none longer than 65,535 bytes.
    mutating func append(text: Text) {
        append(integer: RecordCoding.textCount(text.bytes.count))
        append(contentsOf: text.bytes)
    }

    /// Appends bytes behind their length in four bytes.
    mutating func append(string: [UInt8]) {
        append(integer: RecordCoding.stringCount(string.count))
        append(contentsOf: string)
    }
}

extension RecordCoding {
    @inline(__always) static func textCount(_ count: Int) -> UInt16 {
        precondition(count <= UInt16.max, "a text in a record has at most 65,535 bytes")
        return UInt16(truncatingIfNeeded: count)
    }

    @inline(__always) static func stringCount(_ count: Int) -> UInt32 {
        precondition(count <= UInt32.max, "a byte string in a record has at most 4 GiB")
        return UInt32(truncatingIfNeeded: count)
    }
}

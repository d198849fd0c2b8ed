// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

/// Collects the body of a packet.
///
/// A string or binary value of more than 65,535 bytes cannot be written, and a text that is no string of MQTT must
/// not be (`[MQTT-1.5.4-1]`, `[MQTT-1.5.4-2]`): the writer remembers that, and the packet is not encoded.
struct Writer {
    let version: ProtocolVersion
    private(set) var bytes: [UInt8] = []
    /// Whether everything so far could be written.
    private(set) var isSound = true

    init(version: ProtocolVersion) {
        self.version = version
    }

    mutating func append(_ byte: UInt8) { bytes.append(byte) }

    mutating func append(_ value: UInt16) {
        bytes.append(UInt8(truncatingIfNeeded: value >> 8))
        bytes.append(UInt8(truncatingIfNeeded: value))
    }

    mutating func append(_ value: UInt32) {
        append(UInt16(truncatingIfNeeded: value >> 16))
        append(UInt16(truncatingIfNeeded: value))
    }

    mutating func append(variableByteInteger value: Int) {
        isSound = isSound && value <= variableByteIntegerMax
        var rest = value
        while rest >= 0x80 {
            bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        bytes.append(UInt8(truncatingIfNeeded: rest))
    }

    mutating func append(raw more: [UInt8]) { bytes.append(contentsOf: more) }

    mutating func append(lengthPrefixed more: [UInt8]) {
        isSound = isSound && more.count <= 65_535
        append(UInt16(truncatingIfNeeded: more.count))
        append(raw: more)
    }

    mutating func append(_ text: Text) {
        isSound = isSound && text.bytes.withUnsafeBytes(TextCheck.fault) == nil
        append(lengthPrefixed: text.bytes)
    }

    mutating func append(_ other: Writer) {
        isSound = isSound && other.isSound
        append(raw: other.bytes)
    }
}

/// Properties.
extension Writer {
    mutating func append(_ id: PropertyID, _ value: UInt32?) {
        guard let value else { return }
        append(id.rawValue)
        switch id.form {
        case .flag: append(UInt8(truncatingIfNeeded: value))
        case .uint16: append(UInt16(truncatingIfNeeded: value))
        case .uint32: append(value)
        case .variableByteInteger: append(variableByteInteger: Int(value))
        case .string, .binary, .stringPair: preconditionFailure("\(id) is no number")
        }
    }

    mutating func append(_ id: PropertyID, _ flag: Bool?) {
        append(id, flag.map { $0 ? 1 : 0 } as UInt32?)
    }

    mutating func append(_ id: PropertyID, _ text: Text?) {
        guard let text else { return }
        append(id.rawValue)
        append(text)
    }

    mutating func append(_ id: PropertyID, _ value: [UInt8]?) {
        guard let value else { return }
        append(id.rawValue)
        append(lengthPrefixed: value)
    }
}

// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

/// Finds and reads packets in the bytes that a connection received.
///
/// `scan` looks for the next whole packet and checks its fixed header: the type, the flags, the size. Nothing is
/// allocated before that, so an announced length of 256 MiB costs its sender a connection and us nothing. The
/// caller then asks for the packet in the form it needs: `publish` and `acknowledgement` give trivial values with
/// offsets into the same bytes, `packet` a value that owns what it holds.
///
/// The decoder itself is two words of state; bytes that are incomplete stay in the caller's buffer, and the next
/// scan starts again at their first one.
///
/// The strange case is the version: nobody knows it before the CONNECT, and a CONNECT of an unknown version
/// leaves it unknown.
package struct Decoder: Sendable {
    /// The largest packet that is read, fixed header included.
    package var packetBytesMax: Int
    /// The version of the connection; nil until a CONNECT was decoded.
    package var version: ProtocolVersion?
    /// Whether the bytes come from a client.
    package var isServer: Bool

    /// A decoder for a broker; for a client, `isServer` is false and `version` what it connected with.
    package init(packetBytesMax: Int, isServer: Bool = true, version: ProtocolVersion? = nil) {
        self.packetBytesMax = packetBytesMax
        self.isServer = isServer
        self.version = version
    }

    /// The whole packet that begins at `offset`; nil when some of its bytes are still missing.
    package func scan(_ bytes: UnsafeRawBufferPointer, from offset: Int) throws(DecodeError) -> Frame? {
        guard offset < bytes.count else { return nil }
        let first = bytes[offset]
        let type = try type(of: first)
        var position = offset &+ 1
        guard let length = try remainingLength(bytes, at: &position) else { return nil }
        let end = position &+ length
        guard end &- offset <= packetBytesMax else {
            throw error(isServer ? .packetTooLarge : .packetTooLargeForClient)
        }
        guard end <= bytes.count else { return nil }
        return Frame(type: type, flags: first & 0x0F, start: offset, body: position, end: end)
    }

    /// A packet of any type, as a value. A CONNECT fixes the version.
    package mutating func packet(
        _ frame: Frame, in bytes: UnsafeRawBufferPointer
    ) throws(DecodeError) -> Packet {
        var reader = reader(frame, in: bytes)
        let packet = try packet(frame, from: &reader, in: bytes)
        try reader.finish()
        if frame.type == .connect {
            // The reader knows it by now; to ask the packet would copy it.
            try requireMinimalLength(of: frame, version: reader.version)
            version = reader.version
        }
        return packet
    }

    func reader(_ frame: Frame, in bytes: UnsafeRawBufferPointer) -> Reader {
        Reader(bytes, from: frame.body, to: frame.end, version: version ?? .v5, isServer: isServer)
    }

    func error(_ rule: Rule) -> DecodeError { rule.error(version ?? .v5) }
}

/// The fixed header.
extension Decoder {
    /// The type in the first byte of a packet, with its flags checked.
    private func type(of first: UInt8) throws(DecodeError) -> PacketType {
        guard let type = PacketType(rawValue: first >> 4) else { throw error(.reservedType) }
        if type == .publish, version != nil {
            guard first & 0x06 != 0x06 else { throw error(.qos3) }
            guard first & 0x0E != 0x08 else { throw error(.duplicateQoS0) }
            return type
        }
        try requireInPlace(type)
        guard first & 0x0F == type.fixedFlags || isDuplicate(first, type) else { throw error(type.flagsRule) }
        return type
    }

    /// The first packet, and only the first one, is a CONNECT `[MQTT-3.1.0-1]`, `[MQTT-3.1.0-2]`.
    private func requireInPlace(_ type: PacketType) throws(DecodeError) {
        if let version {
            guard type != .auth || version == .v5 else { throw error(.reservedType) }
            guard type != .connect || !isServer else { throw error(.secondConnect) }
        } else {
            guard type == .connect else { throw error(.firstPacket) }
        }
    }

    /// MQTT 3.1 marks repeated PUBREL, SUBSCRIBE and UNSUBSCRIBE packets with DUP.
    private func isDuplicate(_ first: UInt8, _ type: PacketType) -> Bool {
        version == .v31 && type.fixedFlags == 0b0010 && first & 0x0F == 0b1010
    }

    /// The length behind the first byte; nil when it is not complete. A fourth byte that announces a fifth one
    /// is enough to refuse it.
    @inline(__always)
    private func remainingLength(
        _ bytes: UnsafeRawBufferPointer, at position: inout Int
    ) throws(DecodeError) -> Int? {
        var length = 0
        var shift = 0
        while shift < 28 {
            guard position < bytes.count else { return nil }
            let byte = bytes[position]
            position &+= 1
            length |= Int(byte & 0x7F) << shift
            if byte < 0x80 {
                guard byte != 0 || shift == 0 || version != .v5 else { throw error(.integerNotMinimal) }
                return length
            }
            shift &+= 7
        }
        throw error(.integerTooLong)
    }

    /// MQTT 5 forbids a longer length than needed `[MQTT-1.5.5-1]`; before the CONNECT is read, nobody knows
    /// that it is MQTT 5.
    private func requireMinimalLength(of frame: Frame, version: ProtocolVersion) throws(DecodeError) {
        let count = variableByteCount(frame.end - frame.body)
        guard version != .v5 || frame.body - frame.start == 1 + count else { throw error(.integerNotMinimal) }
    }
}

/// Packets by type.
extension Decoder {
    private func packet(
        _ frame: Frame, from reader: inout Reader, in bytes: UnsafeRawBufferPointer
    ) throws(DecodeError) -> Packet {
        switch frame.type {
        case .connect: .connect(try Connect(from: &reader))
        case .connack: .connack(try Connack(from: &reader))
        case .publish: .publish(try Publish(frame, from: &reader))
        case .puback: .puback(try Acknowledgement(.puback, from: &reader))
        case .pubrec: .pubrec(try Acknowledgement(.pubrec, from: &reader))
        case .pubrel: .pubrel(try Acknowledgement(.pubrel, from: &reader))
        case .pubcomp: .pubcomp(try Acknowledgement(.pubcomp, from: &reader))
        case .subscribe: .subscribe(try Subscribe(from: &reader))
        case .suback: .suback(try Suback(from: &reader))
        case .unsubscribe: .unsubscribe(try Unsubscribe(from: &reader))
        case .unsuback: .unsuback(try Unsuback(from: &reader))
        case .pingreq: .pingreq
        case .pingresp: .pingresp
        case .disconnect: .disconnect(try Disconnect(from: &reader))
        case .auth: .auth(try Auth(from: &reader))
        }
    }
}

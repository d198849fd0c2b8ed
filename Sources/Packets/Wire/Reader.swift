// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

/// A cursor over one packet in the caller's buffer. Every read is checked against the end of the packet; nothing
/// is copied or allocated until a value that owns its bytes is asked for.
struct Reader {
    let bytes: UnsafeRawBufferPointer
    private(set) var offset: Int
    let end: Int
    /// Decides which fields there are, and which specification an error cites.
    var version: ProtocolVersion
    /// Whether the packet comes from a client.
    let isServer: Bool

    init(
        _ bytes: UnsafeRawBufferPointer, from offset: Int, to end: Int, version: ProtocolVersion,
        isServer: Bool
    ) {
        self.bytes = bytes
        self.offset = offset
        self.end = end
        self.version = version
        self.isServer = isServer
    }

    var isAtEnd: Bool { offset == end }
    var remaining: Int { end &- offset }

    /// What to throw when the peer broke `rule`.
    func error(_ rule: Rule) -> DecodeError { rule.error(version) }

    mutating func byte() throws(DecodeError) -> UInt8 {
        guard offset < end else { throw error(.truncated) }
        defer { offset &+= 1 }
        return bytes[offset]
    }

    mutating func uint16() throws(DecodeError) -> UInt16 {
        guard remaining >= 2 else { throw error(.truncated) }
        defer { offset &+= 2 }
        return UInt16(bytes[offset]) << 8 | UInt16(bytes[offset &+ 1])
    }

    mutating func uint32() throws(DecodeError) -> UInt32 {
        UInt32(try uint16()) << 16 | UInt32(try uint16())
    }

    /// At most four bytes, and no more than needed `[MQTT-1.5.5-1]`.
    mutating func variableByteInteger() throws(DecodeError) -> UInt32 {
        var value: UInt32 = 0
        for shift: UInt32 in stride(from: 0, through: 21, by: 7) {
            let byte = try byte()
            value |= UInt32(byte & 0x7F) << shift
            if byte < 0x80 {
                guard byte != 0 || shift == 0 else { throw error(.integerNotMinimal) }
                return value
            }
        }
        throw error(.integerTooLong)
    }

    /// The next `count` bytes.
    mutating func range(_ count: Int) throws(DecodeError) -> ByteRange {
        guard remaining >= count else { throw error(.truncated) }
        defer { offset &+= count }
        return ByteRange(from: offset, to: offset &+ count)
    }

    /// Bytes behind their 16-bit length.
    mutating func lengthPrefixed() throws(DecodeError) -> ByteRange {
        try range(Int(try uint16()))
    }

    /// A string behind its length, checked.
    mutating func string() throws(DecodeError) -> ByteRange {
        let range = try lengthPrefixed()
        try check(range)
        return range
    }

    /// All that is left.
    mutating func rest() -> ByteRange {
        defer { offset = end }
        return ByteRange(from: offset, to: end)
    }

    /// Throws unless `range` holds a UTF-8 string.
    func check(_ range: ByteRange) throws(DecodeError) {
        switch TextCheck.fault(in: range.slice(of: bytes)) {
        case nil: return
        case .illFormed: throw error(.illFormedText)
        case .null: throw error(.nullInText)
        }
    }

    /// Throws unless everything was read.
    func finish() throws(DecodeError) {
        guard isAtEnd else { throw error(.trailing) }
    }
}

/// Values that own their bytes.
extension Reader {
    func copy(_ range: ByteRange) -> [UInt8] { Array(range.slice(of: bytes)) }

    func text(_ range: ByteRange) -> Text { Text(bytes: copy(range)) }

    mutating func text() throws(DecodeError) -> Text { text(try string()) }

    mutating func binary() throws(DecodeError) -> [UInt8] { copy(try lengthPrefixed()) }

    /// A packet identifier; zero violates `rule`.
    mutating func packetID(_ rule: Rule) throws(DecodeError) -> UInt16 {
        let packetID = try uint16()
        guard packetID != 0 else { throw error(rule) }
        return packetID
    }

    /// The properties of `place`; none before MQTT 5.
    mutating func properties(_ place: PropertyPlace) throws(DecodeError) -> Properties {
        guard version == .v5 else { return Properties() }
        var walk = PropertyWalk(try propertyRange(), of: self, in: place)
        return try Properties(from: &walk)
    }

    /// The properties behind their length, unread.
    mutating func propertyRange() throws(DecodeError) -> ByteRange {
        let count = Int(try variableByteInteger())
        guard count <= remaining else { throw error(.propertyLength) }
        return try range(count)
    }
}

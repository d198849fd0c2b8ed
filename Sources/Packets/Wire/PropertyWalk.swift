// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

/// One property as it lies in the buffer.
struct PropertyElement {
    var id: PropertyID
    /// The value of a number.
    var number: UInt32 = 0
    /// The value of a string or of binary data; the name of a pair.
    var first: ByteRange = .empty
    /// The value of a pair.
    var second: ByteRange = .empty
    /// The whole property, identifier included.
    var whole: ByteRange = .empty
}

/// Walks the properties of a packet in place and checks each one: that it exists, belongs there, is there once,
/// and has a value in its range.
struct PropertyWalk {
    private(set) var reader: Reader
    let place: PropertyPlace
    private var seen: UInt64 = 0

    /// Walks `range`, a piece of the packet that `reader` reads.
    init(_ range: ByteRange, of reader: Reader, in place: PropertyPlace) {
        self.reader = Reader(
            reader.bytes, from: Int(range.start), to: range.end, version: reader.version,
            isServer: reader.isServer)
        self.place = place
    }

    /// The next property; nil behind the last one.
    mutating func next() throws(DecodeError) -> PropertyElement? {
        guard !reader.isAtEnd else { return nil }
        let start = reader.offset
        let number = try reader.variableByteInteger()
        guard let id = UInt8(exactly: number).flatMap(PropertyID.init) else {
            throw reader.error(.propertyUnknown)
        }
        guard id.isAllowed(in: place) else { throw reader.error(.propertyMisplaced) }
        try markSeen(id)
        var element = PropertyElement(id: id)
        do throws(DecodeError) { try read(&element) } catch { throw inside(error) }
        try check(element)
        element.whole = ByteRange(from: start, to: reader.offset)
        return element
    }

    /// User properties may be repeated, and the identifiers of the matching subscriptions in a PUBLISH.
    private mutating func markSeen(_ id: PropertyID) throws(DecodeError) {
        if id == .user || (id == .subscriptionIdentifier && place == .publish) { return }
        let bit: UInt64 = 1 << UInt64(id.rawValue)
        guard seen & bit == 0 else { throw reader.error(.propertyRepeated(place)) }
        seen |= bit
    }

    private mutating func read(_ element: inout PropertyElement) throws(DecodeError) {
        switch element.id.form {
        case .flag: element.number = UInt32(try reader.byte())
        case .uint16: element.number = UInt32(try reader.uint16())
        case .uint32: element.number = try reader.uint32()
        case .variableByteInteger: element.number = try reader.variableByteInteger()
        case .string: element.first = try reader.string()
        case .binary: element.first = try reader.lengthPrefixed()
        case .stringPair:
            element.first = try reader.string()
            element.second = try reader.string()
        }
    }

    private func check(_ element: PropertyElement) throws(DecodeError) {
        if element.id == .responseTopic { return try checkResponseTopic(element.first) }
        if element.id == .subscriptionIdentifier, place == .publish, reader.isServer {
            throw reader.error(.identifierFromClient)
        }
        if element.id.form == .flag, element.number > 1 { throw reader.error(.propertyValue(place)) }
        guard element.number == 0, element.id.isPositive else { return }
        throw reader.error(element.id == .topicAlias ? .topicAliasZero : .propertyValue(place))
    }

    /// A response topic is a topic name `[MQTT-3.3.2-14]`.
    private func checkResponseTopic(_ range: ByteRange) throws(DecodeError) {
        guard !range.isEmpty else { throw reader.error(.responseTopicEmpty) }
        guard !TextCheck.hasWildcard(range.slice(of: reader.bytes)) else {
            throw reader.error(.responseTopic)
        }
    }

    /// What is cut off here is cut off by the length of the properties, not by that of the packet.
    private func inside(_ error: DecodeError) -> DecodeError {
        error == reader.error(.truncated) ? reader.error(.propertyTruncated) : error
    }
}

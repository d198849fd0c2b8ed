// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

/// Why bytes are no UTF-8 string of MQTT.
package enum TextFault: Hashable, Sendable {
    /// Not well-formed UTF-8, surrogates included `[MQTT-1.5.4-1]`.
    case illFormed
    /// U+0000 `[MQTT-1.5.4-2]`.
    case null
}

/// Checks UTF-8 as MQTT wants it: well formed, no surrogates, no U+0000. U+FEFF is a character like any other
/// `[MQTT-1.5.4-3]`. Plain ASCII is read in steps of eight bytes.
package enum TextCheck {
    private static let ones: UInt64 = 0x0101_0101_0101_0101
    private static let highs: UInt64 = 0x8080_8080_8080_8080
    private static let plus: UInt64 = 0x2B2B_2B2B_2B2B_2B2B
    private static let hash: UInt64 = 0x2323_2323_2323_2323

    /// The first fault in `bytes`; nil when they are a valid string.
    package static func fault(in bytes: UnsafeRawBufferPointer) -> TextFault? {
        var offset = 0
        while true {
            offset = skipASCII(bytes, from: offset)
            if offset == bytes.count { return nil }
            if bytes[offset] == 0 { return .null }
            let length = scalarLength(bytes, at: offset)
            if length == 0 { return .illFormed }
            offset += length
        }
    }

    /// Whether all bytes are ASCII other than U+0000, `+` and `#`: such a topic name needs no further look.
    package static func isPlainTopic(_ bytes: UnsafeRawBufferPointer) -> Bool {
        let count = bytes.count
        guard count >= 8 else {
            return bytes.allSatisfy { $0 &- 1 < 0x7F && $0 != 0x2B && $0 != 0x23 }
        }
        var offset = 0
        while offset &+ 8 <= count {
            if !isPlainTopic(bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self)) { return false }
            offset &+= 8
        }
        return isPlainTopic(bytes.loadUnaligned(fromByteOffset: count &- 8, as: UInt64.self))
    }

    /// Whether `+` or `#` occurs.
    package static func hasWildcard(_ bytes: UnsafeRawBufferPointer) -> Bool {
        bytes.contains { $0 == 0x2B || $0 == 0x23 }
    }

    @inline(__always)
    private static func isPlainTopic(_ word: UInt64) -> Bool {
        let plus = word ^ plus
        let hash = word ^ hash
        let wild = ((plus &- ones) & ~plus) | ((hash &- ones) & ~hash)
        return (word | (word &- ones) | wild) & highs == 0
    }

    /// The offset of the first byte that is zero or not ASCII.
    @inline(__always)
    private static func skipASCII(_ bytes: UnsafeRawBufferPointer, from start: Int) -> Int {
        var offset = start
        while offset &+ 8 <= bytes.count {
            let word = bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
            if (word | (word &- ones)) & highs != 0 { break }
            offset &+= 8
        }
        while offset < bytes.count, bytes[offset] &- 1 < 0x7F { offset &+= 1 }
        return offset
    }

    /// How many bytes the scalar of more than one byte at `offset` has; zero when it is ill formed.
    private static func scalarLength(_ bytes: UnsafeRawBufferPointer, at offset: Int) -> Int {
        let first = bytes[offset]
        let length: Int
        switch first {
        case 0xC2...0xDF: length = 2
        case 0xE0...0xEF: length = 3
        case 0xF0...0xF4: length = 4
        default: return 0
        }
        guard bytes.count - offset >= length, secondBytes(after: first).contains(bytes[offset + 1]) else {
            return 0
        }
        for index in offset + 2..<max(offset + 2, offset + length) where bytes[index] & 0xC0 != 0x80 {
            return 0
        }
        return length
    }

    /// The second byte keeps out overlong forms (E0, F0), surrogates (ED) and what is beyond U+10FFFF (F4).
    private static func secondBytes(after first: UInt8) -> ClosedRange<UInt8> {
        switch first {
        case 0xE0: 0xA0...0xBF
        case 0xED: 0x80...0x9F
        case 0xF0: 0x90...0xBF
        case 0xF4: 0x80...0x8F
        default: 0x80...0xBF
        }
    }
}

// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

/// What identifies a set of records in any order: how many there are, and the sum of their hashes.
///
/// It tells accidents, not attacks: 128 bits of multiply and mix.
package struct Digest: Hashable, Sendable, CustomStringConvertible {
    package private(set) var count: UInt64 = 0
    private var low: UInt64 = 0
    private var high: UInt64 = 0

    package init() {}

    /// Adds the record with these bytes under these numbers.
    mutating func add(_ first: UInt64, _ second: UInt64 = 0, bytes: [UInt8] = []) {
        var hash = Hash()
        hash.mix(first)
        hash.mix(second)
        bytes.withUnsafeBytes { hash.mix($0) }
        count += 1
        low &+= hash.low
        high &+= hash.high
    }

    /// The sum as 32 hexadecimal digits.
    package var description: String { Self.digits(high) + Self.digits(low) }

    private static func digits(_ word: UInt64) -> String {
        let digits = String(word, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }
}

/// Two lanes with constants of their own.
private struct Hash {
    var low: UInt64 = 0x243f_6a88_85a3_08d3
    var high: UInt64 = 0x1319_8a2e_0370_7344

    mutating func mix(_ word: UInt64) {
        low = Self.mixed(low ^ word, 0x9e37_79b9_7f4a_7c15)
        high = Self.mixed(high ^ word, 0xc2b2_ae3d_27d4_eb4f)
    }

    /// Eight bytes at a time, then what is left, then how many there were.
    mutating func mix(_ bytes: UnsafeRawBufferPointer) {
        let whole = bytes.count & ~7
        for offset in stride(from: 0, to: whole, by: 8) {
            mix(UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self)))
        }
        var rest: UInt64 = 0
        for offset in whole..<bytes.count { rest = rest << 8 | UInt64(bytes[offset]) }
        mix(rest)
        mix(UInt64(bytes.count))
    }

    private static func mixed(_ word: UInt64, _ factor: UInt64) -> UInt64 {
        let product = word &* factor
        return (product ^ product >> 29) &* 0xff51_afd7_ed55_8ccd ^ product >> 32
    }
}

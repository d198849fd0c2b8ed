// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

/// A quick 32-bit sum over bytes that tells flipped, missing and moved ones; no defence against forgery.
///
/// Eight bytes at a time are folded into 64 bits by steps that lose nothing (exclusive or, multiplication by
/// an odd number, rotation), so two inputs of one length that differ in one word never agree before the last
/// step cuts the sum down to 32 bits.
enum Checksum {
    private static let factor: UInt64 = 0x9e37_79b9_7f4a_7c15

    /// The sum of `bytes`; the same on every machine.
    static func of(_ bytes: UnsafeRawBufferPointer) -> UInt32 {
        var sum = factor ^ UInt64(truncatingIfNeeded: bytes.count)
        var offset = 0
        while offset + 8 <= bytes.count {
            let word = UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
            sum = folded(sum, word)
            offset += 8
        }
        return finished(folded(sum, rest(bytes, from: offset)))
    }

    @inline(__always) private static func folded(_ sum: UInt64, _ word: UInt64) -> UInt64 {
        let product = (sum ^ word) &* factor
        return product << 29 | product >> 35
    }

    private static func rest(_ bytes: UnsafeRawBufferPointer, from start: Int) -> UInt64 {
        var word: UInt64 = 0
        for offset in start..<bytes.count {
            word = word << 8 | UInt64(bytes[offset])
        }
        return word
    }

    private static func finished(_ sum: UInt64) -> UInt32 {
        let mixed = (sum ^ sum >> 32) &* 0xd6e8_feb8_6659_fd93
        return UInt32(truncatingIfNeeded: mixed ^ mixed >> 32)
    }
}

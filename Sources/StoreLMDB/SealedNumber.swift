// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import Persistence

/// A number as a value of its own, or before a record: eight bytes, low byte first, and a sum over them.
///
/// Records carry a checksum themselves; this is the same for the few numbers that are stored beside them.
struct SealedNumber {
    static let bytes = 12

    private let number: UInt64
    private let sum: UInt32

    init(_ number: UInt64) {
        self.number = number.littleEndian
        sum = Self.sum(of: number).littleEndian
    }

    /// The number at the start of `bytes`; throws `corrupt` when it does not match its sum.
    static func read(_ bytes: UnsafeRawBufferPointer) throws(StoreError) -> UInt64 {
        guard bytes.count >= Self.bytes else {
            throw StoreError(.corrupt, "A number of \(bytes.count) bytes is too short to be one.")
        }
        let number = UInt64(littleEndian: bytes.loadUnaligned(as: UInt64.self))
        let sum = UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: 8, as: UInt32.self))
        guard sum == self.sum(of: number) else {
            throw StoreError(.corrupt, "The checksum of a number does not match its bytes.")
        }
        return number
    }

    /// The bytes, for a value that goes on after them.
    var array: [UInt8] {
        withUnsafeBytes(of: self) { Array($0[..<Self.bytes]) }
    }

    /// Every bit of the number changes about half the bits of the sum.
    private static func sum(of number: UInt64) -> UInt32 {
        var mixed = (number ^ number >> 30 ^ 0x526f_6f73_7421_4c4d) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ mixed >> 27) &* 0x94d0_49bb_1331_11eb
        return UInt32(truncatingIfNeeded: mixed ^ mixed >> 32)
    }
}

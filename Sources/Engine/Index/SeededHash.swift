// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

/// A fast hash over 8-byte words, seeded so that nobody outside can choose keys that collide.
///
/// Each word is folded into the state by one full multiplication. It is no cryptographic hash: it guards
/// tables, and whoever finds an element compares its bytes.
struct SeededHash: Sendable {
    private let seed: UInt64

    /// A hash of its own; the seed changes where elements lie in a table, never the order in which they come
    /// out.
    init(seed: UInt64 = .random(in: .min ... .max)) {
        self.seed = seed | 1
    }

    /// The hash of some bytes; every length has its own.
    @inline(__always)
    func callAsFunction(_ bytes: UnsafeRawBufferPointer) -> UInt64 {
        var state = seed ^ UInt64(truncatingIfNeeded: bytes.count)
        var offset = 0
        while offset &+ 8 <= bytes.count {
            state = Self.fold(state, bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
            offset &+= 8
        }
        return Self.fold(state, Self.tail(bytes, offset)) ^ seed
    }

    /// The hash of two numbers.
    @inline(__always)
    func callAsFunction(_ first: UInt64, _ second: UInt64) -> UInt64 {
        Self.fold(Self.fold(seed, first), second)
    }

    /// The bytes after the last whole word: of a long text its last eight, some of them for the second time.
    @inline(__always)
    private static func tail(_ bytes: UnsafeRawBufferPointer, _ offset: Int) -> UInt64 {
        if offset == bytes.count { return 0 }
        if bytes.count >= 8 { return bytes.loadUnaligned(fromByteOffset: bytes.count &- 8, as: UInt64.self) }
        var last: UInt64 = 0
        for byte in bytes { last = last &<< 8 | UInt64(byte) }
        return last
    }

    @inline(__always)
    private static func fold(_ state: UInt64, _ word: UInt64) -> UInt64 {
        let product = (state ^ word ^ 0x2545_F491_4F6C_DD1D).multipliedFullWidth(by: 0x9E37_79B9_7F4A_7C15)
        return (product.high ^ product.low) &+ state
    }
}

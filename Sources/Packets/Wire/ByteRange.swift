// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

/// A piece of a buffer: 32-bit offsets, because a packet is never larger than 256 MiB.
@frozen
package struct ByteRange: Hashable, Sendable {
    /// Offset of the first byte.
    package var start: Int32
    /// How many bytes.
    package var count: Int32

    /// Nothing, nowhere.
    package static let empty = ByteRange(start: 0, count: 0)

    /// A range of `count` bytes from `start`.
    @inlinable package init(start: Int32, count: Int32) {
        self.start = start
        self.count = count
    }

    /// The bytes from `start` up to `end`.
    @inlinable package init(from start: Int, to end: Int) {
        self.init(start: Int32(truncatingIfNeeded: start), count: Int32(truncatingIfNeeded: end &- start))
    }

    /// Whether there are no bytes.
    @inlinable package var isEmpty: Bool { count == 0 }

    /// Offset of the first byte behind it.
    @inlinable package var end: Int { Int(start) &+ Int(count) }

    /// The bytes themselves, in the buffer that the range was made for.
    @inlinable package func slice(of bytes: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(rebasing: bytes[Int(start)..<end])
    }
}

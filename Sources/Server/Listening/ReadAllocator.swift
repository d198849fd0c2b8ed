// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import NIOCore

/// How large the next read of a connection may be: twice as large after one that filled its buffer, half as large
/// after two in a row that left half of it empty.
///
/// NIO has an allocator that does the same. It is too large to lie in the channel itself: it costs each connection an
/// allocation, and each read of one that was quiet a look at memory that nobody has in the cache.
struct ReadAllocator: RecvByteBufferAllocator {
    private var bytes = ReadAllocator.bytesMin
    private var wasSmall = false

    private static let bytesMin: Int32 = 256
    private static let bytesMax: Int32 = 1 << 16

    func buffer(allocator: ByteBufferAllocator) -> ByteBuffer { allocator.buffer(capacity: Int(bytes)) }

    func nextBufferSize() -> Int? { Int(bytes) }

    /// Whether the next buffer may be larger.
    mutating func record(actualReadBytes: Int) -> Bool {
        let isSmall = actualReadBytes <= bytes / 2
        let isFull = actualReadBytes >= bytes && bytes < ReadAllocator.bytesMax
        if isFull { bytes *= 2 }
        if isSmall && wasSmall && bytes > ReadAllocator.bytesMin { bytes /= 2 }
        wasSmall = isSmall && !wasSmall
        return isFull
    }
}

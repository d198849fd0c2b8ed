// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import NIOCore
import Testing

@testable import Server

struct ReadAllocatorTests {
    @Test func `a read that fills its buffer doubles the next one, up to a limit`() {
        var allocator = ReadAllocator()
        #expect(allocator.nextBufferSize() == 256)
        let mayGrow = allocator.record(actualReadBytes: 256)
        #expect(mayGrow)
        #expect(allocator.nextBufferSize() == 512)
        for _ in 0..<20 { _ = allocator.record(actualReadBytes: 1 << 20) }
        #expect(allocator.nextBufferSize() == 1 << 16)
        let growsBeyond = allocator.record(actualReadBytes: 1 << 16)
        #expect(!growsBeyond)
    }

    @Test func `two reads in a row that leave half of it empty halve it, down to a limit`() {
        var allocator = ReadAllocator()
        _ = allocator.record(actualReadBytes: 256)
        _ = allocator.record(actualReadBytes: 512)
        let grows = allocator.record(actualReadBytes: 512)
        #expect(!grows)
        #expect(allocator.nextBufferSize() == 1024)
        _ = allocator.record(actualReadBytes: 513)
        _ = allocator.record(actualReadBytes: 512)
        #expect(allocator.nextBufferSize() == 1024)
        _ = allocator.record(actualReadBytes: 512)
        #expect(allocator.nextBufferSize() == 512)
        for _ in 0..<20 { _ = allocator.record(actualReadBytes: 1) }
        #expect(allocator.nextBufferSize() == 256)
    }

    @Test func `buffers have the size that was promised`() throws {
        let size = try #require(ReadAllocator().nextBufferSize())
        #expect(ReadAllocator().buffer(allocator: ByteBufferAllocator()).capacity >= size)
    }

    @Test func `it lies in the channel without a box`() {
        #expect(MemoryLayout<ReadAllocator>.size <= 3 * MemoryLayout<Int>.size)
    }
}

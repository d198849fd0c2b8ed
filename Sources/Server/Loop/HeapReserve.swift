// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import Glibc

/// Room for connections in the calling thread's heap, made once.
///
/// The allocator of glibc grows the heap of every thread but the first by one page at a time, with an mprotect(2) for
/// each: as many as there are connections, and a fifteenth of what a connection costs. A heap that was large before
/// needs none to grow again: its pages are given back to the system, but stay writable. So room is taken and
/// given back at once, and no memory is used for it. Another allocator only wastes a millisecond.
enum HeapReserve {
    /// Half of what one heap of glibc holds: some eight thousand connections.
    private static let bytes = 32 << 20
    /// Below the size from which on a block is mapped by itself (mallopt(3), M_MMAP_THRESHOLD).
    private static let blockBytes = 64 << 10

    static func make() {
        var blocks: [UnsafeMutableRawPointer] = []
        blocks.reserveCapacity(bytes / blockBytes)
        while blocks.count < bytes / blockBytes, let block = malloc(blockBytes) { blocks.append(block) }
        for block in blocks { free(block) }
    }
}

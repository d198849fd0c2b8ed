// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import Synchronization

/// Where a session is, in one atomic word: shard, slot, whether it is connected (QoS 0 goes there at once),
/// whether it is *online* (what is stored for it is also posted to it), and whether its queue is full.
package struct Seat: Hashable, Sendable {
    package var word: UInt64

    package init(word: UInt64) { self.word = word }

    /// The seat of a session that is connected in a slot.
    package init(shard: Int, slot: UInt32, isOnline: Bool) {
        word = UInt64(slot) << 32 | UInt64(shard) << 8 | 4 | (isOnline ? 1 : 0)
    }

    /// The seat of a session without a connection.
    package init(shard: Int) {
        word = UInt64(shard) << 8
    }

    package var slot: UInt32 { UInt32(truncatingIfNeeded: word >> 32) }
    package var shard: Int { Int(word >> 8 & 0xFFFF) }
    package var isOnline: Bool { word & 1 != 0 }
    package var isFull: Bool { word & 2 != 0 }
    package var isConnected: Bool { word & 4 != 0 }
}

/// All seats, by index. Index entries name a seat by its index, so a match never follows a pointer to a session.
///
/// A seat is set to online only under the hand-over lock, and read after a hand-over: so a session that went
/// live before a lane was handed over is seen as online by whoever posts that lane's messages, and one that
/// went live after it finds them in the store. A seat index is reused after its session has ended; a stale
/// match then reads another session's seat, and the receiver drops the item because the session number differs.
package final class SeatTable: @unchecked Sendable {
    // Proof of Sendable and of the unsafe pointers: `chunks` is allocated once and freed in deinit. A chunk
    // pointer is written once, under `lock`, before any seat in it is given out; a reader knows a seat index only
    // through another lock (the subscription index or a mailbox) taken later. The words themselves are atomic.
    private typealias Chunk = UnsafeMutablePointer<Atomic<UInt64>>
    private let chunks: UnsafeMutablePointer<Chunk?>
    private let lock = Mutex<Free>(Free())

    private struct Free: Sendable {
        var next: UInt32 = 0
        var returned: [UInt32] = []
    }

    private static let chunkBits: UInt32 = 12
    private static let chunkSeats = 1 << 12
    private static let chunksMax = 1 << 14

    package init() {
        chunks = .allocate(capacity: SeatTable.chunksMax)
        chunks.initialize(repeating: nil, count: SeatTable.chunksMax)
    }

    deinit {
        for index in 0..<SeatTable.chunksMax {
            guard let chunk = chunks[index] else { break }
            chunk.deinitialize(count: SeatTable.chunkSeats)
            chunk.deallocate()
        }
        chunks.deallocate()
    }

    /// Gives out a seat that is not in use. At most 67 million at a time.
    package func take(_ seat: Seat) -> UInt32 {
        let index = lock.withLock { free in
            if let index = free.returned.popLast() { return index }
            let index = free.next
            precondition(index >> SeatTable.chunkBits < SeatTable.chunksMax, "more sessions than seats")
            if index & UInt32(SeatTable.chunkSeats - 1) == 0 { addChunk(index >> SeatTable.chunkBits) }
            free.next += 1
            return index
        }
        word(index).pointee.store(seat.word, ordering: .releasing)
        return index
    }

    /// Takes a seat back when its session has ended.
    package func giveBack(_ index: UInt32) {
        word(index).pointee.store(0, ordering: .releasing)
        lock.withLock { $0.returned.append(index) }
    }

    /// One relaxed load.
    package subscript(index: UInt32) -> Seat { Seat(word: word(index).pointee.load(ordering: .relaxed)) }

    /// Moves a session; *full*, which the committer sets, stays as it is.
    package func move(_ index: UInt32, to seat: Seat) {
        var old = word(index).pointee.load(ordering: .relaxed)
        while true {
            let new = seat.word & ~2 | old & 2
            let (done, found) = word(index).pointee.weakCompareExchange(
                expected: old, desired: new, ordering: .acquiringAndReleasing)
            if done { return }
            old = found
        }
    }

    /// Sets or clears *full*, whatever else changes meanwhile.
    package func setFull(_ index: UInt32, _ isFull: Bool) {
        if isFull {
            word(index).pointee.bitwiseOr(2, ordering: .relaxed)
        } else {
            word(index).pointee.bitwiseAnd(~2, ordering: .relaxed)
        }
    }

    @inline(__always)
    private func word(_ index: UInt32) -> UnsafeMutablePointer<Atomic<UInt64>> {
        guard let chunk = chunks[Int(index >> SeatTable.chunkBits)] else {
            preconditionFailure("a seat that was never given out")
        }
        return chunk + Int(index & UInt32(SeatTable.chunkSeats - 1))
    }

    private func addChunk(_ number: UInt32) {
        let chunk = Chunk.allocate(capacity: SeatTable.chunkSeats)
        for offset in 0..<SeatTable.chunkSeats {
            (chunk + offset).initialize(to: Atomic<UInt64>(0))
        }
        chunks[Int(number)] = chunk
    }
}

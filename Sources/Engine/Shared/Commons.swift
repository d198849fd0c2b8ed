// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

package import Persistence
package import Synchronization

/// What the shards and the committer share, with the locks around it.
///
/// Everything in here is a value of its own with its own tests; this class only puts a lock around each. Locks
/// are never nested. On one thread (the simulation) they are free and the order of things is the caller's.
package final class Commons: Sendable {
    package let limits: Limits
    package let shardCount: Int
    /// Until when the store is certainly ours; `nil` for one that nobody can take.
    package let lease: Lease?
    package let seats = SeatTable()
    package let subscriptions = SubscriptionTable()
    package let retained: Mutex<RetainedIndex>
    package let registry = Mutex<Registry>(Registry())
    private let handOver = Mutex<HandOver>(HandOver())
    private let mailboxes: [MailboxLock]
    private let ticks: [AtomicWord]
    private let interests: [AtomicWord]
    private let committed = Atomic<UInt64>(0)
    private let uncommitted = Atomic<Int>(0)
    private let sessionNumber = Atomic<UInt64>(0)
    private let number = Atomic<UInt64>(0)
    private let counts = Mutex(QueueCounts())
    /// How many connections there are, over all shards.
    package let connectionCount = Atomic<Int>(0)
    /// What waits in memory for clients that are slower than their messages, over all shards (`Shard+Held`).
    package let deliveryBytes = Atomic<Int>(0)

    package init(shardCount: Int, limits: Limits, lease: Lease? = nil) {
        self.limits = limits
        self.lease = lease
        self.shardCount = shardCount
        retained = Mutex(RetainedIndex(retainedBytesMax: limits.retainedBytesMax))
        mailboxes = (0..<shardCount).map { _ in MailboxLock() }
        ticks = (0..<shardCount).map { _ in AtomicWord() }
        interests = (0..<shardCount).map { _ in AtomicWord() }
    }

    // MARK: Numbers

    /// Starts the numbers above those that the store has seen.
    package func startNumbers(session: SessionNumber, message: MessageNumber) {
        sessionNumber.store(session, ordering: .relaxed)
        handOver.withLock { $0.start(after: message) }
    }

    package func nextSessionNumber() -> SessionNumber {
        sessionNumber.add(1, ordering: .relaxed).newValue
    }

    package var lastSessionNumber: SessionNumber { sessionNumber.load(ordering: .relaxed) }

    // MARK: Hand-over

    /// The one point of order. `visible` runs under the lock, after the lane has its place: what it sets online
    /// is seen by everybody who hands over later.
    package func handOver(
        _ lane: inout Lane,
        visible: (_ lastNumber: MessageNumber, _ lastPosition: UInt64) -> Void = { _, _ in }
    ) -> (number: MessageNumber, position: UInt64) {
        let bytes = lane.bytes
        uncommitted.add(bytes, ordering: .relaxed)
        return handOver.withLock { queue in
            let first = queue.append(&lane)
            visible(queue.lastNumber, queue.lastPosition)
            return first
        }
    }

    /// Runs `visible` under the hand-over lock without handing anything over.
    package func underHandOver(_ visible: (_ lastNumber: MessageNumber, _ lastPosition: UInt64) -> Void) {
        handOver.withLock { visible($0.lastNumber, $0.lastPosition) }
    }

    /// Makes the committer commit everything up to `position` without waiting for more.
    package func demand(_ position: UInt64) {
        handOver.withLock { $0.demand(position) }
    }

    package func withQueue<Result: Sendable>(_ body: (inout HandOver) -> Result) -> Result {
        handOver.withLock { body(&$0) }
    }

    package func takeLanes(into lanes: inout [Lane], bytesMax: Int) {
        handOver.withLock { $0.take(into: &lanes, bytesMax: bytesMax) }
    }

    /// Gives back lanes that are done; `bytes` of what was handed over need no memory any more.
    package func recycle(_ lanes: inout [Lane], bytes: Int) {
        uncommitted.subtract(bytes, ordering: .relaxed)
        handOver.withLock { $0.recycle(&lanes) }
    }

    /// What has been handed over and not yet committed, in bytes.
    package var queuedBytes: Int { uncommitted.load(ordering: .relaxed) }

    /// Whether what was decided before this call, and needs no commit, was decided while the store was ours.
    package var isStoreCertain: Bool { lease?.isCertain ?? true }

    // MARK: Progress of the committer

    /// Everything up to here is committed.
    package var committedPosition: UInt64 { committed.load(ordering: .acquiring) }

    package func advanceCommitted(to position: UInt64) {
        committed.store(position, ordering: .sequentiallyConsistent)
    }

    /// Every message up to this number is committed, or needed no commit.
    package var committedNumber: MessageNumber { number.load(ordering: .relaxed) }

    package func advanceCommitted(toNumber last: MessageNumber) {
        number.store(last, ordering: .relaxed)
    }

    /// A queue is about to be counted for the committer.
    package func beginCount(of session: SessionNumber) {
        counts.withLock { $0.begun.append(session) }
    }

    /// It was counted, or (nil) is not needed any more.
    package func endCount(_ count: QueueCount?, of session: SessionNumber) {
        counts.withLock { $0.end(count, of: session) }
    }

    package func takeCounts() -> QueueCounts {
        counts.withLock { counts in
            defer { counts = QueueCounts() }
            return counts
        }
    }

    /// Whether nothing handed over is uncommitted.
    package var isSettled: Bool {
        handOver.withLock { $0.lastPosition } == committedPosition
    }

    /// Says whether a shard wants to be woken by commits; it must look at `committedPosition` after saying so.
    package func setInterest(_ shard: Int, _ isInterested: Bool) {
        interests[shard].value.store(isInterested ? 1 : 0, ordering: .sequentiallyConsistent)
    }

    package func isInterested(_ shard: Int) -> Bool {
        interests[shard].value.load(ordering: .sequentiallyConsistent) != 0
    }

    // MARK: Mailboxes

    /// Runs `body` on a shard's mailbox; returns whether it was empty before and is not any more, so that the
    /// shard must be woken.
    package func post(to shard: Int, _ body: (inout Mailbox) -> Void) -> Bool {
        mailboxes[shard].box.withLock { box in
            let wasEmpty = box.isEmpty
            body(&box)
            return wasEmpty && !box.isEmpty
        }
    }

    /// Empties a shard's mailbox into `contents`.
    package func emptyMailbox(of shard: Int, into contents: inout Mailbox) {
        mailboxes[shard].box.withLock { $0.empty(into: &contents) }
    }

    // MARK: The barrier

    /// A shard begins or ends a tick: its count is odd during one.
    package func countTick(_ shard: Int) {
        ticks[shard].value.add(1, ordering: .sequentiallyConsistent)
    }

    /// Where every shard is now.
    package func barrier() -> Barrier {
        Barrier(counts: ticks.map { $0.value.load(ordering: .sequentiallyConsistent) })
    }

    /// Whether every shard has ended the tick it was in when the barrier was made.
    package func hasPassed(_ barrier: Barrier, asking shard: Int) -> Bool {
        for (index, count) in barrier.counts.enumerated() where index != shard && count & 1 == 1 {
            if ticks[index].value.load(ordering: .sequentiallyConsistent) == count { return false }
        }
        return true
    }
}

/// The tick counts of all shards at one moment.
package struct Barrier: Sendable, Hashable {
    package var counts: [UInt64]
}

private final class MailboxLock: Sendable {
    let box = Mutex<Mailbox>(Mailbox())
}

private final class AtomicWord: Sendable {
    let value = Atomic<UInt64>(0)
}

// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import Persistence

/// Which queues are the longest, and which message waits longest, from a look at the ends of every queue.
///
/// The ends of a queue tell how long it can be at most. So those that can be longest are counted first, until the
/// tenth longest is at least as long as any other can be. Counting ends at `countedMax` rows in all: then the ranking
/// is partial, and says so.
struct QueueRanking {
    private static let longestMax = 10
    /// Rows that are counted.
    private let countedMax: Int
    /// Queues that are remembered; those that can be longest are, when there are more.
    private let candidatesMax: Int

    /// The message that waits longest, in whose queue.
    private(set) var oldest: QueueSummary?
    /// The longest queues, longest first; a queue that is not counted is longer than it says.
    private(set) var longest: [QueueSummary] = []
    /// Whether a queue may be missing, or is longer than it says.
    private(set) var isPartial = false
    /// Sessions that have a queue.
    private(set) var queueCount = 0

    private var candidates: [QueueSummary] = []
    private var forgottenMax: UInt64 = 0

    init(_ store: any Store, countedMax: Int = 5_000_000, candidatesMax: Int = 1 << 20) throws {
        self.countedMax = countedMax
        self.candidatesMax = candidatesMax
        try Self.forEachQueue(store) { add($0) }
        candidates.sort { $0.countMax > $1.countMax }
        try count(store)
    }

    /// Those of any store: of one that cannot list its queues every session is asked.
    private static func forEachQueue(_ store: any Store, _ visit: (QueueSummary) -> Void) throws {
        if let store = store as? any QueueListingStore { return try store.forEachQueue(visit) }
        try Walk(store).forEachSession { session, _ in
            let page = try store.deliveries(of: session, after: 0, limit: 1, bytesMax: 1)
            guard let first = page.deliveries.first?.number else { return }
            let count = UInt64(try store.deliveryCount(of: session))
            visit(QueueSummary(session: session, first: first, countMax: count, isCounted: true))
        }
    }

    private mutating func add(_ queue: QueueSummary) {
        queueCount += 1
        if oldest.map({ queue.first < $0.first }) ?? true { oldest = queue }
        candidates.append(queue)
        guard candidates.count > candidatesMax else { return }
        candidates.sort { $0.countMax > $1.countMax }
        candidates.removeLast(candidates.count - candidatesMax / 2)
        forgottenMax = max(forgottenMax, candidates.last?.countMax ?? 0)
    }

    private mutating func count(_ store: any Store) throws {
        var left = countedMax
        for queue in candidates {
            if longest.count == Self.longestMax, queue.countMax <= (longest.last?.countMax ?? 0) { break }
            guard left > 0 else { return isPartial = true }
            try rank(queue, store, &left)
        }
        let isFull = longest.count == Self.longestMax
        if forgottenMax > (isFull ? longest.last?.countMax ?? 0 : 0) { isPartial = true }
    }

    private mutating func rank(_ queue: QueueSummary, _ store: any Store, _ left: inout Int) throws {
        var queue = queue
        if !queue.isCounted, let store = store as? any QueueListingStore {
            let count = try store.deliveryCount(of: queue.session, upTo: left)
            queue.isCounted = count < left
            left -= count
            if !queue.isCounted { isPartial = true }
            queue.countMax = UInt64(count)
        }
        guard queue.countMax > 0 else { return }
        let place = longest.firstIndex { $0.countMax < queue.countMax } ?? longest.count
        longest.insert(queue, at: place)
        if longest.count > Self.longestMax { longest.removeLast() }
    }
}

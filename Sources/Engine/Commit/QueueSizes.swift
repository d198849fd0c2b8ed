// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

package import Persistence

/// How long each session's queue in the store is, so that a session at its limit can be told from others.
///
/// The committer counts what outlives netting, and sets or clears *full* in the session's seat; the shards that
/// match drop there, so a limit is soft by what is on its way. A session is counted from the first delivery that
/// reaches the store; one that had a queue before the start is counted in the background, and is not full until
/// then. What is inserted or removed while a reader counts may be in the count or not: insertions are left out then, and
/// removals taken off, for a count that is too low makes the limit softer, and one that is too high would leave an
/// empty queue full. What a removal takes away is not known any more: it counts as the average of its queue.
package struct QueueSizes: Sendable {
    private struct Size: Sendable {
        var count = 0
        var bytes = 0
        var seat: UInt32
        var isFull = false
    }

    private let messagesMax: Int
    private let bytesMax: Int
    private let seats: SeatTable
    private var sizes: [SessionNumber: Size] = [:]
    /// What was removed from the queues that are being counted, since before the reader began.
    private var removedMeanwhile: [SessionNumber: Int] = [:]
    /// Queues of which the count may already have what the batch at hand inserts.
    private var justCounted: Set<SessionNumber> = []

    package init(limits: Limits, seats: SeatTable) {
        messagesMax = limits.queuedMessagesMax
        bytesMax = limits.queuedBytesMax
        self.seats = seats
    }

    /// Takes in which queues were counted, and which are about to be.
    package mutating func take(_ counts: QueueCounts) {
        justCounted = Set(counts.ended.map(\.session))
        for count in counts.ended { set(count) }
        for session in counts.abandoned { removedMeanwhile[session] = nil }
        for session in counts.begun { removedMeanwhile[session] = 0 }
    }

    private mutating func set(_ counted: QueueCount) {
        let count = counted.count - (removedMeanwhile.removeValue(forKey: counted.session) ?? 0)
        guard count > 0 else { return }
        let isFull = sizes[counted.session]?.isFull ?? false
        let bytes = counted.bytes / counted.count * count
        sizes[counted.session] = Size(count: count, bytes: bytes, seat: counted.seat, isFull: isFull)
        review(counted.session)
    }

    /// The batch whose commit the counts came with is counted; what comes from now on was not there when they began.
    package mutating func forgetCounts() {
        justCounted.removeAll()
    }

    package mutating func insert(_ session: SessionNumber, seat: UInt32, bytes: Int) {
        if !justCounted.isEmpty, justCounted.contains(session) { return }
        sizes[session, default: Size(seat: seat)].count += 1
        sizes[session, default: Size(seat: seat)].bytes += bytes
        review(session)
    }

    package mutating func remove(_ session: SessionNumber) {
        if !removedMeanwhile.isEmpty { removedMeanwhile[session]? += 1 }
        guard var size = sizes[session] else { return }
        size.bytes -= size.bytes / max(1, size.count)
        size.count -= 1
        sizes[session] = size
        review(session)
    }

    /// The seat may be another session's by now: it must not stay full for one that is gone.
    package mutating func end(_ session: SessionNumber) {
        if let size = sizes[session], size.isFull { seats.setFull(size.seat, false) }
        sizes[session] = nil
        removedMeanwhile[session] = nil
    }

    package func count(_ session: SessionNumber) -> Int { sizes[session]?.count ?? 0 }

    private mutating func review(_ session: SessionNumber) {
        guard let size = sizes[session] else { return }
        let isFull = size.count >= messagesMax || size.bytes >= bytesMax
        if isFull != size.isFull {
            sizes[session]?.isFull = isFull
            seats.setFull(size.seat, isFull)
        }
        if size.count <= 0 { sizes[session] = nil }
    }
}

extension QueueSizes {
    /// Counts what a batch that was committed has done; readers may have counted before or after it.
    mutating func count(_ lanes: [Lane], _ scope: CommitScope, with counts: QueueCounts) {
        take(counts)
        count(lanes, scope)
        forgetCounts()
    }

    private mutating func count(_ lanes: [Lane], _ scope: CommitScope) {
        switch scope {
        case .all:
            for lane in lanes {
                for change in lane.changes { count(change, of: lane) }
            }
        case .roomMaking(let places), .first(let places):
            for place in places { count(lanes, .entry(place)) }
        case .entry(let place):
            let lane = lanes[place.lane]
            for index in lane.changes(of: place.entry) { count(lane.changes[index], of: lane) }
        }
    }

    private mutating func count(_ change: LaneChange, of lane: Lane) {
        switch change {
        case .message(let index):
            let message = lane.messages[Int(index)]
            let bytes = message.topic.count + message.properties.count + message.payload.count
            for index in message.firstDelivery..<message.firstDelivery + message.deliveryCount {
                let delivery = lane.deliveries[Int(index)]
                guard !delivery.isRemoved else { continue }
                insert(delivery.session, seat: delivery.seat, bytes: bytes)
            }
        case .removal(let session, _, _): remove(session)
        case .sessionEnd(let session, _): end(session)
        case .state, .reception, .release, .client, .sessionSwept, .subscription, .unsubscription,
            .retainedRemoval, .folded, .settled:
            break
        }
    }
}

/// What a reader thread has counted for the committer.
package struct QueueCount: Sendable, Hashable {
    package var session: SessionNumber
    package var seat: UInt32
    package var count: Int
    package var bytes: Int
}

/// What the shards have to say about counting since the committer has last asked.
package struct QueueCounts: Sendable, Hashable {
    package var begun: [SessionNumber] = []
    package var ended: [QueueCount] = []
    package var abandoned: [SessionNumber] = []

    package init() {}

    /// A count that the committer has not heard of yet: nothing was removed since it began that it would not have
    /// counted afterwards.
    package mutating func end(_ count: QueueCount?, of session: SessionNumber) {
        let isNew = begun.firstIndex(of: session).map { begun.remove(at: $0) } != nil
        if let count { ended.append(count) } else if !isNew { abandoned.append(session) }
    }
}

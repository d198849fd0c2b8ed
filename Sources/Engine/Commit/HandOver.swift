// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import DequeModule
package import Persistence

/// The committer's queue, and the one point of order.
///
/// Whoever appends a lane holds the lock around this value; in that moment the lane's messages get their numbers
/// and its entries their positions. Number order, position order and commit order are therefore one order.
/// Whatever others can see becomes visible only afterwards.
package struct HandOver: Sendable {
    private var queue: Deque<Lane> = []
    private var spare: [Lane] = []
    /// The last message number given out.
    package private(set) var lastNumber: MessageNumber
    /// The last position given out.
    package private(set) var lastPosition: UInt64 = 0
    /// Someone waits for every position up to this one.
    private var demandedPosition: UInt64 = 0
    /// What is queued and not yet taken, in bytes.
    package private(set) var queuedBytes = 0

    package init(lastNumber: MessageNumber = 0) {
        self.lastNumber = lastNumber
    }

    /// Takes the lane's contents, gives it its numbers, and leaves an empty lane in its place.
    package mutating func append(_ lane: inout Lane) -> (number: MessageNumber, position: UInt64) {
        lane.firstNumber = lastNumber + 1
        lane.firstPosition = lastPosition + 1
        lastNumber += UInt64(lane.messages.count)
        lastPosition += UInt64(lane.entries.count)
        if lane.isUrgent { demandedPosition = lastPosition }
        queuedBytes += lane.bytes
        let first = (lane.firstNumber, lane.firstPosition)
        var empty = spare.popLast() ?? Lane()
        empty.shard = lane.shard
        swap(&lane, &empty)
        queue.append(empty)
        return first
    }

    /// Someone waits for `position`: a resume, which no lane announces.
    package mutating func demand(_ position: UInt64) {
        demandedPosition = max(demandedPosition, position)
    }

    /// Whether a commit should start now rather than after `removalDelayMax`.
    package func isDemanded(beyond position: UInt64) -> Bool { demandedPosition > position }

    /// Starts the numbers above those in the store. Before any hand-over.
    package mutating func start(after number: MessageNumber) {
        precondition(queue.isEmpty && lastPosition == 0, "numbers start before the first hand-over")
        lastNumber = number
    }

    /// Moves lanes from the head of the queue to `lanes` until they weigh `bytesMax`; at least one if there is one.
    package mutating func take(into lanes: inout [Lane], bytesMax: Int) {
        var taken = 0
        while taken < bytesMax, let lane = queue.popFirst() {
            taken += lane.bytes
            lanes.append(lane)
        }
        queuedBytes -= taken
    }

    /// Gives back the memory of lanes that are done.
    package mutating func recycle(_ lanes: inout [Lane]) {
        while var lane = lanes.popLast() {
            guard spare.count < HandOver.spareLanesMax else { continue }
            lane.removeAll()
            spare.append(lane)
        }
    }

    package var isEmpty: Bool { queue.isEmpty }

    private static let spareLanesMax = 32
}

// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import Packets
import Persistence

/// Whether a commit waits a moment for the acknowledgements that would make it needless.
///
/// A delivery to a healthy connected session is acknowledged sooner than many a disk syncs, and what is inserted
/// and removed within one batch never reaches the store. So when nothing is left in the lanes but QoS 1
/// deliveries to online sessions, the committer waits for their removals: what meets one is settled without a
/// commit, and its publisher is told at once. No entry is kept waiting beyond `millisecondsMax`.
///
/// The strange case: clients that take longer than that. Then each commit would come late and save nothing, so
/// after a wait in vain the next commits do not wait, ever more of them up to `skipsMax`.
struct CommitDelay: Hashable {
    private struct Mark: Hashable {
        var position: UInt64
        var takenAt: Milliseconds
    }

    private let millisecondsMax: Milliseconds
    private var isOpen = false
    /// The last position taken at each time, from the oldest that is not settled.
    private var marks: [Mark] = []
    /// Deliveries taken since the wait began.
    private var taken = 0
    private var skips = 0
    private var skipsLeft = 0

    /// At most every 256th commit waits in vain.
    private static let skipsMax = 255
    /// A wait that leaves more than an eighth of the deliveries was in vain.
    private static let openShareMax = 8

    init(millisecondsMax: Int) {
        self.millisecondsMax = Milliseconds(millisecondsMax)
    }

    /// Whether the lanes at hand, the first ones after a commit, may wait.
    mutating func begin() {
        end()
        guard millisecondsMax > 0 else { return }
        isOpen = skipsLeft == 0
        if !isOpen { skipsLeft -= 1 }
    }

    /// Whether a wait goes on, or may begin.
    var mayWait: Bool { isOpen }

    /// Whether nothing was taken yet.
    var isEmpty: Bool { marks.isEmpty && taken == 0 }

    /// More was taken, up to this position.
    mutating func took(_ deliveries: Int, upTo position: UInt64, now: Milliseconds) {
        taken += deliveries
        if let last = marks.last, last.takenAt == now {
            marks[marks.count - 1].position = position
        } else {
            marks.append(Mark(position: position, takenAt: now))
        }
    }

    /// How long the oldest entry beyond the committed position may still wait; `nil` when the time of one is over.
    mutating func rest(beyond committed: UInt64, now: Milliseconds) -> Milliseconds? {
        marks.removeAll { $0.position <= committed }
        let rest = millisecondsMax - (now - (marks.first?.takenAt ?? now))
        return rest > 0 ? rest : nil
    }

    /// The time of an entry is over, and so many deliveries are left: was it worth it?
    mutating func expired(open: Int) {
        skips = open > taken / Self.openShareMax ? min(2 * skips + 1, Self.skipsMax) : 0
        skipsLeft = skips
        end()
    }

    /// Every delivery was acknowledged in time.
    mutating func paid() {
        skips = 0
        end()
    }

    /// Nothing is waited for any more.
    mutating func end() {
        isOpen = false
        taken = 0
        marks.removeAll(keepingCapacity: true)
    }
}

extension Committer {
    /// Waits for acknowledgements and settles what they net out; `nil` when it is time to commit what is left.
    mutating func awaitAcknowledgements(now: Milliseconds) -> Step? {
        guard delay.mayWait else { return nil }
        let held = lanes.count
        let bytes = lanes.reduce(0) { $0 + $1.bytes }
        take(bytesMax: commons.limits.batchBytesMax - bytes)
        for lane in lanes[(delay.isEmpty ? 0 : held)...] {
            delay.took(lane.deliveries.count, upTo: lane.lastPosition, now: now)
        }
        Netting.net(&lanes)
        guard commons.isStoreCertain else {
            delay.end()
            return nil
        }
        advance()
        guard let open = Netting.unacknowledged(lanes, commons.seats) else {
            delay.end()
            return nil
        }
        guard open > 0 else {
            delay.paid()
            return nil
        }
        if let rest = delay.rest(beyond: commons.committedPosition, now: now) {
            return .wait(milliseconds: Int(rest))
        }
        delay.expired(open: open)
        return nil
    }
}

extension Netting {
    /// How many QoS 1 deliveries to online sessions are left, if there is nothing else to be committed but
    /// removals, for which nobody waits; `nil` if there is.
    static func unacknowledged(_ lanes: [Lane], _ seats: SeatTable) -> Int? {
        var count = 0
        for lane in lanes {
            for change in lane.changes {
                switch change {
                case .settled, .folded, .removal: break
                case .message(let index):
                    guard let open = unacknowledged(lane.messages[Int(index)], lane, seats) else {
                        return nil
                    }
                    count += open
                case .state, .reception, .release, .client, .sessionEnd, .sessionSwept, .subscription,
                    .unsubscription, .retainedRemoval:
                    return nil
                }
            }
        }
        return count
    }

    private static func unacknowledged(_ message: LaneMessage, _ lane: Lane, _ seats: SeatTable) -> Int? {
        guard message.retained == .none else { return nil }
        var count = 0
        for index in message.firstDelivery..<message.firstDelivery + message.deliveryCount {
            let delivery = lane.deliveries[Int(index)]
            if delivery.isRemoved { continue }
            guard delivery.qos == .atLeastOnce, seats[delivery.seat].isOnline else { return nil }
            count += 1
        }
        return count
    }
}

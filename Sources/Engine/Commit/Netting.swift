// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import Persistence

/// Which changes of the lanes at the committer's hands a batch covers.
enum CommitScope: Hashable {
    case all
    /// Entries that only make room (removals, states of stored deliveries, client records, session ends,
    /// releases): they may use a store's reserve and are committed ahead of what needs room.
    case roomMaking([EntryPlace])
    /// The first entries that are not settled: what is tried again on a disk that may not have room for all.
    case first([EntryPlace])
    /// One entry.
    case entry(EntryPlace)
}

/// Names an entry among the lanes at the committer's hands.
struct EntryPlace: Hashable {
    var lane: Int
    var entry: Int
}

/// Makes a batch out of lanes.
///
/// Numbers are dense within a lane, and a removal carries number and ordinal of its delivery, so the insertion it
/// meets is found by subtraction. Between lanes there may be gaps: what was there is settled. A delivery that is
/// inserted and removed within one batch never reaches the store, nor does a body without deliveries.
enum Netting {
    /// Cancels removals against insertions and folds states into them. Idempotent.
    static func net(_ lanes: inout [Lane]) {
        guard let first = lanes.first?.firstNumber else { return }
        for laneIndex in lanes.indices {
            for changeIndex in lanes[laneIndex].changes.indices {
                switch lanes[laneIndex].changes[changeIndex] {
                case .removal(let session, let number, let ordinal) where number >= first:
                    guard let place = locate(session, number, ordinal, lanes) else { continue }
                    lanes[place.lane].deliveries[place.delivery].isRemoved = true
                    lanes[laneIndex].changes[changeIndex] = .settled
                case .state(let session, let number, let ordinal, let packetID, let state)
                where number >= first:
                    guard let place = locate(session, number, ordinal, lanes) else { continue }
                    lanes[place.lane].deliveries[place.delivery].packetID = packetID
                    lanes[place.lane].deliveries[place.delivery].state = state
                    lanes[laneIndex].changes[changeIndex] = .folded(number: number)
                default: break
                }
            }
        }
        settleEmptyMessages(&lanes)
    }

    private static func settleEmptyMessages(_ lanes: inout [Lane]) {
        for laneIndex in lanes.indices {
            for changeIndex in lanes[laneIndex].changes.indices {
                guard case .message(let index) = lanes[laneIndex].changes[changeIndex] else { continue }
                let message = lanes[laneIndex].messages[Int(index)]
                if message.retained == .none && references(message, lanes[laneIndex]) == 0 {
                    settle(&lanes[laneIndex], changeIndex)
                }
            }
        }
    }

    /// Where the delivery with this number and ordinal is; nil when it has been committed already, as happens to a
    /// lane of which the rest was not: then it is the store's.
    private static func locate(
        _ session: SessionNumber, _ number: MessageNumber, _ ordinal: UInt32, _ lanes: [Lane]
    ) -> (lane: Int, delivery: Int)? {
        guard let place = locate(number, lanes) else { return nil }
        let message = lanes[place.lane].messages[place.message]
        if message.isSettled { return nil }
        precondition(ordinal < UInt32(message.deliveryCount), "a removal of a delivery that was never made")
        let delivery = Int(message.firstDelivery) + Int(ordinal)
        precondition(
            lanes[place.lane].deliveries[delivery].session == session, "a removal of another's delivery")
        return (place.lane, delivery)
    }

    /// Where the message is; nil when it is settled and was dropped.
    private static func locate(
        _ number: MessageNumber, _ lanes: [Lane]
    ) -> (lane: Int, message: Int)? {
        guard let first = lanes.first?.firstNumber, number >= first else { return nil }
        var low = 0
        var high = lanes.count - 1
        while low < high {
            let middle = (low + high + 1) / 2
            if lanes[middle].firstNumber <= number { low = middle } else { high = middle - 1 }
        }
        return number <= lanes[low].lastNumber ? (low, Int(number - lanes[low].firstNumber)) : nil
    }

    private static func references(_ message: LaneMessage, _ lane: Lane) -> Int {
        var count = 0
        for index in message.firstDelivery..<message.firstDelivery + message.deliveryCount
        where !lane.deliveries[Int(index)].isRemoved {
            count += 1
        }
        return count
    }

    // MARK: Settling

    /// Marks what a batch covered as done.
    static func settle(_ lanes: inout [Lane], _ scope: CommitScope) {
        switch scope {
        case .all:
            for lane in lanes.indices {
                for change in lanes[lane].changes.indices { settle(&lanes[lane], change) }
            }
        case .roomMaking(let places), .first(let places):
            for place in places { settle(&lanes, .entry(place)) }
        case .entry(let place):
            for change in lanes[place.lane].changes(of: place.entry) { settle(&lanes[place.lane], change) }
        }
    }

    private static func settle(_ lane: inout Lane, _ change: Int) {
        if case .message(let index) = lane.changes[change] { lane.messages[Int(index)].isSettled = true }
        lane.changes[change] = .settled
    }

    /// The positions of settled entries that were not named before.
    static func nameSettled(_ lanes: inout [Lane]) -> [ClosedRange<UInt64>] {
        var named: [ClosedRange<UInt64>] = []
        for lane in lanes.indices {
            for entry in lanes[lane].entries.indices
            where !lanes[lane].entries[entry].isNamed && isSettled(entry, lanes[lane], lanes) {
                lanes[lane].entries[entry].isNamed = true
                let position = lanes[lane].firstPosition + UInt64(entry)
                if let last = named.last, last.upperBound + 1 == position {
                    named[named.count - 1] = last.lowerBound...position
                } else {
                    named.append(position...position)
                }
            }
        }
        return named
    }

    /// Entries from the head that still have something to commit, as many as fit `bytesMax`, and one at least.
    static func first(_ lanes: [Lane], bytesMax: Int) -> [EntryPlace] {
        var places: [EntryPlace] = []
        var bytes = 0
        for (index, lane) in lanes.enumerated() {
            for entry in lane.entries.indices where !isSettled(entry, lane, lanes) {
                bytes += lane.bytes(of: entry)
                if bytes > bytesMax && !places.isEmpty { return places }
                places.append(EntryPlace(lane: index, entry: entry))
            }
        }
        return places
    }

    /// The first entry that still has something to commit.
    static func firstUnsettled(_ lanes: [Lane]) -> EntryPlace? {
        for (index, lane) in lanes.enumerated() {
            for entry in lane.entries.indices where !isSettled(entry, lane, lanes) {
                return EntryPlace(lane: index, entry: entry)
            }
        }
        return nil
    }

    static func isSettled(_ entry: Int, _ lane: Lane, _ lanes: [Lane]) -> Bool {
        for change in lane.changes(of: entry) {
            switch lane.changes[change] {
            case .settled: break
            case .folded(let number):
                guard let place = locate(number, lanes) else { continue }
                if !lanes[place.lane].messages[place.message].isSettled { return false }
            default: return false
            }
        }
        return true
    }
}

extension LaneChange {
    /// Whether the change may use a store's reserve and go ahead of what needs room.
    var makesRoom: Bool {
        switch self {
        case .removal, .state, .client, .sessionEnd, .sessionSwept, .release: true
        case .message, .reception, .subscription, .unsubscription, .retainedRemoval, .folded, .settled: false
        }
    }
}

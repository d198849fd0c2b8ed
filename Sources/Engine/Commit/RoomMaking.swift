// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import Persistence

/// What is committed ahead of its turn when there is no room.
struct RoomMaking {
    private var places: [EntryPlace] = []
    /// Sessions whose record an earlier entry changes that must wait: later ones wait too.
    private var waitingSessions: Set<SessionNumber> = []
    private var waitingReceptions: Set<Reception> = []

    private struct Reception: Hashable {
        var session: SessionNumber
        var packetID: UInt16
    }

    /// The entries that can go ahead: all that they still change makes room, and nothing before them that must
    /// wait changes the same record.
    static func entries(of lanes: [Lane]) -> [EntryPlace] {
        var selection = RoomMaking()
        for (index, lane) in lanes.enumerated() {
            for entry in lane.entries.indices where !Netting.isSettled(entry, lane, lanes) {
                selection.consider(
                    lane.changes[lane.changes(of: entry)], EntryPlace(lane: index, entry: entry))
            }
        }
        return selection.places
    }

    private mutating func consider(_ changes: ArraySlice<LaneChange>, _ place: EntryPlace) {
        if changes.allSatisfy({ $0 == .settled || ($0.makesRoom && !waits($0)) }) {
            places.append(place)
        } else {
            for change in changes { postpone(change) }
        }
    }

    private func waits(_ change: LaneChange) -> Bool {
        switch change {
        case .client(let session, _, _), .sessionEnd(let session), .sessionSwept(let session):
            waitingSessions.contains(session)
        case .release(let session, let packetID):
            waitingReceptions.contains(Reception(session: session, packetID: packetID))
        case .message, .removal, .state, .reception, .subscription, .unsubscription, .retainedRemoval,
            .folded,
            .settled:
            false
        }
    }

    private mutating func postpone(_ change: LaneChange) {
        switch change {
        case .client(let session, _, _), .sessionEnd(let session), .sessionSwept(let session):
            waitingSessions.insert(session)
        case .reception(let session, let packetID):
            waitingReceptions.insert(Reception(session: session, packetID: packetID))
        case .message, .removal, .state, .release, .subscription, .unsubscription, .retainedRemoval, .folded,
            .settled:
            break
        }
    }
}

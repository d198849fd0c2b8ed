// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import Persistence

/// What is committed ahead of its turn when there is no room.
struct RoomMaking {
    private var places: [EntryPlace] = []
    /// Sessions whose record an earlier entry changes that must wait: later ones wait too.
    private var waitingSessions: Set<SessionNumber> = []
    /// Client identifiers that an earlier entry takes from their session: another session's record waits.
    private var waitingClients: Set<ArraySlice<UInt8>> = []
    /// Sessions of which deliveries are moved to another: until that is committed they are not swept.
    private var waitingMoves: Set<SessionNumber> = []
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
                selection.consider(lane, EntryPlace(lane: index, entry: entry))
            }
        }
        return selection.places
    }

    private mutating func consider(_ lane: Lane, _ place: EntryPlace) {
        let changes = lane.changes[lane.changes(of: place.entry)]
        if changes.allSatisfy({ $0 == .settled || ($0.makesRoom && !waits($0, of: lane)) }) {
            places.append(place)
        } else {
            for change in changes { postpone(change, of: lane) }
        }
    }

    private func waits(_ change: LaneChange, of lane: Lane) -> Bool {
        switch change {
        case .client(let session, let clientID, _):
            waitingSessions.contains(session) || waitingClients.contains(lane.arena[clientID.range])
        case .sessionEnd(let session, _): waitingSessions.contains(session)
        case .sessionSwept(let session):
            waitingSessions.contains(session) || waitingMoves.contains(session)
        case .release(let session, let packetID):
            waitingReceptions.contains(Reception(session: session, packetID: packetID))
        case .message, .removal, .state, .reception, .subscription, .unsubscription, .retainedRemoval,
            .folded, .settled:
            false
        }
    }

    /// States that wait keep the session's later records waiting: a resume must not read the queue before them.
    private mutating func postpone(_ change: LaneChange, of lane: Lane) {
        switch change {
        case .client(let session, _, _), .sessionSwept(let session), .state(let session, _, _, _, _):
            waitingSessions.insert(session)
        case .sessionEnd(let session, let clientID):
            waitingSessions.insert(session)
            waitingClients.insert(lane.arena[clientID.range])
        case .removal(let session, _, _): waitingMoves.insert(session)
        case .reception(let session, let packetID):
            waitingReceptions.insert(Reception(session: session, packetID: packetID))
        case .message, .release, .subscription, .unsubscription, .retainedRemoval, .folded, .settled: break
        }
    }
}

// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import DequeModule
import Packets
import Persistence

/// Resuming is one procedure: after a restart, a reconnect, a takeover, or when a client is slower than its
/// messages.
extension Shard {
    /// A live session loses touch with its mail: from now on its queue comes from the store.
    func fallBack(_ session: Session) {
        guard session.isPersistent, let slot = session.slot else { return }
        switch session.catchup.phase {
        case .settling, .reading: return
        case .goingLive: return overflowGoingLive(session, slot)
        case .live: break
        }
        session.dropTail()
        commons.seats.move(session.seat, to: Seat(shard: index, slot: slot, isOnline: false))
        recordStates(session)
        let skips = Set(
            session.inflight.entries.filter { $0.ordinal != PostReceiver.unstored }.map { $0.number })
        session.catchup.restart(skipping: skips)
        countHeld(session)
        catchingUp.append(session)
    }

    /// The tail overflowed before the store was read up to the last number: all of it is dropped, reading goes on
    /// from the cursor, and the session does not try again before the committer has moved.
    private func overflowGoingLive(_ session: Session, _ slot: UInt32) {
        session.dropTail()
        countHeld(session)
        commons.seats.move(session.seat, to: Seat(shard: index, slot: slot, isOnline: false))
        session.catchup.phase = .reading
        session.catchup.reachedEnd = false
        commons.underHandOver { _, last in session.catchup.notBefore = last }
        commons.demand(session.catchup.notBefore)
        orders.append(.wakeCommitter)
        readOn(session)
    }

    /// Writes packet identifier and state of what is in flight.
    private func recordStates(_ session: Session) {
        let unrecorded = session.inflight.entries.filter {
            !$0.isRecorded && $0.ordinal != PostReceiver.unstored
        }
        guard !unrecorded.isEmpty else { return }
        beginEntry(of: session)
        for entry in unrecorded {
            lane.append(
                .state(
                    session: session.number, number: entry.number, ordinal: entry.ordinal,
                    packetID: entry.packetID, state: entry.state))
            var recorded = entry
            recorded.isRecorded = true
            session.inflight.set(recorded)
        }
    }

    // MARK: Settling

    /// At the end of the tick: what the settling sessions have changed is handed over. A waiting resume starts a
    /// commit like any waiter.
    func settleCatchups() {
        for session in catchingUp where session.catchup.phase == .settling {
            guard !isSettled(session), let last = session.changes.last else {
                wantsSelfWake = true
                continue
            }
            guard let position = position(of: last), position > commons.committedPosition else { continue }
            commons.demand(position)
            orders.append(.wakeCommitter)
        }
    }

    private func position(of wait: HoldWait) -> UInt64? {
        switch wait {
        case .position(let position): position
        case .ticket(let ticket): ledger.position(of: ticket)
        }
    }

    /// The committer has moved: who waited for that goes on.
    func advanceCatchups() {
        for session in catchingUp {
            switch session.catchup.phase {
            case .settling where isSettled(session):
                session.catchup.phase = .reading
                readOn(session)
            case .reading, .goingLive: readOn(session)
            case .settling, .live: break
            }
        }
        catchingUp.removeAll { $0.catchup.isLive || $0.slot == nil }
    }

    // MARK: Reading

    /// Asks for the next window if there is room for it, or takes the step that comes after the last.
    func readOn(_ session: Session) {
        guard !session.catchup.isReading, let slot = session.slot, let connection = connections[Int(slot)],
            connection.stage == .connected || connection.stage == .connecting
        else { return }
        let bytesMax = share(of: limits.windowBytesMax)
        guard session.catchup.window.count <= limits.windowMessagesMax / 2,
            session.catchup.windowBytes <= bytesMax / 2, !isClogged(connection)
        else { return }
        switch session.catchup.phase {
        case .live, .settling: return
        case .goingLive(_, let position) where position > ledger.position: return
        case .reading where session.catchup.reachedEnd: return goLive(session, slot)
        case .reading, .goingLive: break
        }
        session.catchup.askedBytes = bytesMax
        countHeld(session)
        let kind = ReadRequest.Kind.window(
            after: session.catchup.cursor, limit: limits.windowMessagesMax, bytesMax: bytesMax,
            round: session.catchup.round)
        ask(ReadRequest(session: session.number, kind: kind))
    }

    /// The moment to go live: under the hand-over lock the session becomes visible as online and remembers the
    /// last number given out. What is at or below it comes from the store, what is above it by mail.
    private func goLive(_ session: Session, _ slot: UInt32) {
        guard ledger.position >= session.catchup.notBefore else { return }
        let seat = Seat(shard: index, slot: slot, isOnline: true)
        commons.underHandOver { lastNumber, lastPosition in
            commons.seats.move(session.seat, to: seat)
            session.catchup.phase = .goingLive(lastNumber: lastNumber, position: lastPosition)
            commitWanted = lastPosition
        }
        session.catchup.reachedEnd = false
        if commitWanted > commons.committedPosition {
            commons.demand(commitWanted)
            orders.append(.wakeCommitter)
        }
        if commitWanted <= ledger.position { readOn(session) } else { wantsSelfWake = true }
    }

    func takeWindow(_ page: DeliveryPage, of number: SessionNumber, round: UInt32) {
        guard let session = sessions[number], session.catchup.round == round, let slot = session.slot,
            let connection = connections[Int(slot)]
        else { return }
        session.catchup.askedBytes = 0
        fill(session, with: page)
        pump(session, connection)
    }

    /// Takes a window in, skipping what is in flight on this very connection, and what a damaged store gives again, out
    /// of order, or under a number that nobody has had. A window that leads no further is the last one.
    private func fill(_ session: Session, with page: DeliveryPage) {
        let start = session.catchup.cursor
        var end = start
        commons.underHandOver { last, _ in end = last }
        var isDone = page.isLast || !page.deliveries.contains { $0.number > start && $0.number <= end }
        for delivery in page.deliveries
        where delivery.number > session.catchup.cursor && delivery.number <= end {
            if case .goingLive(let lastNumber, _) = session.catchup.phase, delivery.number > lastNumber {
                isDone = true
                break
            }
            session.catchup.cursor = delivery.number
            if session.catchup.skips.contains(delivery.number) { continue }
            session.catchup.append(Parcel(delivery))
        }
        guard isDone else { return }
        switch session.catchup.phase {
        case .reading: session.catchup.reachedEnd = true
        case .goingLive(let lastNumber, _):
            session.catchup.phase = .live
            session.catchup.liveAfter = lastNumber
            let packetIDs = session.catchup.window.map(\.packetID).filter { $0 != 0 }
            session.inflight.releaseReserved(except: packetIDs)
        case .live, .settling: break
        }
    }
}

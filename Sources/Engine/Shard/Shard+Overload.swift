// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import DequeModule
import Packets
import Persistence

/// What happens while more is uncommitted than memory is meant for.
///
/// A connection without deliveries in flight is not read: all that its packets could do is ask for more. One with
/// deliveries in flight is always read, because its acknowledgements make room, and so does the release of what it
/// has published; what it asks for beyond that is refused, or taken out of a small reserve.
extension Shard {
    /// Whether a packet may be looked at. False: the connection is blocked before it, or closed.
    @inline(__always)
    func hasRoom(for type: PacketType, on connection: Connection) -> Bool {
        switch type {
        case .publish: Int(connection.waiting.total) < limits.waitingAnswersMax || refuseMore(connection)
        case .pubrec, .pubrel, .subscribe, .unsubscribe: hasRoom(forRequest: type, on: connection)
        default: true
        }
    }

    private func hasRoom(forRequest type: PacketType, on connection: Connection) -> Bool {
        // One that is not stored asks for nothing that must be committed.
        guard let session = connection.session, session.isPersistent || session.isStored else { return true }
        // Of these there are not more than deliveries in flight, unless they repeat themselves.
        let waiting = type == .pubrec ? connection.waiting[.pubrel] : connection.waiting.total
        guard Int(waiting) < limits.waitingAnswersMax else { return refuseMore(connection) }
        guard isOverloaded(session) else { return true }
        guard session.inflight.count > 0 else { return holdBack(connection) }
        let asksForMore = type == .subscribe || type == .unsubscribe
        guard asksForMore, connection.waiting[.reply] > 0 else { return true }
        return uncommittedBytes(of: session) <= Shard.reserveBytesMax || refuseMore(connection)
    }

    /// Whether a SUBSCRIBE of a client with deliveries in flight is more than can be taken now.
    func isBeyondReserve(_ session: Session, adding subscriptions: [Subscription]) -> Bool {
        guard isOverloaded(session) else { return false }
        let bytes = subscriptions.reduce(0) {
            $0 + 2 * $1.filter.bytes.count + MemoryLayout<LaneChange>.stride
        }
        return uncommittedBytes(of: session) + bytes > Shard.reserveBytesMax
    }

    /// Does not read on before there is room; always false.
    func holdBack(_ connection: Connection) -> Bool {
        connection.block.insert(.overload)
        overloaded.append(connection)
        return false
    }

    /// More answers wait than any client needs.
    private func refuseMore(_ connection: Connection) -> Bool {
        guard let session = connection.session, session.inflight.count > 0 else {
            return holdBack(connection)
        }
        drop(connection, .quotaExceeded, "too many answers wait for a commit")
        return false
    }

    func isOverloaded(_ session: Session) -> Bool {
        let bytes = lane.bytes &+ waiters.count &* MemoryLayout<Waiter>.stride
        return isStuck || commons.queuedBytes &+ bytes > limits.uncommittedBytesMax
            || uncommittedBytes(of: session) > limits.sessionUncommittedBytesMax
    }

    /// What the session has asked for and is not yet committed: its allowance survives reconnects.
    func uncommittedBytes(of session: Session) -> Int {
        while let first = session.uncommitted.first, isDone(first.wait) {
            session.uncommittedBytes -= first.bytes
            session.uncommitted.removeFirst()
        }
        return session.uncommittedBytes + session.holdBytes
    }

    func countUncommitted(_ bytes: Int, of session: Session) {
        session.uncommittedBytes += bytes
        if let last = session.uncommitted.last, last.tick == tickSerial {
            session.uncommitted[session.uncommitted.count - 1].bytes += bytes
            session.uncommitted[session.uncommitted.count - 1].wait = .ticket(ticket)
        } else {
            session.uncommitted.append(
                UncommittedBytes(wait: .ticket(ticket), bytes: bytes, tick: tickSerial))
        }
    }

    /// Reads on from connections that were blocked, as soon as there is room.
    func retryOverloaded() {
        guard !overloaded.isEmpty else { return }
        let waiting = overloaded
        overloaded.removeAll(keepingCapacity: true)
        for connection in waiting where connection.stage == .connected {
            unblock(connection, .overload)
        }
    }

    /// What a session may ask for on a full disk while it makes room.
    private static let reserveBytesMax = 64 << 10
}

// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import DequeModule
import Packets
import Persistence

/// Acknowledgements, and what else waits for a commit.
extension Shard {
    /// The ticket of the entry that is being filled.
    var ticket: UInt64 { ledger.handedOver + UInt64(lane.entries.count) }

    /// Begins an entry in the lane; returns its ticket.
    @discardableResult
    func beginEntry() -> UInt64 {
        lane.begin()
        return ticket
    }

    /// Begins an entry that changes a session's queue or record.
    @discardableResult
    func beginEntry(of session: Session) -> UInt64 {
        let ticket = beginEntry()
        _ = isSettled(session)
        session.changes.append(.ticket(ticket))
        // On a full disk the first may wait for hours while others come and go.
        if session.changes.count.isMultiple(of: 1024) { session.changes.removeAll { isDone($0) } }
        return ticket
    }

    /// Whether everything the session has changed is committed.
    func isSettled(_ session: Session) -> Bool {
        while let oldest = session.changes.first {
            guard isDone(oldest) else { return false }
            session.changes.removeFirst()
        }
        return true
    }

    /// What the acknowledgement of a publish waits for that changes nothing in the store: nothing while the store is
    /// certainly ours. Else it may have receivers in a broker that has taken over, and waits for a commit.
    func proof(_ qos: QoS) -> UInt64? {
        guard qos != .atMostOnce, !limits.acknowledgesBeforeCommit, !commons.isStoreCertain else {
            return nil
        }
        beginEntry()
        // Against the limits on memory it weighs as much as a change.
        lane.append(.settled)
        return ticket
    }

    /// Queues an acknowledgement until `ticket` is committed; nil: it leaves now, or behind others of its kind.
    func acknowledge(
        _ connection: Connection, _ kind: WaiterKind, packetID: UInt16 = 0, reason: ReasonCode = .success,
        after ticket: UInt64?
    ) {
        var wait = limits.acknowledgesBeforeCommit && kind != .publish ? nil : ticket
        if let ticket = wait {
            lane.isUrgent = lane.isUrgent || ticket > ledger.handedOver
        } else if connection.waiting[kind] > 0 {
            wait = connection.lastTickets[Int(kind.rawValue)]
        }
        guard let wait else { return release(connection, kind, packetID, reason) }
        connection.waiting[kind] += 1
        connection.lastTickets[Int(kind.rawValue)] = wait
        if let last = waiters.last, last.ticket > wait { waitersAreMixed = true }
        waiters.append(
            Waiter(
                ticket: wait, slot: connection.id, packetID: packetID, kind: kind, reason: reason,
                isOwn: wait == ticket))
    }

    /// Sends what has become durable.
    func releaseWaiters(hadAhead: Bool) {
        while let waiter = waiters.first, ledger.isDone(waiter.ticket) {
            waiters.removeFirst()
            release(waiter)
        }
        if waiters.isEmpty {
            waitersAreMixed = false
        } else if hadAhead || waitersAreMixed {
            releaseAhead()
        }
    }

    /// Entries were committed out of turn, or waiters stand behind others of later tickets: releases those whose kind on their connection is not blocked by an
    /// earlier one.
    private func releaseAhead() {
        var kept = waiters
        kept.removeAll(keepingCapacity: true)
        var blocked: Set<BlockedKind> = []
        var released: [Waiter] = []
        for waiter in waiters {
            let key = BlockedKind(slot: waiter.slot, kind: waiter.kind)
            if ledger.isDone(waiter.ticket) && !blocked.contains(key) {
                released.append(waiter)
            } else {
                blocked.insert(key)
                kept.append(waiter)
            }
        }
        waiters = kept
        for waiter in released { release(waiter) }
    }

    private func release(_ waiter: Waiter) {
        let isRefused = waiter.isOwn && ledger.isRefused(ticket: waiter.ticket)
        let parcel = waiter.kind == .publish ? sends.removeValue(forKey: waiter.ticket) : nil
        if waiter.kind == .inline {
            let reason = isRefused ? ReasonCode.implementationSpecificError : .success
            let ticket = inlineTickets.removeValue(forKey: waiter.ticket) ?? 0
            return orders.append(.completed(ticket: ticket, reason: reason))
        }
        guard let connection = connection(waiter.slot), connection.stage != .closed else { return }
        connection.waiting[waiter.kind] -= 1
        if let parcel {
            if ledger.isRefused(message: parcel.number) {
                return abandon(parcel, packetID: waiter.packetID, connection)
            }
            if !isRefused { return sendRecorded(parcel, packetID: waiter.packetID, connection) }
        }
        if isRefused { return releaseRefused(waiter, connection) }
        release(connection, waiter.kind, waiter.packetID, waiter.reason)
    }

    /// The store can never take what this acknowledges.
    private func releaseRefused(_ waiter: Waiter, _ connection: Connection) {
        switch waiter.kind {
        case .puback where connection.version == .v5, .pubrec where connection.version == .v5:
            release(connection, waiter.kind, waiter.packetID, .implementationSpecificError)
        default:
            drop(connection, .implementationSpecificError, "the store refused a change")
        }
    }

    /// Writes one acknowledgement.
    func release(
        _ connection: Connection, _ kind: WaiterKind, _ packetID: UInt16, _ reason: ReasonCode
    ) {
        switch kind {
        case .puback: write(connection, .puback, packetID, reason)
        case .pubrec: write(connection, .pubrec, packetID, reason)
        case .pubrel: write(connection, .pubrel, packetID, reason)
        case .pubcomp: write(connection, .pubcomp, packetID, reason)
        case .connack: connackStep(connection)
        case .reply:
            guard let reply = connection.replies.popFirst() else { return }
            write(connection, reply)
        case .publish, .inline: break
        }
    }

    private func write(
        _ connection: Connection, _ type: PacketType, _ packetID: UInt16, _ reason: ReasonCode
    ) {
        AcknowledgementEncoder.append(
            type, packetID: packetID, reason: reason, version: connection.version, to: &connection.outbound)
        markDirty(connection)
    }

    /// Writes any other packet. One that the client's Maximum Packet Size forbids `[MQTT-3.1.2-24]` ends the
    /// connection rather than let the client wait for it.
    func write(_ connection: Connection, _ packet: Packet) {
        guard
            packet.encode(
                into: &connection.outbound, version: connection.version,
                packetBytesMax: connection.packetBytesMax)
        else {
            if case .disconnect = packet { return }
            var says = true
            // Nothing comes before CONNACK `[MQTT-3.2.0-1]`.
            if case .connack = packet { says = false }
            return drop(
                connection, .packetTooLarge, "an answer does not fit the client's Maximum Packet Size",
                says: says)
        }
        markDirty(connection)
    }

    /// Posts what was held back, in order, as far as its commits have come.
    func releaseHolds() {
        guard !holding.isEmpty else { return }
        for session in holding {
            while let hold = session.holds.first, isDone(hold.wait) {
                session.holds.removeFirst()
                session.holdBytes -= hold.mail.bytes
                let isRefused = isRefused(hold.wait)
                // Then it never happened: neither its receivers nor a resend may see it.
                if isRefused { session.receptions.remove(hold.packetID) }
                if let slot = hold.resentBy { answerResend(hold.packetID, isRefused: isRefused, slot) }
                if isRefused { continue }
                for post in hold.mail.posts { dispatch(post, of: hold.mail) }
            }
        }
        holding.removeAll { $0.holds.isEmpty }
    }

    /// PUBREC for a publish that its client sent again from another shard while it waited.
    private func answerResend(_ packetID: UInt16, isRefused: Bool, _ slot: SlotID) {
        guard let connection = connection(slot), connection.stage == .connected else { return }
        if !isRefused {
            release(connection, .pubrec, packetID, .success)
        } else if connection.version == .v5 {
            release(connection, .pubrec, packetID, .implementationSpecificError)
        } else {
            drop(connection, .implementationSpecificError, "the store refused a change")
        }
    }

    private func isRefused(_ wait: HoldWait?) -> Bool {
        switch wait {
        case nil: false
        case .ticket(let ticket): ledger.isRefused(ticket: ticket)
        case .position(let position): ledger.isRefused(position: position)
        }
    }

    func isDone(_ wait: HoldWait?) -> Bool {
        switch wait {
        case nil: true
        case .ticket(let ticket): ledger.isDone(ticket)
        case .position(let position): ledger.isDone(position: position)
        }
    }
}

private struct BlockedKind: Hashable {
    var slot: SlotID
    var kind: WaiterKind
}

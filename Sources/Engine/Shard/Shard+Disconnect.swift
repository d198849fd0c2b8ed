// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import DequeModule
import Packets
package import Persistence

/// From the end of a connection to the end of its session.
extension Shard {
    /// The client says good-bye; only reason 0x00 discards the will `[MQTT-3.14.4-3]`.
    func receiveDisconnect(_ disconnect: Disconnect, on connection: Connection) {
        guard let session = connection.session else { return }
        if let expiry = disconnect.properties.sessionExpiry {
            if session.record.expirySeconds == 0 && expiry != 0 {
                return drop(
                    connection, .protocolError,
                    "DISCONNECT sets a session expiry that was zero (section 3.14.2.2.2)")
            }
            session.record.expirySeconds = min(expiry, limits.sessionExpirySecondsMax)
        }
        let cancelsWill = disconnect.reason == .success && session.record.will != nil
        if cancelsWill { session.record.will = nil }
        let detail =
            disconnect.reason == .success ? "the client disconnected" : "the client asks for its will"
        detach(connection, disconnect.reason, detail, cancelsWill: cancelsWill)
        orders.append(.close(connection.id))
    }

    /// Ends a connection on the broker's initiative. DISCONNECT says why, to MQTT 5 clients after CONNACK only.
    func drop(_ connection: Connection, _ reason: ReasonCode, _ detail: String, says: Bool = true) {
        guard connection.stage != .closed else { return }
        if says && connection.version == .v5 && connection.stage == .connected {
            write(connection, .disconnect(Disconnect(reason: reason)))
        } else if says && connection.stage == .connecting
            && reason.isAllowed(in: .connack, isFromClient: false)
        {
            write(connection, .connack(Connack(reason: reason)))
        }
        detach(connection, reason, detail, cancelsWill: false)
        orders.append(.close(connection.id))
    }

    /// The socket is gone.
    func lose(_ connection: Connection) {
        detach(connection, .unspecifiedError, "the connection was lost", cancelsWill: false)
    }

    /// Separates a connection from its session.
    private func detach(
        _ connection: Connection, _ reason: ReasonCode, _ detail: String, cancelsWill: Bool
    ) {
        connection.stage = .closed
        countHeld(connection)
        connection.block = []
        connection.replies.removeAll()
        guard let session = connection.session else { return }
        connection.session = nil
        session.slot = nil
        commons.seats.move(session.seat, to: Seat(shard: index))
        reportDetail(
            .disconnected(session.record.clientID, connection.origin, reason: reason, detail: detail))
        recordDisconnect(session)
        // What was too much for one member might be too much for the next.
        let unfinished = reason == .quotaExceeded ? [] : session.unfinishedShares
        quiet(session)
        if isStopping { return }
        if session.record.expirySeconds == 0 || !session.isPersistent {
            end(session)
            for parcel in unfinished { redirect(parcel) }
        } else if let will = session.record.will, will.delaySeconds == 0 {
            publishWill(of: session)
            schedule(session)
        } else {
            schedule(session)
        }
        // Nobody waits for it, but a crash must not bring the will back.
        if cancelsWill && !lane.isEmpty { lane.isUrgent = true }
    }

    /// Writes what the next connection needs to know: what is in flight, and when the connection ended. A
    /// shutdown treats connections as a crash does: their records stay "connected".
    private func recordDisconnect(_ session: Session) {
        guard session.isPersistent && session.record.expirySeconds > 0 else { return }
        let unrecorded = session.inflight.entries.filter {
            !$0.isRecorded && $0.ordinal != PostReceiver.unstored
        }
        beginEntry(of: session)
        for entry in unrecorded {
            lane.append(
                .state(
                    session: session.number, number: entry.number, ordinal: entry.ordinal,
                    packetID: entry.packetID, state: entry.state))
        }
        if isStopping { return }
        session.record.disconnectedAt = now
        appendRecord(session)
    }

    /// Forgets everything that belongs to the connection.
    private func quiet(_ session: Session) {
        session.inflight.removeAll()
        session.dropTail()
        session.catchup.end()
        countHeld(session)
        catchingUp.removeAll { $0 === session }
        endRetained(session)
    }

    /// Ends a session: its client identifier no longer leads to it, its subscriptions match no more, its will is
    /// published in the same commit; what is stored of it is swept afterwards.
    func end(_ session: Session) {
        guard sessions[session.number] != nil else { return }
        sessions[session.number] = nil
        deadlines.cancel(session)
        for subscription in session.subscriptions.values {
            guard let filter = TopicFilter(subscription.filter) else { continue }
            _ = commons.subscriptions.remove(filter, session: session.number)
        }
        let opened = session.record.will != nil ? publishWill(of: session, ends: true) : false
        if session.isStored {
            if !opened { beginEntry() }
            let id = lane.append(bytes: session.record.clientID.bytes)
            lane.append(.sessionEnd(session: session.number, clientID: id))
            sweeps.append(
                Sweep(session: session.number, clientID: session.record.clientID, endTicket: ticket))
        }
        afterHandOver.append(.forget(session))
        reportDetail(.ended(session.record.clientID))
    }

    /// Publishes the will and takes it out of the record in one commit; it is posted only after that commit, so
    /// that a crash cannot publish it twice. Returns whether an entry is open for more changes.
    @discardableResult
    func publishWill(of session: Session, ends: Bool = false) -> Bool {
        guard let will = session.record.will else { return false }
        session.record.will = nil
        let expiry = will.expirySeconds.map { now + Milliseconds($0) * 1000 } ?? 0
        let first = tick.posts.count
        var opened = publish(
            will, clientID: session.record.clientID, session: session.number, expiresAt: expiry)
        if session.isStored {
            if !opened { beginEntry() }
            opened = true
            if !ends { appendRecord(session) }
            if ends { lane.isUrgent = true }
        }
        let ticket = opened ? self.ticket : nil
        if opened { lane.isUrgent = true }
        if opened || !session.holds.isEmpty {
            tickHolds.append(
                TickHold(posts: first..<tick.posts.count, session: session, ticket: ticket, packetID: 0))
        }
        return opened
    }

    // MARK: Deadlines

    /// Sets the time at which an absent session's will is due, or the session ends.
    func schedule(_ session: Session) {
        guard session.slot == nil else { return }
        let ends = endTime(session)
        let willDue = session.record.will.map {
            session.record.disconnectedAt + Milliseconds($0.delaySeconds) * 1000
        }
        let due = min(ends ?? .max, willDue ?? .max)
        if due != .max { deadlines.set(session, at: due) }
    }

    private func endTime(_ session: Session) -> Milliseconds? {
        guard session.record.expirySeconds != .max else { return nil }
        return session.record.disconnectedAt + Milliseconds(session.record.expirySeconds) * 1000
    }

    /// Publishes wills that are due, and ends sessions that have expired.
    func passDeadlines() {
        while let number = deadlines.next(now: now) {
            guard let session = sessions[number], session.slot == nil else { continue }
            if let ends = endTime(session), ends <= now {
                end(session)
            } else {
                publishWill(of: session)
                schedule(session)
            }
        }
    }

    /// Closes connections that are silent for too long `[MQTT-3.1.2-22]`, or do not finish CONNECT.
    func scanConnections() {
        for case let connection? in connections where connection.stage != .closed {
            if connection.stage == .opening {
                if now - connection.openedAt > Milliseconds(limits.connectSecondsMax) * 1000 {
                    drop(connection, .protocolError, "no CONNECT in time", says: false)
                }
            } else if connection.keepAlive > 0, connection.block.isEmpty,
                now - connection.receivedAt > connection.keepAlive
            {
                drop(connection, .keepAliveTimeout, "nothing was received within the keep-alive time")
            }
        }
    }

    /// Says DISCONNECT 0x8B to everybody and lets the sessions stand as a crash would find them.
    package func shutDown(now: Milliseconds) {
        begin(now)
        isStopping = true
        for case let connection? in connections where connection.stage != .closed {
            drop(connection, .serverShuttingDown, "the broker shuts down")
        }
    }
}

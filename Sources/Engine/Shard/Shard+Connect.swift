// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import DequeModule
import NIOCore
import Packets
import Persistence
import Synchronization

/// From CONNECT to CONNACK.
extension Shard {
    func receiveConnect(_ connect: Connect, on connection: Connection) {
        connection.version = connect.version
        connection.isBridge = connect.isBridge
        connection.packetBytesMax = min(
            connect.properties.maximumPacketSize.map(Int.init) ?? .max, Limits.protocolPacketBytesMax)
        let others = commons.connectionCount.load(ordering: .relaxed) - 1
        let decision = ConnectDecision(connect, limits: limits, clients: others, using: &random)
        switch decision {
        case .refuse(let reason): refuse(connection, reason, "CONNECT was refused")
        case .accept(let parameters) where !canAnswer(parameters, on: connection):
            refuse(connection, .packetTooLarge, "CONNACK does not fit the client's Maximum Packet Size")
        case .accept(let parameters): admit(parameters, on: connection)
        }
    }

    /// Whether CONNACK fits: who cannot be answered must not take a session over.
    private func canAnswer(_ parameters: SessionParameters, on connection: Connection) -> Bool {
        guard connection.packetBytesMax < Limits.protocolPacketBytesMax else { return true }
        var scratch = ByteBuffer()
        let connack = Connack(reason: .success, properties: parameters.connackProperties(limits))
        return Packet.connack(connack)
            .encode(into: &scratch, version: connection.version, packetBytesMax: connection.packetBytesMax)
    }

    private func admit(_ parameters: SessionParameters, on connection: Connection) {
        connection.stage = .connecting
        connection.block.insert(.connecting)
        connection.admission = Admission(parameters)
        connection.keepAlive = Milliseconds(parameters.keepAliveSeconds) * 1500
        connection.windowMax = Int(parameters.receiveMaximum)
        connection.inboundAliases = InboundTopicAliases(
            maximum: limits.topicAliasMaximum, bytesMax: limits.topicAliasBytesMax)
        connection.outboundAliases = OutboundTopicAliases(
            maximum: min(parameters.topicAliasMaximum, limits.topicAliasMaximum),
            bytesMax: limits.topicAliasBytesMax)
        let claim = Claim(
            clientID: parameters.clientID, shard: index, slot: connection.id,
            cleanStart: parameters.cleanStart)
        follow(claim, commons.registry.withLock { $0.claim(claim) })
    }

    /// Refuses a connection with CONNACK, and closes it `[MQTT-3.1.4-2]`.
    func refuse(_ connection: Connection, _ reason: ReasonCode, _ detail: String) {
        orders.append(.report(.refused(connection.origin, reason: reason, detail: detail)))
        write(connection, .connack(Connack(sessionPresent: false, reason: reason)))
        guard connection.stage != .closed else { return }
        connection.stage = .closed
        orders.append(.close(connection.id))
    }

    // MARK: Claims

    /// Goes on with a claim, given what the registry found.
    func follow(_ claim: Claim, _ finding: Registry.Finding) {
        switch finding {
        case .waits: break
        case .vacant: granted(claim, nil, ended: nil)
        case .held(let shard, let session) where shard == index: surrender(claim, session)
        case .held(let shard, let session): tell(shard, .surrender(claim, session: session))
        }
    }

    /// Gives a session to the connection that claims it, after everything it has done is handed over; or ends
    /// it, for a clean start `[MQTT-3.1.2-4]`.
    func surrender(_ claim: Claim, _ number: SessionNumber) {
        guard let session = sessions[number] else {
            return afterHandOver.append(.grant(claim, nil, ended: nil))
        }
        if let slot = session.slot, let connection = connections[Int(slot)] {
            takeOver(connection, session)
        }
        guard sessions[number] != nil else {
            return afterHandOver.append(.grant(claim, nil, ended: session.isStored ? number : nil))
        }
        if claim.cleanStart {
            end(session)
            afterHandOver.append(.grant(claim, nil, ended: session.isStored ? number : nil))
        } else {
            // Its time may pass before the end of this tick; it is another connection's already.
            deadlines.cancel(session)
            afterHandOver.append(.grant(claim, session, ended: nil))
        }
    }

    private func takeOver(_ connection: Connection, _ session: Session) {
        drop(connection, .sessionTakenOver, "the client connected again [MQTT-3.1.4-3]")
    }

    /// Lets go of a session that moves to another connection, maybe on another shard.
    func giveAway(_ session: Session) {
        sessions[session.number] = nil
        holding.removeAll { $0 === session }
        for index in session.holds.indices {
            session.holds[index].resentBy = nil
            if case .ticket(let ticket) = session.holds[index].wait {
                session.holds[index].wait = ledger.position(of: ticket).map { .position($0) }
            }
        }
        for index in session.uncommitted.indices {
            guard case .ticket(let ticket) = session.uncommitted[index].wait else { continue }
            session.uncommitted[index].wait = .position(ledger.position(of: ticket) ?? 0)
            session.uncommitted[index].tick = 0
        }
        session.heldTick = 0
        session.changes = Deque(
            session.changes.compactMap { change in
                guard case .ticket(let ticket) = change else { return change }
                return ledger.position(of: ticket).map { .position($0) }
            })
        for change in [\Session.lastRelease, \.lastUnsubscription] {
            guard case .ticket(let ticket) = session[keyPath: change] else { continue }
            session[keyPath: change] = ledger.position(of: ticket).map { .position($0) }
        }
        deadlines.cancel(session)
    }

    /// A claim was answered: the session is here, or there is none.
    func granted(_ claim: Claim, _ session: Session?, ended: SessionNumber?) {
        let connection = connection(claim.slot)
        let ended = ended ?? commons.registry.withLock { $0.ended(claim.clientID) }
        let isWanted = connection?.stage == .connecting
        if let session { adopt(session) }
        var number = session?.number
        if let connection, isWanted { number = attach(connection, session, ended: ended) }
        let next = commons.registry.withLock { $0.complete(claim.clientID, shard: index, session: number) }
        guard let next else {
            if let session { schedule(session) }
            return
        }
        // Its client is back already: it does not expire while it waits for its turn.
        if next.shard == index {
            follow(next, commons.registry.withLock { $0.proceed(next) })
        } else {
            tell(next.shard, .proceed(next))
        }
    }

    /// Takes a session, without a connection, into this shard.
    func adopt(_ session: Session) {
        sessions[session.number] = session
        commons.seats.move(session.seat, to: Seat(shard: index))
        guard !session.holds.isEmpty else { return }
        holding.append(session)
        wantsSelfWake = true
    }

    // MARK: Attaching

    /// Joins connection and session, new or resumed; returns the session's number.
    private func attach(
        _ connection: Connection, _ resumed: Session?, ended: SessionNumber?
    ) -> SessionNumber {
        guard let admission = connection.admission else { preconditionFailure("admitted without parameters") }
        let parameters = admission.parameters
        let session = resumed ?? makeSession(parameters)
        update(session, with: parameters, connection)
        session.slot = connection.id.index
        connection.session = session
        admission.connack = Connack(
            sessionPresent: resumed != nil, reason: .success, properties: parameters.connackProperties(limits)
        )
        admission.connackSteps = 1
        recordConnect(session, connection, ended: ended)
        if resumed != nil { resume(session, connection) } else { seatNew(session, connection) }
        connackStep(connection)
        return session.number
    }

    private func makeSession(_ parameters: SessionParameters) -> Session {
        let number = commons.nextSessionNumber()
        let record = ClientRecord(
            session: number, clientID: parameters.clientID, isPersistent: parameters.isPersistent)
        let session = Session(record: record, seat: commons.seats.take(Seat(shard: index)))
        sessions[number] = session
        return session
    }

    private func seatNew(_ session: Session, _ connection: Connection) {
        let seat = Seat(shard: index, slot: connection.id.index, isOnline: true)
        commons.seats.move(session.seat, to: seat)
    }

    private func update(_ session: Session, with parameters: SessionParameters, _ connection: Connection) {
        session.record.version = connection.version
        session.record.username = parameters.username
        session.record.listener = connection.origin.listener
        session.record.remote = connection.origin.remote
        session.record.expirySeconds = parameters.expirySeconds
        session.record.boot = boot
        session.record.disconnectedAt = 0
        session.record.will = parameters.will
        // A session that has been persistent stays so until it ends.
        if parameters.isPersistent { session.record.isPersistent = true }
    }

    /// What CONNACK must wait for `[DESIGN §1]`: the record with its will, the end of the old session.
    private func recordConnect(_ session: Session, _ connection: Connection, ended: SessionNumber?) {
        guard session.isPersistent || session.record.will != nil || ended != nil || session.isStored else {
            return
        }
        let ticket = beginEntry(of: session)
        // The end was handed over before; repeating it makes this entry wait for it even out of turn.
        if let ended {
            let id = lane.append(bytes: session.record.clientID.bytes)
            lane.append(.sessionEnd(session: ended, clientID: id))
        }
        if session.isPersistent || session.record.will != nil || session.isStored { appendRecord(session) }
        connection.admission?.connackSteps += 1
        acknowledge(connection, .connack, after: ticket)
    }

    /// Appends the client record to the entry that is being filled.
    func appendRecord(_ session: Session) {
        session.isStored = true
        let id = lane.append(bytes: session.record.clientID.bytes)
        var bytes: [UInt8] = []
        RecordCoding.append(session.record, to: &bytes)
        let record = lane.append(bytes: bytes)
        lane.append(.client(session: session.number, clientID: id, record: record))
    }

    private func resume(_ session: Session, _ connection: Connection) {
        if session.isPersistent {
            commons.seats.move(
                session.seat, to: Seat(shard: index, slot: connection.id.index, isOnline: false))
            session.catchup.restart(skipping: [])
            countHeld(session)
            catchingUp.append(session)
        } else {
            seatNew(session, connection)
        }
        guard !session.knowsReceptions else { return }
        connection.admission?.connackSteps += 1
        ask(ReadRequest(session: session.number, kind: .receptions))
    }

    /// One of the things that CONNACK waits for has happened.
    func connackStep(_ connection: Connection) {
        guard let admission = connection.admission, let session = connection.session else { return }
        admission.connackSteps -= 1
        guard admission.connackSteps == 0, let connack = admission.connack.take() else { return }
        connection.admission = nil
        connection.stage = .connected
        connection.inheritedReceptions = session.receptions.count
        if connection.version == .v5 {
            write(connection, .connack(connack))
        } else {
            connack.appendWithoutProperties(version: connection.version, to: &connection.outbound)
            markDirty(connection)
        }
        reportDetail(
            .connected(
                session.record.clientID, connection.origin, version: connection.version,
                resumed: connack.sessionPresent))
        resumeRetained(session)
        pump(session, connection)
        unblock(connection, .connecting)
    }

    /// The stored packet identifiers of a session that was restored: those received, and those its deliveries
    /// have, which are taken although the deliveries have not been read yet.
    func takeReceptions(_ packetIDs: [UInt16], sent: [UInt16], of session: Session) {
        guard !session.knowsReceptions else { return }
        session.receptions.formUnion(packetIDs)
        session.knowsReceptions = true
        session.inflight.reserve(sent)
        guard let slot = session.slot, let connection = connections[Int(slot)] else { return }
        connackStep(connection)
    }
}

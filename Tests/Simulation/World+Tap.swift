// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import Engine
import Packets
import Persistence

/// What must hold at the moment the broker writes a packet: nothing leaves before the commit that covers it.
extension World {
    func tap(_ packet: Packet, on link: Link) {
        moment += 1
        note("link \(link.id) to client \(link.client): \(summary(packet))")
        // A connection that ends has ended earlier in the tick, maybe before time has passed.
        if case .disconnect = packet {} else { link.incarnation?.lastSeen = now }
        link.incarnation?.lastSeenAt = moment
        switch packet {
        case .connack(let connack): tap(connack, link)
        case .publish(let publish): tap(publish, link)
        case .puback(let acknowledgement): tapPuback(acknowledgement, link)
        case .pubrec(let acknowledgement): tapPubrec(acknowledgement, link)
        case .pubrel(let acknowledgement): tapPubrel(acknowledgement, link)
        case .pubcomp(let acknowledgement): tapPubcomp(acknowledgement, link)
        case .suback(let suback): tap(suback, link)
        case .unsuback(let unsuback): tapUnsuback(unsuback.packetID, link)
        case .pingresp: tapPingresp(link)
        case .disconnect, .connect, .subscribe, .unsubscribe, .pingreq, .auth: break
        }
    }

    private func summary(_ packet: Packet) -> String {
        switch packet {
        case .publish(let publish):
            "PUBLISH \(Payload.serial(publish.payload).map(String.init) ?? "clear") to \(publish.topic),"
                + " QoS \(publish.qos.rawValue), id \(publish.packetID)\(publish.dup ? ", DUP" : "")"
                + "\(publish.retain ? ", retained" : "")"
        case .puback(let it), .pubrec(let it), .pubrel(let it), .pubcomp(let it):
            "\(packet.type) \(it.packetID), reason \(it.reason.rawValue)"
        case .connack(let connack):
            "connack, present \(connack.sessionPresent), reason \(connack.reason.rawValue)"
        case .disconnect(let disconnect): "disconnect, reason \(disconnect.reason.rawValue)"
        case .connect, .suback, .unsuback, .subscribe, .unsubscribe, .pingreq, .pingresp, .auth:
            "\(packet.type)"
        }
    }

    // MARK: CONNACK

    private func tap(_ connack: Connack, _ link: Link) {
        guard connack.reason == .success else { return }
        let client = clients[link.client]
        let stored = disk.mirror.client(client.name)
        let old = client.incarnation
        let isPresent =
            link.version == .v31
            ? old?.number != nil && old?.number == stored?.session : connack.sessionPresent
        if isPresent, !isUnseen(stored, link) {
            checkPresent(old, stored, link)
        } else if !isPresent, let old, old.mustExist(now: now), !link.request.isClean {
            fail("the session of client \(link.client) is lost")
        }
        let isResumed = isPresent && !isUnseen(stored, link)
        if let old, !isResumed { old.isGone = true }
        let session = isResumed ? old ?? begin(link) : begin(link)
        if isResumed, !session.mustExist(now: now) { session.doubts.append(session.lastSeenAt..<moment) }
        session.expirySeconds = link.request.expirySeconds
        session.isPersistent = session.isPersistent || link.request.isPersistent
        session.mayBeGone = false
        client.unseen.removeAll { $0 === link || ($0.closedAt ?? .max) < link.openedAt }
        for other in client.unseen {
            session.expirySeconds = min(session.expirySeconds, other.request.expirySeconds)
            if other.request.isClean { session.mayBeGone = true }
        }
        session.lastSeen = now
        client.incarnation = session
        link.incarnation = session
        link.isConnected = true
        link.connackAt = moment
        checkRecord(stored, session, link, isNew: !isResumed)
        if let stored { session.number = stored.session }
        client.hasUnseenConnect = links.contains { $0.client == client.index && !$0.isConnected }
    }

    /// The session was begun by a CONNECT whose CONNACK nobody has seen: on a connection that was taken over.
    private func isUnseen(_ stored: ClientRecord?, _ link: Link) -> Bool {
        let client = clients[link.client]
        guard client.hasUnseenConnect, let stored else { return false }
        return !ledger.incarnations.contains { $0.number == stored.session }
    }

    private func begin(_ link: Link) -> Incarnation {
        let session = Incarnation(
            id: ledger.incarnations.count, client: link.client, isPersistent: link.request.isPersistent,
            expirySeconds: link.request.expirySeconds, isNarrow: clients[link.client].isNarrow, now: now,
            moment: moment)
        ledger.incarnations.append(session)
        return session
    }

    private func checkPresent(_ old: Incarnation?, _ stored: ClientRecord?, _ link: Link) {
        guard let old, !old.isGone, old.isPersistent else {
            return fail("client \(link.client) got a session that had ended")
        }
        if link.request.isClean { fail("client \(link.client) got an old session for a clean start") }
        if let number = old.number, let stored, stored.session != number {
            fail("client \(link.client) had session \(number) and got \(stored.session)")
        }
    }

    private func checkRecord(_ stored: ClientRecord?, _ session: Incarnation, _ link: Link, isNew: Bool) {
        let client = link.client
        if isNew, let number = stored?.session, ledger.incarnations.contains(where: { $0.number == number }) {
            return fail("CONNACK of client \(client) before the old session's end was durable")
        }
        guard session.isPersistent || link.request.will != nil else { return }
        guard let stored else { return fail("CONNACK of client \(client) before its record was durable") }
        if stored.expirySeconds != link.request.expirySeconds || stored.isPersistent != session.isPersistent {
            fail("CONNACK of client \(client) before its expiry was durable")
        }
        if stored.will.flatMap({ Payload.serial($0.payload) }) != link.request.will {
            fail("CONNACK of client \(client) before its will was durable")
        }
    }

    // MARK: To publishers

    private func tapPuback(_ puback: Acknowledgement, _ link: Link) {
        if puback.reason.isError { turnAway(puback.packetID, link) }
        guard let serial = outgoing(puback.packetID, link) else { return }
        guard !puback.reason.isError else { return refuse(serial) }
        settle(serial, "PUBACK")
    }

    private func tapPubrec(_ pubrec: Acknowledgement, _ link: Link) {
        if pubrec.reason.isError { turnAway(pubrec.packetID, link) }
        guard let serial = outgoing(pubrec.packetID, link) else { return }
        guard !pubrec.reason.isError else { return refuse(serial) }
        let isReleased = clients[link.client].outgoing.contains { $0.serial == serial && $0.isReleased }
        if let session = link.incarnation, session.isPersistent, let number = session.number, !isReleased,
            disk.mirror.receptions[number]?.contains(pubrec.packetID) != true
        {
            fail("PUBREC for \(serial) before its reception was durable")
        }
        settle(serial, "PUBREC")
    }

    private func tapPubcomp(_ pubcomp: Acknowledgement, _ link: Link) {
        guard let session = link.incarnation, session.isPersistent, let number = session.number else {
            return
        }
        if disk.mirror.receptions[number]?.contains(pubcomp.packetID) == true {
            fail("PUBCOMP \(pubcomp.packetID) to client \(link.client) before the id was durably forgotten")
        }
    }

    /// The publish that an acknowledgement is for, on the client's present connection.
    private func outgoing(_ packetID: UInt16, _ link: Link) -> Int? {
        guard clients[link.client].link === link else { return nil }
        return clients[link.client].outgoing.first { $0.packetID == packetID }?.serial
    }

    /// A client that has gone from this connection does not hear it, and sends the publish again behind others.
    private func turnAway(_ packetID: UInt16, _ link: Link) {
        guard let sent = clients[link.client].outgoing.first(where: { $0.packetID == packetID }) else {
            return
        }
        ledger[sent.serial].wasTurnedAway = true
    }

    func refuse(_ serial: Int) {
        ledger[serial].isRefused = true
        ledger[serial].settledAt = moment
    }

    /// The broker has taken responsibility for a publish.
    func settle(_ serial: Int, _ name: String) {
        if let doubtfulSince, ledger[serial].acknowledgedAt == nil, ledger[serial].sentAt > doubtfulSince,
            ledger[serial].qos != .atMostOnce
        {
            fail("\(name) for \(serial), sent when the store may have been another broker's already")
        }
        ledger[serial].acknowledgedAt = ledger[serial].acknowledgedAt ?? moment
        ledger[serial].settledAt = moment
        checkStored(ledger[serial], name)
        let message = ledger[serial]
        guard message.retain, !message.isRefused else { return }
        let value = disk.mirror.retained[Geography.topics[message.topic].text]
        if !ledger.isPlausible(value.map { $0.serial ?? -1 }, topic: message.topic) {
            fail("\(name) for \(serial) while the store retains \(value?.serial ?? -1)")
        }
    }

    /// Every session that is owed the message has it in the store, or is done with it.
    private func checkStored(_ message: SentMessage, _ name: String) {
        for client in clients {
            guard let session = client.incarnation, session.mustExist(now: now), let number = session.number,
                session.isOwed(message)
            else { continue }
            if disk.mirror.everInserted.contains(Mirror.Key(session: number, serial: message.serial)) {
                continue
            }
            if session.receipts[message.serial]?.isAcknowledged == true { continue }
            if session.mayBeDropped(message.serial) { continue }
            fail("\(name) for \(message.serial) before it was durable for client \(client.index)")
        }
    }

    /// What the broker says it did not queue, it does not owe.
    func tapDrops(_ orders: [Order]) {
        for case .report(.dropped(let session, let count, because: .queueFull)) in orders {
            guard plan.boundsQueues else { return fail("a queue without a limit is full") }
            ledger.incarnations.last { $0.number == session }?.droppedCount += count
        }
    }

    // MARK: To subscribers

    private func tapPubrel(_ pubrel: Acknowledgement, _ link: Link) {
        guard pubrel.reason == .success, let session = link.incarnation, let number = session.number,
            clients[link.client].link === link, let serial = clients[link.client].received[pubrel.packetID]
        else { return }
        let rows = disk.mirror.deliveries[number] ?? [:]
        let isStored = rows.values.contains { $0.packetID == pubrel.packetID && $0.state == .released }
        if session.isPersistent && !isStored {
            fail("PUBREL \(pubrel.packetID) for \(serial.serial) before the release was durable")
        }
    }

    private func tap(_ suback: Suback, _ link: Link) {
        guard case .subscribe(let spans) = link.questions.removeValue(forKey: suback.packetID),
            let session = link.incarnation
        else { return }
        for (index, reason) in zip(spans, suback.reasons) {
            guard !reason.isError else { continue }
            session.spans[index].acknowledgedAt = moment
            let span = session.spans[index]
            let isLast = !session.spans[(index + 1)...].contains { $0.filter == span.filter }
            guard session.isPersistent, isLast, span.unsubscribedAt == nil, let number = session.number else {
                continue
            }
            let stored = disk.mirror.subscriptions[number]?[Geography.filters[span.filter].text]
            if stored?.options != span.options || stored?.identifier != span.identifier {
                fail("SUBACK to client \(link.client) before its subscription was durable")
            }
        }
    }

    private func tapUnsuback(_ packetID: UInt16, _ link: Link) {
        guard case .unsubscribe(let filters, let sentAt) = link.questions.removeValue(forKey: packetID),
            let session = link.incarnation
        else { return }
        for filter in filters {
            for index in session.spans.indices
            where session.spans[index].filter == filter && session.spans[index].sentAt < sentAt {
                session.spans[index].endedAt = session.spans[index].endedAt ?? moment
            }
            let isBack = session.spans.contains { $0.filter == filter && $0.sentAt >= sentAt }
            guard !isBack, session.isPersistent, let number = session.number else { continue }
            if disk.mirror.subscriptions[number]?[Geography.filters[filter].text] != nil {
                fail("UNSUBACK to client \(link.client) before the subscription's end was durable")
            }
        }
    }

    private func tapPingresp(_ link: Link) {
        guard !link.pings.isEmpty else { return }
        let count = link.pings.removeFirst()
        for serial in link.acknowledged[..<count] {
            link.incarnation?.receipts[serial]?.knownInBoot = boot
        }
    }
}

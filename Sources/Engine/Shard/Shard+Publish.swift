// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import DequeModule
import Packets
import Persistence

/// PUBLISH from a client, and its PUBREL.
extension Shard {
    /// False: not taken, because too much is uncommitted; the connection is blocked before the packet.
    func receivePublish(
        _ view: PublishView, of bytes: UnsafeRawBufferPointer, on connection: Connection
    ) -> Bool {
        guard let session = connection.session, accepts(view, on: connection) else { return true }
        if view.qos == .exactlyOnce && session.receptions.contains(view.packetID) {
            acknowledgeAgain(view.packetID, session, connection)
            return true
        }
        guard let topic = topic(of: view, in: bytes, on: connection) else { return true }
        if isOverloaded(session) {
            guard session.inflight.count > 0 else { return holdBack(connection) }
            refusePublish(view, .quotaExceeded, connection)
            return true
        }
        topic.withUnsafeBytes { topic in
            route(view, topic, bytes, session, connection)
        }
        return true
    }

    /// What a PUBLISH may not ask for `[MQTT-3.2.2-11]`, `[MQTT-3.2.2-14]`, `[MQTT-3.3.4-9]`.
    private func accepts(_ view: PublishView, on connection: Connection) -> Bool {
        if view.qos > limits.maximumQoS {
            drop(connection, .qosNotSupported, "a QoS above the Maximum QoS")
        } else if view.retain && !limits.retainAvailable {
            drop(connection, .retainNotSupported, "retain is not available")
        } else if view.qos != .atMostOnce && isBeyondReceiveMaximum(view, connection) {
            drop(connection, .receiveMaximumExceeded, "more publishes in flight than the Receive Maximum")
        } else {
            return true
        }
        return false
    }

    /// 3.x clients cannot know the limit: they are bounded by the allowance instead.
    private func isBeyondReceiveMaximum(_ view: PublishView, _ connection: Connection) -> Bool {
        guard connection.version == .v5, let session = connection.session else { return false }
        if session.receptions.contains(view.packetID) { return false }
        let pending = Int(connection.waiting[.puback]) + Int(connection.waiting[.pubcomp])
        let allowed = Int(limits.receiveMaximum) + connection.inheritedReceptions
        return pending + session.receptions.count >= allowed
    }

    /// The topic, after the alias was looked up; nil when the connection had to be closed.
    private func topic(
        of view: PublishView, in bytes: UnsafeRawBufferPointer, on connection: Connection
    ) -> TopicBytes? {
        let received = view.topic.slice(of: bytes)
        guard view.topicAlias != 0 else { return .received(received) }
        switch connection.inboundAliases.resolve(view.topicAlias, received) {
        case .topic(let text): return .stored(text)
        case .refused(let reason):
            drop(connection, reason, "a topic alias that is out of range or stands for nothing")
            return nil
        }
    }

    private func route(
        _ view: PublishView, _ topic: UnsafeRawBufferPointer, _ bytes: UnsafeRawBufferPointer,
        _ session: Session, _ connection: Connection
    ) {
        guard isAllowed(topic) else { return refusePublish(view, .topicNameInvalid, connection) }
        var properties: [UInt8] = []
        if !view.properties.isEmpty { view.appendForwardedProperties(from: bytes, to: &properties) }
        properties.withUnsafeBytes { properties in
            let publication = Publication(
                topic: topic, properties: properties, payload: view.payload.slice(of: bytes), qos: view.qos,
                retain: view.retain,
                expiresAt: view.messageExpiry.map { now + Milliseconds($0) * 1000 } ?? 0,
                source: session, session: session.number)
            take(publication, view.packetID, session, connection)
        }
    }

    /// Clients do not publish to `$SYS`, nor deeper than the limit.
    private func isAllowed(_ topic: UnsafeRawBufferPointer) -> Bool {
        if topic.first == UInt8(ascii: "$"), topic.isSystemTopic { return false }
        guard topic.count >= limits.topicLevelsMax else { return true }
        return topic.count(where: { $0 == UInt8(ascii: "/") }) < limits.topicLevelsMax
    }

    private func take(
        _ publication: Publication, _ packetID: UInt16, _ session: Session, _ connection: Connection
    ) {
        let first = tick.posts.count
        var progress = publish(publication)
        if publication.qos == .exactlyOnce {
            session.receptions.insert(packetID)
            if session.isPersistent {
                if !progress.isOpened { beginEntry() }
                progress.isOpened = true
                lane.append(.reception(session: session.number, packetID: packetID))
            }
        }
        let ticket = progress.isOpened ? self.ticket : proof(publication.qos)
        if ticket != nil {
            countUncommitted(publication.topic.count + publication.payload.count, of: session)
        }
        let waits = publication.qos == .exactlyOnce && ticket != nil
        if waits || !session.holds.isEmpty || session.heldTick == tickSerial {
            session.heldTick = tickSerial
            tickHolds.append(
                TickHold(
                    posts: first..<tick.posts.count, session: session, ticket: waits ? ticket : nil,
                    packetID: waits ? packetID : 0))
        }
        let reason: ReasonCode =
            progress.isMatched || connection.version != .v5 ? .success : .noMatchingSubscribers
        switch publication.qos {
        case .atMostOnce: break
        case .atLeastOnce: acknowledge(connection, .puback, packetID: packetID, reason: reason, after: ticket)
        case .exactlyOnce: acknowledge(connection, .pubrec, packetID: packetID, reason: reason, after: ticket)
        }
    }

    /// A resent QoS 2 publish is not routed again; while the first waits for its commit, so does this PUBREC.
    private func acknowledgeAgain(_ packetID: UInt16, _ session: Session, _ connection: Connection) {
        if let index = session.holds.firstIndex(where: { $0.packetID == packetID }),
            let wait = session.holds[index].wait
        {
            switch wait {
            case .ticket(let ticket): acknowledge(connection, .pubrec, packetID: packetID, after: ticket)
            case .position: session.holds[index].resentBy = connection.id
            }
        } else if let held = tickHolds.first(where: { $0.session === session && $0.packetID == packetID }) {
            acknowledge(connection, .pubrec, packetID: packetID, after: held.ticket)
        } else {
            acknowledge(connection, .pubrec, packetID: packetID, after: nil)
        }
    }

    /// Says no to one publish; a 3.x client can only be closed, or not told.
    private func refusePublish(_ view: PublishView, _ reason: ReasonCode, _ connection: Connection) {
        switch (view.qos, connection.version) {
        case (.atMostOnce, _):
            guard reason == .quotaExceeded, let session = connection.session else { break }
            noteDrop(session.number, .allowance)
        case (_, let version) where version != .v5 && reason == .quotaExceeded:
            drop(connection, reason, "too many publishes are not yet committed")
        case (.atLeastOnce, _):
            acknowledge(connection, .puback, packetID: view.packetID, reason: reason, after: nil)
        case (.exactlyOnce, .v5):
            acknowledge(connection, .pubrec, packetID: view.packetID, reason: reason, after: nil)
        case (.exactlyOnce, _):
            connection.session?.receptions.insert(view.packetID)
            acknowledge(connection, .pubrec, packetID: view.packetID, reason: reason, after: nil)
        }
    }

    /// PUBREL: the packet identifier is forgotten, durably, before PUBCOMP says so. One that is not known may have
    /// been forgotten a moment ago, on an earlier connection, and not durably yet: then it waits for that.
    func receivePubrel(_ packetID: UInt16, on connection: Connection) {
        guard let session = connection.session else { return }
        let isKnown = session.receptions.remove(packetID) != nil
        let reason: ReasonCode =
            isKnown || connection.version != .v5 ? .success : .packetIdentifierNotFound
        guard session.isPersistent, isKnown || !isDone(session.lastRelease) else {
            return acknowledge(connection, .pubcomp, packetID: packetID, reason: reason, after: nil)
        }
        if !isKnown, case .ticket(let ticket) = session.lastRelease {
            return acknowledge(connection, .pubcomp, packetID: packetID, reason: reason, after: ticket)
        }
        let ticket = beginEntry()
        session.lastRelease = .ticket(ticket)
        lane.append(.release(session: session.number, packetID: packetID))
        acknowledge(connection, .pubcomp, packetID: packetID, reason: reason, after: ticket)
    }

    // MARK: Inline

    func publishInline(_ message: MessageRecord, retain: Bool, ticket: UInt64) {
        let bytes = message.topic.bytes.count + message.properties.count + message.payload.count
        guard bytes <= Limits.publicationBytesMax else {
            return orders.append(.completed(ticket: ticket, reason: .packetTooLarge))
        }
        let isOpened = withPublication(
            topic: message.topic, properties: message.properties, payload: message.payload
        ) { publication in
            publication.qos = message.qos
            publication.retain = retain
            publication.expiresAt = message.expiresAt
            return publish(publication).isOpened
        }
        guard let entry = isOpened ? self.ticket : proof(message.qos) else {
            return orders.append(.completed(ticket: ticket, reason: .success))
        }
        lane.isUrgent = true
        inlineTickets[entry] = ticket
        waiters.append(
            Waiter(
                ticket: entry, slot: SlotID(index: .max, generation: 0), packetID: 0, kind: .inline,
                reason: .success))
    }
}

/// A topic, where it is.
enum TopicBytes {
    case received(UnsafeRawBufferPointer)
    case stored(Text)

    func withUnsafeBytes<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result {
        switch self {
        case .received(let bytes): body(bytes)
        case .stored(let text): text.bytes.withUnsafeBytes(body)
        }
    }
}

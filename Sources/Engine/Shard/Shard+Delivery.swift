// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import DequeModule
import NIOCore
import Packets
import Persistence

/// From a post to PUBLISH on a connection.
extension Shard {
    /// Brings one message to one session of this shard.
    func deliver(_ post: Post, _ receiver: PostReceiver, slot: UInt32, of mail: borrowing Mail) {
        guard Int(slot) < connections.count, let connection = connections[Int(slot)],
            let session = connection.session, session.number == receiver.session
        else { return redirect(post, receiver, of: mail) }
        if receiver.qos == .atMostOnce {
            return sendUnacknowledged(post, receiver, mail, session, connection)
        }
        switch session.catchup.phase {
        case .live where receiver.isStored && post.number <= session.catchup.liveAfter: break
        case .live:
            if session.tail.isEmpty && session.catchup.window.isEmpty && canSend(session, connection) {
                send(post, receiver, mail, session, connection)
            } else {
                keep(Parcel(post, receiver, from: mail), session, connection)
            }
        case .goingLive(let lastNumber, _):
            // At or below: it comes from the store.
            if post.number > lastNumber { keep(Parcel(post, receiver, from: mail), session, connection) }
        case .settling, .reading: break
        }
    }

    private func sendUnacknowledged(
        _ post: Post, _ receiver: PostReceiver, _ mail: borrowing Mail, _ session: Session,
        _ connection: Connection
    ) {
        guard connection.stage == .connected else { return }
        guard !isCongested(connection) else {
            return noteDrop(session.number, .slowConsumer)
        }
        write(post, receiver, mail, packetID: 0, to: connection)
    }

    /// Whether the client's receive window and the socket have room `[MQTT-3.3.4-9]`.
    func canSend(_ session: Session, _ connection: Connection) -> Bool {
        session.inflight.count < connection.windowMax && connection.stage == .connected
            && !isCongested(connection)
    }

    /// Keeps a message in memory for later. When there are too many: a persistent session falls back to its
    /// store, a volatile one has none and is closed.
    private func keep(_ parcel: Parcel, _ session: Session, _ connection: Connection) {
        session.pushTail(parcel)
        guard session.tail.count > limits.tailMessagesMax || session.tailBytes > limits.tailBytesMax else {
            return countHeld(session)
        }
        if session.isPersistent {
            fallBack(session)
        } else {
            drop(connection, .quotaExceeded, "the client does not keep up with its messages")
        }
    }

    private func send(
        _ post: Post, _ receiver: PostReceiver, _ mail: borrowing Mail, _ session: Session,
        _ connection: Connection
    ) {
        if receiver.share != 0 || receiver.isStored && receiver.qos == .exactlyOnce {
            return send(Parcel(post, receiver, from: mail), session, connection)
        }
        guard let packetID = session.inflight.nextPacketID() else { return }
        guard write(post, receiver, mail, packetID: packetID, to: connection) else {
            return discard(post.number, receiver.ordinal, session)
        }
        session.inflight.set(
            Inflight.Entry(
                number: post.number, ordinal: receiver.ordinal, packetID: packetID, qos: receiver.qos,
                state: .sent, isRecorded: false))
    }

    /// Takes a delivery that is not sent (expired, too large for its client) out of the store.
    func discard(_ number: MessageNumber, _ ordinal: UInt32, _ session: Session) {
        guard number != 0, ordinal != PostReceiver.unstored else { return }
        beginEntry(of: session)
        lane.append(.removal(session: session.number, number: number, ordinal: ordinal))
    }

    // MARK: Parcels

    /// Sends what waits in memory, as far as the window goes.
    func pump(_ session: Session, _ connection: Connection) {
        while !session.catchup.window.isEmpty, canSend(session, connection),
            let parcel = session.catchup.popFirst()
        {
            send(parcel, session, connection)
        }
        if session.catchup.isLive {
            while canSend(session, connection), let parcel = session.popTail() {
                send(parcel, session, connection)
            }
        } else {
            readOn(session)
        }
        countHeld(session)
        if let line = session.retained { unparkRetained(line, session, connection) }
    }

    func send(_ parcel: Parcel, _ session: Session, _ connection: Connection) {
        if isTaken(parcel, session) { return sendAnew(parcel, session, connection) }
        if parcel.state == .released { return sendReleased(parcel, session, connection) }
        if parcel.state == .sent { return resend(parcel, session, connection) }
        guard let packetID = session.inflight.nextPacketID() else { return }
        guard fits(parcel, connection) else { return discard(parcel.number, parcel.ordinal, session) }
        let needsRecord = parcel.qos == .exactlyOnce && parcel.isStored
        session.inflight.set(
            Inflight.Entry(
                number: parcel.number, ordinal: parcel.ordinal, packetID: packetID, qos: parcel.qos,
                state: .sent, isRecorded: needsRecord))
        guard needsRecord else {
            if parcel.share != nil, parcel.qos == .atLeastOnce {
                session.inflight.keep(parcel, packetID: packetID, bytesMax: limits.outboundBytesMax)
            }
            let dup = parcel.qos == .atLeastOnce && parcel.isStored && parcel.number <= session.dupThrough
            return write(parcel, packetID: packetID, dup: dup, to: connection)
        }
        let ticket = beginEntry(of: session)
        lane.append(
            .state(
                session: session.number, number: parcel.number, ordinal: parcel.ordinal, packetID: packetID,
                state: .sent))
        sends[ticket] = parcel
        acknowledge(connection, .publish, packetID: packetID, after: ticket)
    }

    /// Whether its packet identifier is another delivery's, as only a damaged store has it.
    private func isTaken(_ parcel: Parcel, _ session: Session) -> Bool {
        guard parcel.state != .queued, let entry = session.inflight[parcel.packetID] else { return false }
        return entry.number != parcel.number
    }

    /// Under another packet identifier, unless the client has it already.
    private func sendAnew(_ parcel: Parcel, _ session: Session, _ connection: Connection) {
        guard parcel.state == .sent else { return discard(parcel.number, parcel.ordinal, session) }
        var fresh = parcel
        fresh.state = .queued
        fresh.packetID = 0
        send(fresh, session, connection)
    }

    /// The packet identifier of a QoS 2 delivery is durable: out it goes.
    func sendRecorded(_ parcel: Parcel, packetID: UInt16, _ connection: Connection) {
        guard let session = connection.session, session.inflight[packetID]?.number == parcel.number
        else { return }
        write(parcel, packetID: packetID, dup: false, to: connection)
    }

    /// The store has refused the message: it never was. Its packet identifier is free again.
    func abandon(_ parcel: Parcel, packetID: UInt16, _ connection: Connection) {
        guard let session = connection.session, session.inflight[packetID]?.number == parcel.number
        else { return }
        _ = session.inflight.remove(packetID)
        pump(session, connection)
    }

    /// It was sent before under this packet identifier `[MQTT-4.4.0-1]`, or may have been: found after a crash,
    /// a QoS 1 delivery without one goes out with DUP as well.
    private func resend(_ parcel: Parcel, _ session: Session, _ connection: Connection) {
        guard fits(parcel, connection) else { return discard(parcel.number, parcel.ordinal, session) }
        session.inflight.set(
            Inflight.Entry(
                number: parcel.number, ordinal: parcel.ordinal, packetID: parcel.packetID, qos: parcel.qos,
                state: .sent, isRecorded: true))
        write(parcel, packetID: parcel.packetID, dup: true, to: connection)
    }

    private func sendReleased(_ parcel: Parcel, _ session: Session, _ connection: Connection) {
        session.inflight.set(
            Inflight.Entry(
                number: parcel.number, ordinal: parcel.ordinal, packetID: parcel.packetID, qos: parcel.qos,
                state: .released, isRecorded: true))
        acknowledge(connection, .pubrel, packetID: parcel.packetID, after: nil)
    }

    /// Whether a message is still alive and not too large for the client.
    private func fits(_ parcel: Parcel, _ connection: Connection) -> Bool {
        if parcel.expiresAt != 0 && parcel.expiresAt <= now && parcel.state == .queued { return false }
        if connection.surelyFits(bytes: parcel.bytes.count, identifiers: parcel.identifiers.count) {
            return true
        }
        return parcel.identifiers.withUnsafeBufferPointer { identifiers in
            PublishEncoder.byteCount(
                PublishHead(
                    qos: parcel.qos, retain: parcel.retain, packetID: 1,
                    expirySeconds: remaining(parcel.expiresAt)),
                topicBytes: parcel.topicCount, propertyBytes: parcel.propertyCount,
                payloadBytes: parcel.bytes.count - parcel.topicCount - parcel.propertyCount,
                identifiers: identifiers, version: connection.version) <= connection.packetBytesMax
        }
    }

    private func write(_ parcel: Parcel, packetID: UInt16, dup: Bool, to connection: Connection) {
        let head = PublishHead(
            qos: parcel.qos, retain: parcel.retain, dup: dup, packetID: packetID,
            expirySeconds: remaining(parcel.expiresAt))
        parcel.bytes.withUnsafeBytes { bytes in
            let payload = parcel.topicCount + parcel.propertyCount
            parcel.identifiers.withUnsafeBufferPointer { identifiers in
                append(
                    head, topic: UnsafeRawBufferPointer(rebasing: bytes[..<parcel.topicCount]),
                    properties: UnsafeRawBufferPointer(rebasing: bytes[parcel.topicCount..<payload]),
                    payload: UnsafeRawBufferPointer(rebasing: bytes[payload...]), identifiers, to: connection)
            }
        }
    }

    // MARK: Bytes

    /// Writes a post as it lies in the mail; false if it has expired or is too large for the client.
    @discardableResult
    private func write(
        _ post: Post, _ receiver: PostReceiver, _ mail: borrowing Mail, packetID: UInt16,
        to connection: Connection
    ) -> Bool {
        if post.expiresAt != 0 && post.expiresAt <= now { return false }
        let head = PublishHead(
            qos: receiver.qos, retain: receiver.retain, dup: false, packetID: packetID,
            expirySeconds: remaining(post.expiresAt))
        let first = Int(receiver.firstIdentifier)
        let range = first..<first + Int(receiver.identifierCount)
        return mail.arena.withUnsafeBytes { bytes in
            mail.identifiers.withUnsafeBufferPointer { all in
                let identifiers = UnsafeBufferPointer(rebasing: all[range])
                let size = post.topic.count &+ post.properties.count &+ post.payload.count
                if !connection.surelyFits(bytes: size, identifiers: range.count) {
                    let count = PublishEncoder.byteCount(
                        head, topicBytes: post.topic.count, propertyBytes: post.properties.count,
                        payloadBytes: post.payload.count, identifiers: identifiers,
                        version: connection.version)
                    if count > connection.packetBytesMax { return false }
                }
                append(
                    head, topic: UnsafeRawBufferPointer(rebasing: bytes[post.topic.range]),
                    properties: UnsafeRawBufferPointer(rebasing: bytes[post.properties.range]),
                    payload: UnsafeRawBufferPointer(rebasing: bytes[post.payload.range]), identifiers,
                    to: connection)
                return true
            }
        }
    }

    private func append(
        _ head: PublishHead, topic: UnsafeRawBufferPointer, properties: UnsafeRawBufferPointer,
        payload: UnsafeRawBufferPointer, _ identifiers: UnsafeBufferPointer<UInt32>, to connection: Connection
    ) {
        var head = head
        if connection.version == .v5,
            hasRoomForAlias(head, topic.count, properties.count, payload.count, identifiers, connection),
            let alias = connection.outboundAliases.alias(for: topic)
        {
            head.topicAlias = alias.alias
            head.omitsTopic = !alias.isNew
        }
        PublishEncoder.append(
            head, topic: topic, properties: properties, payload: payload, identifiers: identifiers,
            version: connection.version, to: &connection.outbound)
        markDirty(connection)
    }

    /// A new alias makes the packet longer: it must not become too large for the client by it.
    private func hasRoomForAlias(
        _ head: PublishHead, _ topicBytes: Int, _ propertyBytes: Int, _ payloadBytes: Int,
        _ identifiers: UnsafeBufferPointer<UInt32>, _ connection: Connection
    ) -> Bool {
        let size = topicBytes &+ propertyBytes &+ payloadBytes
        if connection.surelyFits(bytes: size, identifiers: identifiers.count) { return true }
        var longest = head
        longest.topicAlias = 1
        return PublishEncoder.byteCount(
            longest, topicBytes: topicBytes, propertyBytes: propertyBytes, payloadBytes: payloadBytes,
            identifiers: identifiers, version: .v5) <= connection.packetBytesMax
    }

    private func remaining(_ expiresAt: Milliseconds) -> UInt32? {
        expiresAt == 0 ? nil : UInt32(clamping: (expiresAt &- now &+ 999) / 1000)
    }
}

/// Acknowledgements from a subscriber.
extension Shard {
    func receive(_ view: AcknowledgementView, on connection: Connection) {
        guard let session = connection.session else { return }
        switch view.type {
        case .puback: complete(view.packetID, .atLeastOnce, session, connection)
        case .pubcomp: complete(view.packetID, .exactlyOnce, session, connection)
        case .pubrec: receivePubrec(view, session, connection)
        case .pubrel: receivePubrel(view.packetID, on: connection)
        default: preconditionFailure("only acknowledgements come here")
        }
    }

    /// PUBACK and PUBCOMP end a delivery. Of an identifier that is not known nothing is said.
    private func complete(_ packetID: UInt16, _ qos: QoS, _ session: Session, _ connection: Connection) {
        guard let entry = session.inflight[packetID], entry.qos == qos else { return }
        if qos == .exactlyOnce && entry.state != .released { return }
        _ = session.inflight.remove(packetID)
        discard(entry.number, entry.ordinal, session)
        pump(session, connection)
    }

    /// PUBREC: the delivery is marked released, durably, before PUBREL goes out.
    private func receivePubrec(_ view: AcknowledgementView, _ session: Session, _ connection: Connection) {
        guard var entry = session.inflight[view.packetID], entry.qos == .exactlyOnce else {
            if view.reason.isError { return }  // It has ended the exchange, whatever it was [MQTT-4.3.3-4].
            let reason: ReasonCode = connection.version == .v5 ? .packetIdentifierNotFound : .success
            return acknowledge(connection, .pubrel, packetID: view.packetID, reason: reason, after: nil)
        }
        if view.reason.isError {
            _ = session.inflight.remove(view.packetID)
            discard(entry.number, entry.ordinal, session)
            return pump(session, connection)
        }
        guard entry.state != .released else {
            return acknowledge(connection, .pubrel, packetID: view.packetID, after: nil)
        }
        entry.state = .released
        session.inflight.set(entry)
        guard entry.ordinal != PostReceiver.unstored else {
            return acknowledge(connection, .pubrel, packetID: view.packetID, after: nil)
        }
        let ticket = beginEntry(of: session)
        lane.append(
            .state(
                session: session.number, number: entry.number, ordinal: entry.ordinal,
                packetID: view.packetID, state: .released))
        acknowledge(connection, .pubrel, packetID: view.packetID, after: ticket)
    }
}

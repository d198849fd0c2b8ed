// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import DequeModule
import Packets
import Persistence

/// A publish on its way into a shard. Its bytes belong to the caller and are valid only during the call that
/// is given it: the received packet's buffer, or arrays of a record.
struct Publication {
    var topic: UnsafeRawBufferPointer
    var properties: UnsafeRawBufferPointer
    var payload: UnsafeRawBufferPointer
    var qos: QoS
    var retain: Bool
    var expiresAt: Milliseconds
    /// The client identifier of a publisher that may be gone; without one, and without a source, the broker itself
    /// publishes.
    var publisher: Text?
    /// The session of a publisher that is connected: like the bytes it is the caller's, who holds it during the call.
    /// Its client identifier is read only if the message is stored: where the client has been quiet for a while, to look
    /// at it is to wait for memory.
    unowned(unsafe) var source: Session?
    /// The publisher's session; zero for the broker itself.
    var session: SessionNumber

    var clientID: Text { source?.record.clientID ?? publisher ?? Text(bytes: []) }
}

/// What one call of `publish` has made of a publish so far.
struct PublishProgress {
    /// The entry that was begun for it, if it changes anything in the store.
    var isOpened = false
    /// The lane message that holds its body; deliveries are appended to the last message only.
    var message: Int?
    /// Whether anybody matched.
    var isMatched = false
}

extension Shard {
    /// Matches a publish, and appends it to the tick's mail and, for what must be stored, to the lane.
    ///
    /// Returns the progress: where `isOpened`, the caller may append more changes to the same entry.
    func publish(_ publication: Publication) -> PublishProgress {
        var progress = PublishProgress()
        let match = matchCache.match(publication.topic, in: commons.subscriptions)
        progress.isMatched = !match.isEmpty
        appendPost(publication)
        if publication.retain { appendRetained(publication, &progress) }
        for receiver in match.receivers {
            append(receiver, of: publication, match, &progress)
        }
        for group in match.groups {
            appendShare(group, of: publication, match, &progress)
        }
        return progress
    }

    /// A publish of a will.
    func publish(_ will: WillRecord, clientID: Text, session: SessionNumber, expiresAt: Milliseconds) -> Bool
    {
        withPublication(
            topic: will.topic, properties: will.properties, payload: will.payload
        ) { publication in
            publication.qos = will.qos
            publication.retain = will.retain && limits.retainAvailable
            publication.expiresAt = expiresAt
            publication.publisher = clientID
            publication.session = session
            return publish(publication).isOpened
        }
    }

    /// Makes a publication of arrays.
    func withPublication<Result>(
        topic: Text, properties: [UInt8], payload: [UInt8], _ body: (inout Publication) -> Result
    ) -> Result {
        topic.bytes.withUnsafeBytes { topic in
            properties.withUnsafeBytes { properties in
                payload.withUnsafeBytes { payload in
                    var publication = Publication(
                        topic: topic, properties: properties, payload: payload, qos: .atMostOnce,
                        retain: false,
                        expiresAt: 0, session: 0)
                    return body(&publication)
                }
            }
        }
    }

    // MARK: The tick's mail

    func appendPost(_ publication: Publication) {
        let topic = tick.append(bytes: publication.topic)
        let properties = tick.append(bytes: publication.properties)
        let payload = tick.append(bytes: publication.payload)
        tick.append(
            Post(topic: topic, properties: properties, payload: payload, expiresAt: publication.expiresAt))
    }

    private func append(
        _ receiver: Receiver, of publication: Publication, _ match: Match, _ progress: inout PublishProgress
    ) {
        let isOwn = receiver.session == publication.session
        if isOwn && !receiver.hasOwn { return }
        let qos = min(publication.qos, isOwn ? receiver.ownQoS : receiver.qos)
        let keepsRetain = isOwn ? receiver.ownRetainAsPublished : receiver.retainAsPublished
        var target = PostReceiver(
            session: receiver.session, place: receiver.seat, ordinal: PostReceiver.unstored, qos: qos,
            retain: publication.retain && keepsRetain, isPersistent: receiver.isPersistent)
        let range = isOwn ? receiver.ownIdentifiers : receiver.identifiers
        // Most have none, and a slice of nothing would count references all the same.
        let identifiers = range.isEmpty ? [] : match.identifiers[range]
        append(&target, identifiers, share: nil, stores: receiver.isPersistent, of: publication, &progress)
    }

    /// Appends one receiver to the last post; stores its delivery if it `stores` and the QoS asks for it.
    func append(
        _ target: inout PostReceiver, _ identifiers: ArraySlice<UInt32>, share: Text?, stores: Bool,
        of publication: Publication, _ progress: inout PublishProgress
    ) {
        if stores && target.qos != .atMostOnce {
            if commons.seats[target.place].isFull {
                return noteDrop(target.session, .queueFull)
            }
            appendDelivery(&target, identifiers, share: share, of: publication, &progress)
        } else if target.qos == .atMostOnce {
            // Nobody there, and nothing that is kept for later.
            if target.isPersistent && !commons.seats[target.place].isConnected { return }
        } else if let share {
            target.share = tick.append(share: share)
        }
        target.firstIdentifier = Int32(tick.identifiers.count)
        target.identifierCount = Int32(identifiers.count)
        if !identifiers.isEmpty { tick.identifiers.append(contentsOf: identifiers) }
        tick.append(target)
    }

    // MARK: The lane

    private func appendDelivery(
        _ target: inout PostReceiver, _ identifiers: ArraySlice<UInt32>, share: Text?,
        of publication: Publication, _ progress: inout PublishProgress
    ) {
        appendMessage(publication, .none, &progress)
        var delivery = LaneDelivery(
            session: target.session, seat: target.place, qos: target.qos, retain: target.retain)
        if let share { delivery.share = lane.append(bytes: share.bytes) }
        delivery.firstIdentifier = Int32(lane.identifiers.count)
        delivery.identifierCount = Int32(identifiers.count)
        if !identifiers.isEmpty { lane.identifiers.append(contentsOf: identifiers) }
        target.ordinal = lane.append(delivery)
    }

    /// Makes sure that the publish has a message in the lane, and the tick's post its index.
    private func appendMessage(
        _ publication: Publication, _ retained: RetainedChange, _ progress: inout PublishProgress
    ) {
        guard progress.message == nil else { return }
        if !progress.isOpened { beginEntry() }
        progress.isOpened = true
        let message = LaneMessage(
            topic: lane.append(bytes: publication.topic),
            properties: lane.append(bytes: publication.properties),
            payload: lane.append(bytes: publication.payload),
            publisher: lane.append(bytes: publication.clientID.bytes), qos: publication.qos,
            publishedAt: now, expiresAt: publication.expiresAt, retained: retained)
        let index = lane.append(message)
        progress.message = index
        tick.posts[tick.posts.count - 1].number = UInt64(index) + 1
    }

    private func appendRetained(_ publication: Publication, _ progress: inout PublishProgress) {
        let change: RetainedChange = publication.payload.isEmpty ? .clear : .set
        appendMessage(publication, change, &progress)
        retainedUpdates.append(
            RetainedUpdate(
                post: tick.posts.count - 1, change: change, publisher: publication.clientID,
                qos: publication.qos))
    }

    // MARK: Shared subscriptions

    /// Gives the message to one member: an online one first, then an absent persistent one
    /// `[MQTT-4.8.2-4]`. A group with persistent members gives it to a volatile one only if none of them is
    /// online, and then stores it until it is acknowledged.
    func appendShare(
        _ group: ShareGroup, of publication: Publication, _ match: Match, _ progress: inout PublishProgress
    ) {
        guard let member = choose(group, publication.qos) else {
            let full = group.members.first { commons.seats[$0.seat].isFull }
            if let full { noteDrop(full.session, .queueFull) }
            return
        }
        var target = PostReceiver(
            session: member.session, place: member.seat, ordinal: PostReceiver.unstored,
            qos: min(publication.qos, member.qos), retain: publication.retain && member.retainAsPublished,
            isPersistent: member.isPersistent)
        let stores = group.hasPersistent && target.qos != .atMostOnce
        // A key names one copy: a second one for the same session is a message of its own.
        if stores, progress.message != nil, isReceiver(member.session) {
            appendPost(publication)
            progress.message = nil
        }
        append(
            &target, match.identifiers[member.identifiers], share: group.share, stores: stores,
            of: publication,
            &progress)
    }

    private func isReceiver(_ session: SessionNumber) -> Bool {
        guard let post = tick.posts.last else { return false }
        return tick.receivers[post.receiverRange].contains { $0.session == session }
    }

    private func choose(_ group: ShareGroup, _ qos: QoS) -> Receiver? {
        shareTurn &+= 1
        let count = group.members.count
        let start = Int(shareTurn % UInt64(count))
        var volatile: Receiver?
        var absent: Receiver?
        for offset in 0..<count {
            let member = group.members[(start + offset) % count]
            let seat = commons.seats[member.seat]
            if seat.isFull && min(qos, member.qos) != .atMostOnce { continue }
            if seat.isConnected && (member.isPersistent || !group.hasPersistent) { return member }
            if seat.isConnected { volatile = volatile ?? member }
            if member.isPersistent { absent = absent ?? member }
        }
        return volatile ?? absent
    }
}

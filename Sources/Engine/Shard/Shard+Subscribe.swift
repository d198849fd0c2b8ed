// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import DequeModule
import Packets
import Persistence

/// SUBSCRIBE and UNSUBSCRIBE.
extension Shard {
    func receiveSubscribe(_ subscribe: Subscribe, on connection: Connection) {
        guard let session = connection.session else { return }
        if isBeyondReserve(session, adding: subscribe.subscriptions) {
            let reasons = subscribe.subscriptions.map { _ in ReasonCode.quotaExceeded }
            let packet = Packet.suback(Suback(packetID: subscribe.packetID, reasons: reasons))
            return answer(packet, reasons.count, after: nil, on: connection)
        }
        let identifier = subscribe.properties.subscriptionIdentifiers.first
        var change = SubscriptionChange(session: session)
        var reasons: [ReasonCode] = []
        for subscription in subscribe.subscriptions {
            let others =
                session.subscriptions.count - (session.subscriptions[subscription.filter] == nil ? 0 : 1)
            let decision = SubscribeDecision(
                subscription, identifier: identifier, others: others, limits: limits)
            reasons.append(decision.reason)
            switch decision {
            case .disconnect(let reason):
                return drop(connection, reason, "a shared subscription with No Local [MQTT-3.8.3-4]")
            case .refuse: break
            case .grant(let filter, var options):
                if connection.isBridge {
                    options.noLocal = filter.share == nil
                    options.retainAsPublished = true
                }
                add(filter, options, identifier ?? 0, &change)
            }
        }
        let packet = Packet.suback(Suback(packetID: subscribe.packetID, reasons: reasons))
        conclude(change, packet, reasons.count, on: connection)
    }

    /// Sets one subscription, in the index and in the entry.
    private func add(
        _ filter: TopicFilter, _ options: SubscriptionOptions, _ identifier: UInt32,
        _ change: inout SubscriptionChange
    ) {
        let session = change.session
        let isNew = session.subscriptions[filter.text] == nil
        var record = SubscriptionRecord(
            session: session.number, filter: filter.text, options: options, identifier: identifier)
        let sendsRetained = change.add(filter, wantsRetained(filter, options, isNew: isNew))
        if sendsRetained { record.retainedEnd = .max }
        session.subscriptions[filter.text] = record
    }

    /// `[MQTT-3.3.1-9]` to `[MQTT-3.3.1-11]`; never for shared subscriptions.
    private func wantsRetained(_ filter: TopicFilter, _ options: SubscriptionOptions, isNew: Bool) -> Bool {
        guard filter.share == nil, limits.retainAvailable else { return false }
        return switch options.retainHandling {
        case .send: true
        case .sendIfNew: isNew
        case .doNotSend: false
        }
    }

    func receiveUnsubscribe(_ unsubscribe: Unsubscribe, on connection: Connection) {
        guard let session = connection.session else { return }
        var change = SubscriptionChange(session: session)
        var reasons: [ReasonCode] = []
        let repeats = session.isStored && waitsElsewhere(session.lastUnsubscription)
        for text in unsubscribe.filters {
            let isKnown = session.subscriptions.removeValue(forKey: text) != nil
            reasons.append(isKnown ? .success : .noSubscriptionExisted)
            if isKnown || repeats { change.remove(text) }
            cancelRetained(text, session)
        }
        let packet = Packet.unsuback(Unsuback(packetID: unsubscribe.packetID, reasons: reasons))
        conclude(change, packet, reasons.count, on: connection)
    }

    /// Whether it waits for an entry of another shard's: nothing of this shard's can wait for that but a later entry.
    private func waitsElsewhere(_ wait: HoldWait?) -> Bool {
        guard case .position(let position) = wait else { return false }
        return !ledger.isDone(position: position)
    }

    /// Makes the change durable where the session is, and answers after that.
    private func conclude(
        _ change: SubscriptionChange, _ reply: Packet, _ reasonCount: Int, on connection: Connection
    ) {
        let session = change.session
        // A volatile session with a shared subscription has a record, so that its deliveries can be given to
        // another member after a crash.
        let needsRecord = !session.isPersistent && !session.isStored && session.hasShare
        var ticket: UInt64?
        let bytesBefore = lane.bytes
        if session.isPersistent || session.isStored || needsRecord, !change.isEmpty {
            ticket = beginEntry()
            if needsRecord { appendRecord(session) }
            append(change)
            if !change.removed.isEmpty { session.lastUnsubscription = ticket.map { .ticket($0) } }
        } else if session.isStored, case .ticket(let last) = session.lastUnsubscription {
            // What is gone may have gone a moment ago, and not durably yet.
            if !ledger.isDone(last) { ticket = last }
        }
        let subscriber = Subscriber(
            session: session.number, seat: session.seat, isPersistent: session.isPersistent)
        for filter in change.removed { _ = commons.subscriptions.remove(filter, session: session.number) }
        for filter in change.added {
            guard let record = session.subscriptions[filter.text] else { continue }
            afterHandOver.append(.subscribe(filter, subscriber, record))
        }
        answer(reply, reasonCount + lane.bytes - bytesBefore, after: ticket, on: connection)
        requestRetained(change.retained, session, after: ticket)
        waitForTick(connection)
    }

    /// Queues a reply; it counts against the session's allowance, with what it says was done, unless it leaves at once.
    private func answer(_ reply: Packet, _ bytes: Int, after ticket: UInt64?, on connection: Connection) {
        if let session = connection.session, ticket != nil || connection.waiting[.reply] > 0 {
            countUncommitted(bytes, of: session)
        }
        connection.replies.append(reply)
        acknowledge(connection, .reply, after: ticket)
    }

    private func append(_ change: SubscriptionChange) {
        let session = change.session
        for filter in change.removed {
            let text = lane.append(bytes: filter.text.bytes)
            lane.append(.unsubscription(session: session.number, filter: text))
        }
        for filter in change.added {
            if let record = session.subscriptions[filter.text] { append(record) }
        }
    }

    /// Appends a subscription's record to the entry that is being filled.
    func append(_ subscription: SubscriptionRecord) {
        let text = lane.append(bytes: subscription.filter.bytes)
        var bytes: [UInt8] = []
        RecordCoding.append(subscription, to: &bytes)
        let record = lane.append(bytes: bytes)
        lane.append(.subscription(session: subscription.session, filter: text, record: record))
    }
}

/// What one SUBSCRIBE or UNSUBSCRIBE does. A filter that is repeated is changed once: the last one counts, and it gets
/// its retained messages if any of them asks for them `[MQTT-3.8.4-5]`.
private struct SubscriptionChange {
    let session: Session
    private(set) var added: [TopicFilter] = []
    private(set) var removed: [TopicFilter] = []
    /// The filters, and whether they get retained messages.
    private var known: [Text: Bool] = [:]

    init(session: Session) {
        self.session = session
    }

    var isEmpty: Bool { added.isEmpty && removed.isEmpty }

    var retained: [TopicFilter] { added.filter { known[$0.text] == true } }

    /// Adds a filter; returns whether it gets retained messages.
    mutating func add(_ filter: TopicFilter, _ wantsRetained: Bool) -> Bool {
        let before = known.updateValue(wantsRetained, forKey: filter.text)
        if before == nil { added.append(filter) }
        if before == true && !wantsRetained { known[filter.text] = true }
        return wantsRetained || before == true
    }

    mutating func remove(_ text: Text) {
        guard known.updateValue(false, forKey: text) == nil, let filter = TopicFilter(text) else { return }
        removed.append(filter)
    }
}

// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import Packets
import Persistence

/// Logical time: counts what happens in a world.
typealias Moment = Int

/// One publish as its client knows it.
struct SentMessage {
    var serial: Int
    var client: Int
    /// The session it was published in; order is promised within one.
    var incarnation: Int
    var topic: Int
    var qos: QoS
    var retain = false
    var isClear = false
    var isWill = false
    /// The store refuses it as it is; a 3.x client is closed for it and sends it again, shorter.
    var isLarge = false
    /// It does not fit the Maximum Packet Size of narrow clients.
    var isWide = false
    /// It may vanish by itself.
    var mayExpire = false
    var sentAt: Moment
    var transmissions = 1
    /// When the broker wrote PUBACK, or PUBREC.
    var acknowledgedAt: Moment?
    /// When it could take effect no more: its acknowledgement was written, or its connection was gone.
    var settledAt: Moment?
    /// The connection that carried it last.
    var link = 0
    var isRefused = false
    /// A transmission of it was refused, whether its client knows or not.
    var wasTurnedAway = false

    /// Whether the broker owes it to subscribers.
    var isOwed: Bool { acknowledgedAt != nil && !isRefused && !mayExpire && !isClear && qos != .atMostOnce }
}

/// Which subscription of a session was in force when.
struct SubscriptionSpan {
    var filter: Int
    var options: SubscriptionOptions
    var identifier: UInt32
    var sentAt: Moment
    var acknowledgedAt: Moment?
    /// When UNSUBSCRIBE, or a weaker SUBSCRIBE, was sent: later publishes are not owed.
    var leftAt: Moment?
    /// When UNSUBSCRIBE was sent.
    var unsubscribedAt: Moment?
    /// When UNSUBACK was written: later publishes must not arrive.
    var endedAt: Moment?

    func matches(_ topic: Int) -> Bool { Geography.filters[filter].topics.contains(topic) }
    var isShared: Bool { Geography.filters[filter].group != nil }
}

/// What a session has received of one message.
struct Receipt {
    /// PUBLISH packets without DUP.
    var freshCount = 0
    /// PUBLISH packets with DUP.
    var repeatCount = 0
    /// The client has read one of them.
    var isHeard = false
    /// How often the application saw it, for QoS 2.
    var exactlyOnceCount = 0
    /// The client has finished with it: PUBACK or PUBCOMP was sent.
    var isAcknowledged = false
    /// The boot in which the broker certainly knew that.
    var knownInBoot: UInt64?
}

/// One session, from the CONNACK that began it to the one that shows it gone.
final class Incarnation {
    /// For order: a publisher's session, a topic, and the QoS of the packet.
    struct OrderKey: Hashable {
        var publisher: Int
        var topic: Int
        var qos: QoS
    }

    let id: Int
    let client: Int
    let beganAt: Moment
    /// Its client takes no wide messages.
    let isNarrow: Bool
    var isPersistent: Bool
    /// Its number in the store, where it has one.
    var number: SessionNumber?
    var expirySeconds: UInt32
    /// When the broker last wrote to its client.
    var lastSeen: Milliseconds
    var lastSeenAt: Moment
    /// Times in which it may have been about to end and came back all the same, with a crash.
    var doubts: [Range<Moment>] = []
    /// Something was sent that ends it; whether that arrived is not known.
    var mayBeGone = false
    var isGone = false
    var spans: [SubscriptionSpan] = []
    var receipts: [Int: Receipt] = [:]
    /// How many messages the broker has said it dropped because the queue was full, and which it may have been.
    var droppedCount = 0
    private var excused: Set<Int> = []
    /// What was written, and what was read, last.
    var lastWritten: [OrderKey: Int] = [:]
    var lastHeard: [OrderKey: Int] = [:]

    init(
        id: Int, client: Int, isPersistent: Bool, expirySeconds: UInt32, isNarrow: Bool, now: Milliseconds,
        moment: Moment
    ) {
        self.isNarrow = isNarrow
        self.id = id
        self.client = client
        self.isPersistent = isPersistent
        self.expirySeconds = expirySeconds
        lastSeen = now
        lastSeenAt = moment
        beganAt = moment
    }

    /// Whether the broker must still have it.
    func mustExist(now: Milliseconds) -> Bool {
        guard isPersistent, !isGone, !mayBeGone else { return false }
        return expirySeconds == .max || now < lastSeen + Milliseconds(expirySeconds) * 1000
    }

    /// Whether an acknowledged publish had to be queued for it by an ordinary subscription.
    func isOwed(_ message: SentMessage) -> Bool {
        guard message.isOwed, !mayHaveMissed(message), let acknowledgedAt = message.acknowledgedAt,
            !(isNarrow && message.isWide)
        else { return false }
        return spans.contains { span in
            guard let since = span.acknowledgedAt, !span.isShared, span.options.qos != .atMostOnce else {
                return false
            }
            guard span.matches(message.topic), since < message.sentAt else { return false }
            if span.options.noLocal && message.client == client { return false }
            return span.leftAt.map { acknowledgedAt < $0 } ?? true
        }
    }

    /// Whether an acknowledged publish fell into a time in which the session may have been about to end.
    func mayHaveMissed(_ message: SentMessage) -> Bool {
        guard let acknowledgedAt = message.acknowledgedAt else { return true }
        return doubts.contains { message.sentAt < $0.upperBound && acknowledgedAt >= $0.lowerBound }
    }

    /// Whether a message may arrive at all: some subscription was not over when it was sent.
    func mayReceive(_ message: SentMessage) -> Bool {
        if isNarrow && message.isWide { return false }
        return spans.contains { $0.matches(message.topic) && ($0.endedAt ?? .max) > message.sentAt }
    }

    /// Whether a message that is missing may be one that was dropped: no more are than were said to be.
    func mayBeDropped(_ serial: Int) -> Bool {
        if excused.contains(serial) { return true }
        guard excused.count < droppedCount else { return false }
        excused.insert(serial)
        return true
    }

    /// Whether it had a subscription before the first transmission; else a later one may come first.
    func wasSubscribed(_ message: SentMessage) -> Bool {
        spans.contains {
            $0.matches(message.topic) && $0.options.qos != .atMostOnce && $0.leftAt == nil
                && ($0.acknowledgedAt ?? .max) < message.sentAt
        }
    }

    /// How many copies of one message are right: one by all ordinary subscriptions, one by each group.
    func copies(_ topic: Int) -> Int {
        var groups: Set<Int> = []
        for span in spans where span.matches(topic) {
            groups.insert(Geography.filters[span.filter].group ?? 0)
        }
        return groups.count
    }

    func hasShare(_ topic: Int) -> Bool {
        spans.contains { $0.isShared && $0.matches(topic) }
    }
}

/// Everything that was sent, by serial number.
struct Ledger {
    private(set) var messages: [SentMessage] = []
    var incarnations: [Incarnation] = []

    subscript(serial: Int) -> SentMessage {
        get { messages[serial] }
        set { messages[serial] = newValue }
    }

    mutating func add(_ make: (_ serial: Int) -> SentMessage) -> Int {
        messages.append(make(messages.count))
        return messages.count - 1
    }

    /// Whether `value` (nil: nothing) can be the retained value of a topic now.
    func isPlausible(_ value: Int?, topic: Int) -> Bool {
        let all = messages.filter { $0.topic == topic && $0.retain }
        guard let value else {
            let certain = all.contains { $0.acknowledgedAt != nil && !$0.isRefused }
            return !certain || all.contains { $0.isClear && !isSuperseded($0, all) }
        }
        return messages.indices.contains(value) && messages[value].retain && messages[value].topic == topic
            && !messages[value].isClear && !isSuperseded(messages[value], all)
    }

    private func isSuperseded(_ message: SentMessage, _ all: [SentMessage]) -> Bool {
        let end = message.settledAt ?? .max
        return all.contains { $0.acknowledgedAt != nil && !$0.isRefused && $0.sentAt > end }
    }
}

/// The payload of a message says which it is.
enum Payload {
    static func make(serial: Int, fill: Int) -> [UInt8] {
        [UInt8(serial >> 8 & 0xFF), UInt8(serial & 0xFF)] + Array(repeating: 0x2E, count: fill)
    }

    static func serial(_ payload: [UInt8]) -> Int? {
        payload.count < 2 ? nil : Int(payload[0]) << 8 | Int(payload[1])
    }
}

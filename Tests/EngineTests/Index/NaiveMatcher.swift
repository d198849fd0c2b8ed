// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import Packets
import Persistence

@testable import Engine

/// The specification's rules, written without any thought of speed, to compare the indexes with.
struct NaiveMatcher {
    struct Key: Hashable {
        var filter: Text
        var session: SessionNumber
    }

    struct Value: Hashable {
        var filter: TopicFilter
        var subscriber: Subscriber
        var options: SubscriptionOptions
        var identifier: UInt32
    }

    private(set) var subscriptions: [Key: Value] = [:]

    mutating func insert(_ value: Value) -> Bool {
        let key = Key(filter: value.filter.text, session: value.subscriber.session)
        return subscriptions.updateValue(value, forKey: key) != nil
    }

    mutating func remove(_ filter: TopicFilter, session: SessionNumber) -> Bool {
        subscriptions.removeValue(forKey: Key(filter: filter.text, session: session)) != nil
    }

    func match(_ topic: String) -> PlainMatch {
        var match = PlainMatch()
        for value in subscriptions.values where Self.matches(value.filter.filter.description, topic) {
            let session = value.subscriber.session
            if value.filter.share == nil {
                match.receivers[session, default: .init(value.subscriber)].add(value)
            } else {
                var member = PlainReceiver(value.subscriber)
                member.add(value)
                match.groups[value.filter.text, default: [:]][session] = member
            }
        }
        return match
    }

    static func matches(_ filter: String, _ topic: String) -> Bool {
        if topic.hasPrefix("$"), filter.hasPrefix("+") || filter.hasPrefix("#") { return false }
        return matches(levels(filter)[...], levels(topic)[...])
    }

    private static func levels(_ text: String) -> [Substring] {
        text.split(separator: "/", omittingEmptySubsequences: false)
    }

    private static func matches(_ filter: ArraySlice<Substring>, _ topic: ArraySlice<Substring>) -> Bool {
        guard let first = filter.first else { return topic.isEmpty }
        if first == "#" { return true }
        guard let level = topic.first, first == "+" || first.utf8.elementsEqual(level.utf8) else {
            return false
        }
        return matches(filter.dropFirst(), topic.dropFirst())
    }
}

/// A match as a value that does not know about order.
struct PlainMatch: Hashable {
    var receivers: [SessionNumber: PlainReceiver] = [:]
    var groups: [Text: [SessionNumber: PlainReceiver]] = [:]
}

struct PlainReceiver: Hashable {
    var subscriber: Subscriber
    var qos = QoS.atMostOnce
    var retainAsPublished = false
    var identifiers: [UInt32] = []
    var hasOwn = false
    var ownQoS = QoS.atMostOnce
    var ownRetainAsPublished = false
    var ownIdentifiers: [UInt32] = []

    init(_ subscriber: Subscriber) {
        self.subscriber = subscriber
    }

    mutating func add(_ value: NaiveMatcher.Value) {
        qos = max(qos, value.options.qos)
        retainAsPublished = retainAsPublished || value.options.retainAsPublished
        if value.identifier != 0 { identifiers = (identifiers + [value.identifier]).sorted() }
        guard !value.options.noLocal else { return }
        hasOwn = true
        ownQoS = max(ownQoS, value.options.qos)
        ownRetainAsPublished = ownRetainAsPublished || value.options.retainAsPublished
        if value.identifier != 0 { ownIdentifiers = (ownIdentifiers + [value.identifier]).sorted() }
    }
}

extension PlainReceiver {
    init(_ receiver: Receiver, in match: Match) {
        subscriber = Subscriber(
            session: receiver.session, seat: receiver.seat, isPersistent: receiver.isPersistent)
        qos = receiver.qos
        retainAsPublished = receiver.retainAsPublished
        identifiers = match.identifiers[receiver.identifiers].sorted()
        hasOwn = receiver.hasOwn
        ownQoS = receiver.ownQoS
        ownRetainAsPublished = receiver.ownRetainAsPublished
        ownIdentifiers = match.identifiers[receiver.ownIdentifiers].sorted()
    }
}

extension PlainMatch {
    /// `nil` if a session or a group appears twice, or a group is wrong about its persistent members.
    init?(_ match: Match) {
        for receiver in match.receivers {
            let plain = PlainReceiver(receiver, in: match)
            guard receivers.updateValue(plain, forKey: receiver.session) == nil else { return nil }
        }
        for group in match.groups {
            guard group.hasPersistent == group.members.contains(where: \.isPersistent) else { return nil }
            let members = group.members.map { ($0.session, PlainReceiver($0, in: match)) }
            guard Set(members.map(\.0)).count == members.count else { return nil }
            let plain = Dictionary(uniqueKeysWithValues: members)
            guard groups.updateValue(plain, forKey: group.share) == nil else { return nil }
        }
    }
}

extension SubscriptionIndex {
    func match(_ topic: String) -> Match { Text(topic).withBytes { match($0) } }
}

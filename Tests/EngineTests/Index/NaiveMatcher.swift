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

/// A small generator that gives the same numbers for the same seed.
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) {
        state = seed
    }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ mixed >> 30) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ mixed >> 27) &* 0x94D0_49BB_1331_11EB
        return mixed ^ mixed >> 31
    }
}

/// Topics, filters and subscriptions from a small world, so that they meet often.
final class TopicWorld {
    var random: SeededGenerator
    private let names = ["a", "b", "", "sensor", "$SYS", "a longer level text", "A"]

    init(seed: UInt64) {
        random = SeededGenerator(seed: seed)
    }

    func topic() -> String {
        var levels: [String] = []
        for _ in 0..<Int.random(in: 1...4, using: &random) {
            levels.append(names.randomElement(using: &random) ?? "")
        }
        let topic = levels.joined(separator: "/")
        return topic.isEmpty ? "a" : topic
    }

    func filter() -> TopicFilter? {
        var levels = topic().split(separator: "/", omittingEmptySubsequences: false).map(String.init)
        for index in levels.indices where Int.random(in: 0..<4, using: &random) == 0 { levels[index] = "+" }
        switch Int.random(in: 0..<6, using: &random) {
        case 0: levels.append("#")
        case 1: levels[levels.count - 1] = "#"
        default: break
        }
        let filter = levels.joined(separator: "/")
        guard Int.random(in: 0..<4, using: &random) == 0 else { return TopicFilter(Text(filter)) }
        let group = Bool.random(using: &random) ? "g" : "other"
        return TopicFilter(Text("$share/\(group)/\(filter)"))
    }

    func subscriber(sessions: UInt64 = 12) -> Subscriber {
        let session = UInt64.random(in: 1...sessions, using: &random)
        return Subscriber(session: session, seat: UInt32(session) * 7, isPersistent: session % 3 == 0)
    }

    func subscription() -> NaiveMatcher.Value? {
        guard let filter = filter() else { return nil }
        let options = SubscriptionOptions(
            qos: QoS.allCases.randomElement(using: &random) ?? .atMostOnce,
            noLocal: Bool.random(using: &random), retainAsPublished: Bool.random(using: &random))
        let identifier = Bool.random(using: &random) ? 0 : UInt32.random(in: 1...5, using: &random)
        return .init(filter: filter, subscriber: subscriber(), options: options, identifier: identifier)
    }
}

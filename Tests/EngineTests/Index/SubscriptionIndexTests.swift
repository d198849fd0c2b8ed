// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import Packets
import Persistence
import Testing

@testable import Engine

@Suite struct SubscriptionIndexTests {
    private func index(
        _ filters: [String], session: SessionNumber = 1,
        options: SubscriptionOptions = .init(qos: .atLeastOnce)
    ) throws -> SubscriptionIndex {
        var index = SubscriptionIndex(seed: 1)
        for (offset, filter) in filters.enumerated() {
            let subscriber = Subscriber(session: session, seat: 9, isPersistent: true)
            let filter = try #require(TopicFilter(Text(filter)))
            let isReplacement = index.insert(
                filter, subscriber, options: options, identifier: UInt32(offset + 1))
            #expect(!isReplacement)
        }
        return index
    }

    @Test(arguments: [
        ("sport/tennis/player1/#", "sport/tennis/player1", true),
        ("sport/tennis/player1/#", "sport/tennis/player1/ranking", true),
        ("sport/tennis/player1/#", "sport/tennis/player1/score/wimbledon", true),
        ("sport/tennis/player1/#", "sport/tennis/player12", false),
        ("sport/#", "sport", true),
        ("#", "sport", true),
        ("#", "/finance", true),
        ("sport/tennis/+", "sport/tennis/player1", true),
        ("sport/tennis/+", "sport/tennis/player2", true),
        ("sport/tennis/+", "sport/tennis/player1/ranking", false),
        ("sport/+", "sport", false),
        ("sport/+", "sport/", true),
        ("+", "sport", true),
        ("+", "/finance", false),
        ("+/+", "/finance", true),
        ("/+", "/finance", true),
        ("+/tennis/#", "sport/tennis", true),
        ("+/#", "a", true),
        ("+/#", "a/b/c", true),
        ("/#", "/", true),
        ("/#", "a", false),
        ("a//b", "a//b", true),
        ("a//b", "a/b", false),
        ("a/+/b", "a//b", true),
        ("a/", "a", false),
        ("a", "a/", false),
        ("ACCOUNTS", "Accounts", false),
        ("Accounts", "Accounts", true),
        ("Accounts payable", "Accounts payable", true),
        ("a", "ab", false),
        ("ab", "a", false),
        ("\u{e9}", "e\u{301}", false),
    ])
    func
        `a filter matches what the specification says [MQTT-4.7.1-2] [MQTT-4.7.1-3] [MQTT-4.7.3-4]`(
            filter: String, topic: String, isMatch: Bool
        ) throws
    {
        let ordinary = try index([filter]).match(topic)
        #expect(ordinary.receivers.count == (isMatch ? 1 : 0))
        #expect(ordinary.groups.isEmpty)
        let shared = try index(["$share/g/" + filter]).match(topic)
        #expect(shared.groups.map(\.share) == (isMatch ? [Text("$share/g/" + filter)] : []))
        #expect(shared.receivers.isEmpty)
        #expect(NaiveMatcher.matches(filter, topic) == isMatch)
    }

    @Test(arguments: [
        ("#", "$SYS/monitor/Clients", false),
        ("+/monitor/Clients", "$SYS/monitor/Clients", false),
        ("+", "$SYS", false),
        ("+/#", "$SYS", false),
        ("$SYS/#", "$SYS/monitor/Clients", true),
        ("$SYS/#", "$SYS", true),
        ("$SYS/monitor/+", "$SYS/monitor/Clients", true),
        ("$SYS/+/#", "$SYS/monitor", true),
        ("a/#", "a/$SYS", true),
        ("a/+", "a/$SYS", true),
    ])
    func `a filter that begins with a wildcard matches no topic that begins with a dollar [MQTT-4.7.2-1]`(
        filter: String, topic: String, isMatch: Bool
    ) throws {
        #expect(try index([filter]).match(topic).isEmpty == !isMatch)
        #expect(try index(["$share/g/" + filter]).match(topic).isEmpty == !isMatch)
        #expect(NaiveMatcher.matches(filter, topic) == isMatch)
    }

    @Test
    func `overlapping subscriptions give one copy at the greatest QoS with all identifiers [MQTT-3.3.4-2]`()
        throws
    {
        var index = try index(["a/b", "a/#"], options: .init(qos: .atMostOnce))
        let strong = try #require(TopicFilter("+/b"))
        let subscriber = Subscriber(session: 1, seat: 9, isPersistent: true)
        let options = SubscriptionOptions(qos: .exactlyOnce, noLocal: true, retainAsPublished: true)
        _ = index.insert(strong, subscriber, options: options, identifier: 77)
        let match = index.match("a/b")
        let receiver = try #require(match.receivers.first)
        #expect(match.receivers.count == 1)
        #expect(receiver.seat == 9 && receiver.isPersistent)
        #expect(receiver.qos == .exactlyOnce && receiver.retainAsPublished)
        #expect(match.identifiers[receiver.identifiers].sorted() == [1, 2, 77])
        #expect(receiver.hasOwn && receiver.ownQoS == .atMostOnce && !receiver.ownRetainAsPublished)
        #expect(match.identifiers[receiver.ownIdentifiers].sorted() == [1, 2])
    }

    @Test func `with No Local everywhere a session gets nothing of its own [MQTT-3.8.3-3]`() throws {
        let index = try index(
            ["a", "+"], options: .init(qos: .exactlyOnce, noLocal: true, retainAsPublished: true))
        let receiver = try #require(index.match("a").receivers.first)
        #expect(!receiver.hasOwn && receiver.ownQoS == .atMostOnce && !receiver.ownRetainAsPublished)
        #expect(receiver.ownIdentifiers.isEmpty && receiver.identifiers.count == 2)
    }

    @Test func `a second subscription to the same filter replaces the first [MQTT-3.8.4-3]`() throws {
        var index = try index(["a"])
        let filter = try #require(TopicFilter("a"))
        let subscriber = Subscriber(session: 1, seat: 4, isPersistent: false)
        let isReplacement = index.insert(filter, subscriber, options: .init(qos: .exactlyOnce), identifier: 5)
        #expect(isReplacement)
        #expect(index.count == 1)
        let match = index.match("a")
        #expect(match.receivers.map(\.qos) == [.exactlyOnce])
        #expect(match.receivers.map(\.seat) == [4])
        #expect(match.identifiers == [5])
    }

    @Test func `a shared and an ordinary subscription to one filter are two`() throws {
        var index = try index(["a", "$share/g/a", "$share/h/a"])
        #expect(index.count == 3)
        #expect(index.match("a").receivers.count == 1)
        #expect(Set(index.match("a").groups.map(\.share)) == ["$share/g/a", "$share/h/a"])
        let isRemoved = index.remove(try #require(TopicFilter("$share/g/a")), session: 1)
        #expect(isRemoved)
        #expect(index.match("a").groups.map(\.share) == ["$share/h/a"])
        #expect(index.match("a").receivers.count == 1)
    }

    @Test func `a removal of what is not there changes nothing`() throws {
        var index = try index(["a/b", "$share/g/a/b"])
        for (filter, session) in [
            ("a/b", 2), ("a", 1), ("a/b/c", 1), ("a/#", 1), ("a/+", 1), ("$share/h/a/b", 1),
        ] {
            let filter = try #require(TopicFilter(Text(filter)))
            let isRemoved = index.remove(filter, session: SessionNumber(session))
            #expect(!isRemoved)
        }
        #expect(index.count == 2)
    }

    @Test func `removing every subscription leaves no node behind`() throws {
        let filters = ["a/b/c", "a/+/#", "#", "+", "$share/g/a/b", "$share/g/#", "/", "a/b/c/d/e"]
        var index = try index(filters)
        #expect(index.nodeCount > 1)
        for filter in filters {
            let isRemoved = index.remove(try #require(TopicFilter(Text(filter))), session: 1)
            #expect(isRemoved)
        }
        #expect(index.count == 0)
        #expect(index.nodeCount == 1)
        #expect(index.levels.count == 0)
        #expect(index.lists.count == 0)
        #expect(index.shareTexts.isEmpty)
        #expect(index.match("a/b/c") === Match.none)
    }

    @Test(arguments: [1, 2, 3, 4, 5, 6, 7, 8] as [UInt64])
    func `the index answers as the naive matcher does, whatever comes and goes`(seed: UInt64) throws {
        let world = TopicWorld(seed: seed)
        var index = SubscriptionIndex(seed: seed)
        var model = NaiveMatcher()
        for _ in 0..<2_000 {
            switch Int.random(in: 0..<8, using: &world.random) {
            case 0...2:
                let value = try #require(world.subscription())
                let isReplacement = index.insert(
                    value.filter, value.subscriber, options: value.options, identifier: value.identifier)
                let isKnown = model.insert(value)
                #expect(isReplacement == isKnown, "seed \(seed)")
            case 3...5:
                let filter = try #require(world.filter())
                let any = model.subscriptions.values.randomElement(using: &world.random)
                let isKnown = Bool.random(using: &world.random)
                let wanted = isKnown ? any?.filter ?? filter : filter
                let session = isKnown ? any?.subscriber.session ?? 1 : world.subscriber().session
                let isRemoved = index.remove(wanted, session: session)
                let wasThere = model.remove(wanted, session: session)
                #expect(isRemoved == wasThere)
            default:
                let topic = world.topic()
                #expect(PlainMatch(index.match(topic)) == model.match(topic), "seed \(seed), topic \(topic)")
            }
            #expect(index.count == model.subscriptions.count)
        }
        for (key, value) in model.subscriptions {
            let isRemoved = index.remove(value.filter, session: key.session)
            #expect(isRemoved)
        }
        #expect(index.nodeCount == 1 && index.levels.count == 0)
    }

    @Test func `ten thousand receivers come once each, also through two filters`() throws {
        var index = SubscriptionIndex(seed: 1)
        let exact = try #require(TopicFilter("a/b"))
        let wild = try #require(TopicFilter("a/#"))
        for session in 1...10_000 as ClosedRange<SessionNumber> {
            let subscriber = Subscriber(session: session, seat: UInt32(session), isPersistent: false)
            _ = index.insert(exact, subscriber, options: .init(qos: .atLeastOnce), identifier: 0)
            _ = index.insert(wild, subscriber, options: .init(qos: .atMostOnce), identifier: UInt32(session))
        }
        let match = index.match("a/b")
        #expect(match.receivers.count == 10_000)
        #expect(Set(match.receivers.map(\.session)).count == 10_000)
        #expect(match.receivers.allSatisfy { $0.qos == .atLeastOnce })
        #expect(match.receivers.allSatisfy { match.identifiers[$0.identifiers] == [UInt32($0.session)] })
    }
}

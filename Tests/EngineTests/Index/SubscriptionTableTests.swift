// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import Packets
import Persistence
import Testing

@testable import Engine

@Suite struct SubscriptionTableTests {
    private let subscriber = Subscriber(session: 1, seat: 1, isPersistent: false)
    private let options = SubscriptionOptions(qos: .atLeastOnce)

    @Test func `a repeated topic gives the same match until a filter of its first level changes`() throws {
        let table = SubscriptionTable(seed: 3)
        let cache = CacheBox(MatchCache(seed: 3))
        table.insert(try #require(TopicFilter("a/+")), subscriber, options: options, identifier: 0)
        let first = match("a/b", cache, table)
        #expect(first.receivers.count == 1)
        #expect(match("a/b", cache, table) === first)
        table.insert(try #require(TopicFilter("other/+")), subscriber, options: options, identifier: 0)
        #expect(match("a/b", cache, table) === first)
        table.insert(try #require(TopicFilter("a/x")), subscriber, options: options, identifier: 0)
        #expect(match("a/b", cache, table) !== first)
        #expect(cache.count == 1)
    }

    @Test(arguments: ["#", "+/b", "a/b", "a/#", "$share/g/a/b", "$share/g/#"])
    func `a change between two matches is seen by the second`(filter: String) throws {
        let table = SubscriptionTable(seed: 3)
        let cache = CacheBox(MatchCache(seed: 4))
        let filter = try #require(TopicFilter(Text(filter)))
        #expect(match("a/b", cache, table).isEmpty)
        #expect(!table.insert(filter, subscriber, options: options, identifier: 0))
        #expect(!match("a/b", cache, table).isEmpty)
        #expect(table.insert(filter, subscriber, options: .init(qos: .exactlyOnce), identifier: 0))
        let found = match("a/b", cache, table)
        #expect((found.receivers + found.groups.flatMap(\.members)).map(\.qos) == [.exactlyOnce])
        #expect(table.remove(filter, session: 1))
        #expect(match("a/b", cache, table).isEmpty)
        #expect(table.count == 0)
    }

    @Test(arguments: [1, 2, 3, 4] as [UInt64])
    func `a small cache answers as the naive matcher does while subscriptions change`(seed: UInt64) throws {
        let world = TopicWorld(seed: seed)
        let table = SubscriptionTable(seed: seed)
        var model = NaiveMatcher()
        let cache = CacheBox(MatchCache(entriesMax: 8, bytesMax: 16_384, seed: seed))
        for _ in 0..<2_000 {
            if Int.random(in: 0..<5, using: &world.random) == 0 {
                let value = try #require(world.subscription())
                _ = model.insert(value)
                table.insert(
                    value.filter, value.subscriber, options: value.options, identifier: value.identifier)
            }
            if Int.random(in: 0..<5, using: &world.random) == 0,
                let (key, value) = model.subscriptions.randomElement(using: &world.random)
            {
                _ = model.remove(value.filter, session: key.session)
                #expect(table.remove(value.filter, session: key.session))
            }
            let topic = world.topic()
            #expect(
                PlainMatch(match(topic, cache, table)) == model.match(topic), "seed \(seed), topic \(topic)")
            #expect(cache.count <= 8 && cache.byteCount <= 16_384)
        }
    }

    @Test func `the cache keeps what is used and forgets what is not`() {
        let table = SubscriptionTable(seed: 1)
        let cache = CacheBox(MatchCache(entriesMax: 4, bytesMax: 1 << 20, seed: 1))
        for number in 0..<1_000 {
            _ = match("topic/\(number)", cache, table)
            _ = match("hot", cache, table)
            #expect(cache.count <= 4)
        }
        let before = cache.byteCount
        _ = match("hot", cache, table)
        #expect(cache.count == 4)
        #expect(cache.byteCount == before)
    }

    @Test func `a match that is large for the cache is given but not kept`() throws {
        let table = SubscriptionTable(seed: 1)
        let cache = CacheBox(MatchCache(bytesMax: 4_096, seed: 1))
        let filter = try #require(TopicFilter("a"))
        for session in 1...100 as ClosedRange<SessionNumber> {
            let subscriber = Subscriber(session: session, seat: 0, isPersistent: false)
            table.insert(filter, subscriber, options: options, identifier: 0)
            #expect(match("a", cache, table).receivers.count == Int(session))
            #expect(cache.byteCount <= 4_096)
        }
        #expect(cache.count == 0)
        #expect(cache.byteCount == 0)
    }

    @Test func `several threads change and match, and each sees its own changes`() async throws {
        let table = SubscriptionTable(seed: 5)
        let faults = try await withThrowingTaskGroup(of: Int.self) { group in
            for thread in 1...4 as ClosedRange<SessionNumber> {
                group.addTask { try changeAndMatch(table, thread, rounds: 2_000) }
            }
            return try await group.reduce(0, +)
        }
        #expect(faults == 0)
        #expect(table.count == 0)
    }
}

/// Holds a cache, which cannot be copied, for tests.
private final class CacheBox {
    private var cache: MatchCache

    init(_ cache: consuming MatchCache) {
        self.cache = cache
    }

    var count: Int { cache.count }
    var byteCount: Int { cache.byteCount }

    func match(_ topic: String, in table: SubscriptionTable) -> Match {
        Text(topic).withBytes { cache.match($0, in: table) }
    }
}

private func match(_ topic: String, _ cache: CacheBox, _ table: SubscriptionTable) -> Match {
    cache.match(topic, in: table)
}

/// Subscribes and unsubscribes one session; returns how often a match did not see that.
private func changeAndMatch(_ table: SubscriptionTable, _ session: SessionNumber, rounds: Int) throws -> Int {
    let cache = CacheBox(MatchCache(entriesMax: 64, bytesMax: 1 << 20, seed: session))
    let subscriber = Subscriber(session: session, seat: UInt32(session), isPersistent: false)
    var faults = 0
    for round in 0..<rounds {
        let filter = try #require(TopicFilter(Text(round % 7 == 0 ? "+/\(session)" : "t/\(session)")))
        table.insert(filter, subscriber, options: .init(qos: .atMostOnce), identifier: 0)
        let seen = match("t/\(session)", cache, table).receivers.map(\.session)
        table.remove(filter, session: session)
        let after = match("t/\(session)", cache, table)
        if seen != [session] || !after.isEmpty { faults += 1 }
    }
    return faults
}

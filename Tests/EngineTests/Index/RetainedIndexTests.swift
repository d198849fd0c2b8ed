// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import Packets
import Persistence
import Testing

@testable import Engine

extension RetainedIndex {
    fileprivate mutating func set(
        _ topic: String, _ number: MessageNumber, payload: Int? = nil, expiresAt: Milliseconds = 0
    ) -> Bool {
        let body = payload.map { size in
            RetainedBody(MessageRecord(topic: Text(topic), payload: [UInt8](repeating: 7, count: size)))
        }
        return Text(topic).withBytes { set(topic: $0, number: number, body: body, expiresAt: expiresAt) }
    }

    fileprivate mutating func clear(_ topic: String, _ number: MessageNumber) -> Bool {
        Text(topic).withBytes { clear(topic: $0, number: number) }
    }

    fileprivate func value(_ topic: String) -> RetainedValue? {
        Text(topic).withBytes { value($0) }
    }

    /// All windows of a filter, one after the other; `nil` if they do not rise or break a limit.
    fileprivate mutating func windows(
        _ filter: TopicFilter, after: MessageNumber = 0, upTo: MessageNumber = .max, limit: Int
    ) -> [RetainedValue]? {
        var all: [RetainedValue] = []
        var after = after
        while true {
            let page = matching(filter, after: after, upTo: upTo, limit: limit)
            guard page.values.count <= limit, page.values.allSatisfy({ $0.number > after }) else {
                return nil
            }
            all += page.values
            if page.isLast { break }
            guard page.through > after else { return nil }
            after = page.through
        }
        return all.map(\.number) == all.map(\.number).sorted() ? all : nil
    }
}

@Suite struct RetainedIndexTests {
    @Test func `the greater number wins, in whatever order values and clears arrive`() {
        var index = RetainedIndex(seed: 1)
        let results = [
            index.set("a", 5), index.set("a", 4), index.set("a", 5), index.clear("a", 4), index.set("a", 9),
            index.clear("a", 8), index.clear("a", 10), index.clear("a", 10), index.set("a", 9),
            index.set("a", 11),
        ]
        #expect(results == [true, false, false, false, true, false, true, false, false, true])
        #expect(index.value("a")?.number == 11)
        #expect(index.count == 1)
    }

    @Test func `a clear that comes before the value it clears leaves nothing`() {
        var index = RetainedIndex(seed: 1)
        let cleared = index.clear("a/b", 7)
        let late = index.set("a/b", 6)
        #expect(cleared && !late)
        #expect(index.value("a/b") == nil)
        #expect(index.count == 0 && index.tombstoneCount == 1)
    }

    @Test func `a clear with the value's own number clears it`() {
        var index = RetainedIndex(seed: 1)
        _ = index.set("a", 3)
        let cleared = index.clear("a", 3)
        #expect(cleared && index.value("a") == nil)
    }

    @Test func `what is taken back gives way to what was before, once, and to nothing else`() throws {
        let filters = try ["a", "#"].map { try #require(TopicFilter($0)) }
        var index = RetainedIndex(seed: 1)
        func takeBack(_ topic: Text, _ number: MessageNumber, stored: MessageNumber? = nil) {
            let record = stored.map {
                RetainedRecord(number: $0, message: MessageRecord(topic: topic, payload: [1]))
            }
            topic.withBytes { index.takeBack(topic: $0, number: number, stored: record) }
        }
        _ = index.set("a", 3)
        _ = index.set("a", 5)
        takeBack("a", 5, stored: 3)
        #expect(index.value("a")?.number == 3 && index.value("a")?.body != nil && index.count == 1)
        for filter in filters { #expect(index.windows(filter, limit: 9)?.map(\.number) == [3]) }
        _ = index.set("a", 7)
        takeBack("a", 5, stored: 3)
        #expect(index.value("a")?.number == 7, "a later one has come")
        takeBack("a", 7)
        #expect(index.value("a") == nil && index.count == 0 && index.cachedBytes == 0)
        let late = index.set("a", 6)
        #expect(!late, "it was outdated by what was taken back")
        _ = index.set("a", 8)
        _ = index.clear("a", 9)
        takeBack("a", 9, stored: 8)
        #expect(index.value("a")?.number == 8, "a clear is taken back, too")
        takeBack("b", 1)
        #expect(index.count == 1)
    }

    @Test func `purging forgets old clears, keeps newer ones and values, and prunes the topics`() {
        var index = RetainedIndex(seed: 1)
        _ = index.clear("a/b/c", 1)
        _ = index.clear("x", 5)
        _ = index.set("y", 2)
        _ = index.clear("z", 3)
        _ = index.set("z", 4)
        index.purgeTombstones(upTo: 4)
        #expect(index.tombstoneCount == 1)
        #expect(index.count == 2)
        #expect(index.trie.count == 4)
        let late = index.set("x", 4)
        #expect(!late)
        index.purgeTombstones(upTo: 5)
        #expect(index.tombstoneCount == 0)
        #expect(index.trie.count == 3)
    }

    @Test(arguments: [
        ("a/#", ["a", "a/b", "a/b/c", "a/"]),
        ("#", ["a", "a/b", "a/b/c", "a/", "/a", "b"]),
        ("+", ["a", "b"]),
        ("+/#", ["a", "a/b", "a/b/c", "a/", "/a", "b"]),
        ("+/+", ["a/b", "a/", "/a"]),
        ("a/+", ["a/b", "a/"]),
        ("/+", ["/a"]),
        ("$SYS/#", ["$SYS/x"]),
        ("$SYS/+", ["$SYS/x"]),
        ("a/b", ["a/b"]),
        ("a/c", []),
        ("unknown/#", []),
        ("A", []),
    ])
    func `a filter finds the topics it matches, and none of the broker's by a wildcard [MQTT-4.7.2-1]`(
        filter: String, expected: [String]
    ) throws {
        for visitsMax in [1, 8_192] {
            var index = RetainedIndex(visitsMax: visitsMax, seed: 1)
            for (offset, topic) in ["a", "a/b", "a/b/c", "a/", "/a", "b", "$SYS/x"].enumerated() {
                _ = index.set(topic, MessageNumber(offset + 1))
            }
            let found = index.windows(try #require(TopicFilter(Text(filter))), limit: 2)
            #expect(found?.map(\.topic.description) == expected, "visitsMax \(visitsMax)")
        }
    }

    @Test func `windows cover exactly the numbers asked for`() throws {
        for visitsMax in [16, 8_192] {
            var index = RetainedIndex(visitsMax: visitsMax, seed: 1)
            for number in 1...100 as ClosedRange<MessageNumber> { _ = index.set("t/\(number)", number) }
            let filter = try #require(TopicFilter("t/+"))
            let found = index.windows(filter, after: 10, upTo: 90, limit: 7)
            #expect(found?.map(\.number) == Array(11...90))
            let none = index.windows(filter, after: 90, upTo: 90, limit: 7)
            #expect(none?.isEmpty == true)
        }
    }

    @Test func `values that come in no order are read in the order of their numbers`() throws {
        var index = RetainedIndex(visitsMax: 64, seed: 1)
        var numbers = Array(1...5_000 as ClosedRange<MessageNumber>)
        var random = SeededGenerator(seed: 3)
        numbers.shuffle(using: &random)
        for number in numbers { _ = index.set("t/\(number)", number) }
        let found = index.windows(try #require(TopicFilter("#")), limit: 256)
        #expect(found?.map(\.number) == Array(1...5_000))
    }

    @Test func `one topic set again and again does not make the index grow`() {
        var index = RetainedIndex(seed: 1)
        for number in 1...20_000 as ClosedRange<MessageNumber> {
            _ = index.set("a", number, payload: 10, expiresAt: Milliseconds(number) + 1_000_000)
        }
        #expect(index.count == 1)
        #expect(index.log.count <= 2_000)
        #expect(index.expiries.count <= 2_000)
        #expect(index.entries.count == 1)
    }

    @Test func `committed bodies beyond the bytes are dropped, oldest first, and uncommitted ones never`() {
        var index = RetainedIndex(retainedBytesMax: 3_000, seed: 1)
        for number in 1...10 as ClosedRange<MessageNumber> {
            _ = index.set("t\(number)", number, payload: 700)
        }
        #expect(index.cachedBytes > 9_000)
        index.evictBodies(committed: 4)
        #expect(
            (1...10).map { index.value("t\($0)")?.body == nil } == [1, 2, 3, 4].map { _ in true }
                + Array(repeating: false, count: 6))
        index.evictBodies(committed: 10)
        #expect(index.cachedBytes <= 3_000 && index.cachedBytes > 2_000)
        #expect(index.value("t10")?.body != nil && index.value("t7")?.body == nil)
        #expect(index.count == 10)
    }

    @Test func `a body read from the store comes back only to the value it belongs to`() {
        var index = RetainedIndex(seed: 1)
        let body = RetainedBody(MessageRecord(topic: "a", payload: [1]))
        _ = index.set("a", 1)
        _ = index.set("a", 2)
        Text("a").withBytes { index.restoreBody(topic: $0, number: 1, body: body) }
        #expect(index.value("a")?.body == nil && index.cachedBytes == 0)
        Text("a").withBytes { index.restoreBody(topic: $0, number: 2, body: body) }
        #expect(index.value("a")?.body === body)
        #expect(index.cachedBytes == body.byteCount)
        _ = index.clear("a", 3)
        #expect(index.cachedBytes == 0)
    }

    @Test func `expired values are cleared under their own numbers, the earliest first`() {
        var index = RetainedIndex(seed: 1)
        _ = index.set("late", 1, expiresAt: 300)
        _ = index.set("early", 2, expiresAt: 100)
        _ = index.set("never", 3)
        _ = index.set("renewed", 4, expiresAt: 50)
        _ = index.set("renewed", 5, expiresAt: 900)
        let none = index.expire(now: 49, limit: 10)
        #expect(none.isEmpty)
        let first = index.expire(now: 300, limit: 1)
        #expect(first.map(\.topic) == ["early"] && first.map(\.number) == [2])
        let second = index.expire(now: 300, limit: 10)
        #expect(second.map(\.topic) == ["late"])
        #expect(index.count == 2 && index.value("early") == nil)
        let again = index.set("early", 2)
        #expect(!again)
    }
}

/// The retained values by the rules alone.
private struct RetainedModel {
    struct Value {
        var number: MessageNumber
        var expiresAt: Milliseconds
        var isClear: Bool
    }

    var values: [String: Value] = [:]
    var live: [String: Value] { values.filter { !$0.value.isClear } }

    mutating func set(_ topic: String, _ number: MessageNumber, expiresAt: Milliseconds) -> Bool {
        guard number > values[topic]?.number ?? 0 else { return false }
        values[topic] = Value(number: number, expiresAt: expiresAt, isClear: false)
        return true
    }

    mutating func clear(_ topic: String, _ number: MessageNumber) -> Bool {
        let old = values[topic]
        guard number > old?.number ?? 0 || (number == old?.number && old?.isClear == false) else {
            return false
        }
        values[topic] = Value(number: number, expiresAt: 0, isClear: true)
        return true
    }

    mutating func expire(now: Milliseconds) -> Set<MessageNumber> {
        let expired = live.filter { $0.value.expiresAt != 0 && $0.value.expiresAt <= now }
        for topic in expired.keys { values[topic]?.isClear = true }
        return Set(expired.values.map(\.number))
    }

    func matching(_ filter: TopicFilter, after: MessageNumber, upTo: MessageNumber) -> [MessageNumber] {
        live.filter { (topic, value) in
            value.number > after && value.number <= upTo
                && NaiveMatcher.matches(filter.filter.description, topic)
        }.values.map(\.number).sorted()
    }
}

@Suite struct RetainedModelTests {
    @Test(arguments: [1, 2, 3] as [UInt64], [3, 8_192])
    func `the index answers as the model does, whatever comes`(seed: UInt64, visitsMax: Int) throws {
        let world = TopicWorld(seed: seed)
        var index = RetainedIndex(visitsMax: visitsMax, seed: seed)
        var model = RetainedModel()
        var numbers = Array(1...2_000 as ClosedRange<MessageNumber>)
        for start in stride(from: 0, to: numbers.count, by: 20) {
            numbers[start..<start + 20].shuffle(using: &world.random)
        }
        for (step, number) in numbers.enumerated() {
            let topic = world.topic()
            if Int.random(in: 0..<3, using: &world.random) == 0 {
                let isCleared = index.clear(topic, number)
                let expected = model.clear(topic, number)
                #expect(isCleared == expected, "seed \(seed)")
            } else {
                let expiresAt = Bool.random(using: &world.random) ? 0 : Milliseconds(step + 200)
                let isSet = index.set(topic, number, payload: 5, expiresAt: expiresAt)
                let expected = model.set(topic, number, expiresAt: expiresAt)
                #expect(isSet == expected, "seed \(seed)")
            }
            if step % 20 == 19 { index.purgeTombstones(upTo: number / 20 * 20) }
            if step % 7 == 0 {
                let expired = index.expire(now: Milliseconds(step), limit: .max)
                let expected = model.expire(now: Milliseconds(step))
                #expect(Set(expired.map(\.number)) == expected, "seed \(seed)")
            }
            if step % 5 == 0 {
                let filter = try #require(world.filter())
                let after = MessageNumber.random(in: 0...UInt64(step + 1), using: &world.random)
                let found = index.windows(filter, after: after, upTo: 1_500, limit: 1 + step % 9)
                let expected = model.matching(filter, after: after, upTo: 1_500)
                #expect(found?.map(\.number) == expected, "seed \(seed), filter \(filter.text)")
            }
            #expect(index.count == model.live.count)
        }
        for (topic, value) in model.live { _ = index.clear(topic, value.number) }
        index.purgeTombstones(upTo: .max)
        #expect(index.trie.count == 1 && index.entries.count == 0 && index.cachedBytes == 0)
    }
}

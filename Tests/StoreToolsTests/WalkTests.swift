// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import Persistence
import StoreMemory
import Testing

@testable import StoreTools

struct WalkTests {
    private func messages(_ store: any Store, window: Int) throws -> [MessageNumber: Int] {
        var found: [MessageNumber: Int] = [:]
        try Walk(store, windowBytesMax: window).run { record in
            guard case .published(let publication) = record else { return }
            #expect(found[publication.number] == nil)
            found[publication.number] = publication.deliveries.count
        }
        return found
    }

    @Test(arguments: [1, 1_000, 10_000, 1 << 30])
    func `every message comes once, with all its deliveries, whatever fits the window`(
        window: Int
    ) throws {
        let store = MemoryStore()
        store.open()
        try Contents().write(to: store)
        let found = try messages(store, window: window)
        #expect(found.count == 300)
        for (number, deliveries) in found { #expect(deliveries == (number % 3 == 0 ? 8 : 1)) }
    }

    @Test func `messages with one delivery come session by session, then those that are shared`() throws {
        let store = MemoryStore()
        store.open()
        try Contents().write(to: store)
        var single: [[UInt64]] = []
        var shared: [MessageNumber] = []
        try Walk(store).run { record in
            guard case .published(let publication) = record else { return }
            if publication.deliveries.count == 1 {
                #expect(shared.isEmpty)
                single.append([publication.deliveries[0].session, publication.number])
            } else {
                shared.append(publication.number)
                #expect(publication.deliveries.map(\.session).sorted() == Array(1...8))
            }
        }
        #expect(single.count == 200 && single == single.sorted { ($0[0], $0[1]) < ($1[0], $1[1]) })
        #expect(shared.count == 100 && shared == shared.sorted())
    }

    @Test func `a digest tells one record from another and not their order`() {
        var (first, second, third) = (Digest(), Digest(), Digest())
        first.add(1, bytes: [1, 2])
        first.add(2, bytes: [])
        second.add(2, bytes: [])
        second.add(1, bytes: [1, 2])
        third.add(1, bytes: [1, 2, 0])
        third.add(2, bytes: [])
        #expect(first == second)
        #expect(first != third)
    }

    @Test func `an overview names the oldest message and the longest queues`() throws {
        let store = MemoryStore()
        store.open()
        try Contents(sessions: 1...2, messages: 3...9).write(to: store)
        let overview = try Overview(store)
        #expect(overview.oldest?.number == 3)
        #expect(overview.oldest?.publishedAt == 3)
        #expect(overview.longest.map(\.count) == [5, 5])
        #expect(!overview.isPartial)
    }
}

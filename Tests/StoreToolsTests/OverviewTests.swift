// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import Packets
import Persistence
import StoreLMDB
import StoreMemory
import StoreSQLite
import Testing

@testable import StoreTools

struct OverviewTests {
    private let place: Place

    init() throws {
        place = try Place()
    }

    private var stores: [any Store] { [MemoryStore(), place.sqlite("sqlite"), place.lmdb("lmdb")] }

    private func forEachFilled(_ contents: Contents, _ body: (any Store) throws -> Void) throws {
        for store in stores {
            try store.open()
            defer { store.close() }
            try contents.write(to: store)
            try body(store)
        }
    }

    @Test func `the longest queues come first, with their counts and whose they are`() throws {
        try forEachFilled(Contents(sessions: 1...30)) { store in
            let overview = try Overview(store)
            let counts = try (1...30).map { try store.deliveryCount(of: $0) }
            #expect(overview.longest.map { Int($0.count) } == Array(counts.sorted(by: >).prefix(10)))
            for queue in overview.longest {
                #expect(Int(queue.count) == counts[Int(queue.session) - 1])
                // The last session has ended.
                let name: Text? = queue.session == 30 ? nil : Text("client-\(queue.session)")
                #expect(queue.clientID == name)
                #expect(!queue.isAtLeast)
            }
            #expect(overview.queueCount == 30 && !overview.isPartial)
        }
    }

    @Test func `the oldest waiting message is the one with the smallest number, in whatever queue`() throws {
        try forEachFilled(Contents()) { store in
            #expect(try Overview(store).oldest?.number == 1)
            var batch = ChangeBatch()
            batch.number = try store.sysInfo().batch + 1
            for session in 1...SessionNumber(8) {
                for number in 1...MessageNumber(9) where !(session == 6 && number == 6) {
                    batch.append(.removal(session: session, number: number))
                }
            }
            try store.commit(batch)
            let oldest = try Overview(store).oldest
            #expect(oldest?.number == 6 && oldest?.publishedAt == 6)
        }
    }

    @Test func `a store without queues has no oldest message`() throws {
        for store in stores {
            try store.open()
            defer { store.close() }
            let overview = try Overview(store)
            #expect(overview.oldest == nil && overview.longest.isEmpty && overview.queueCount == 0)
            #expect(!overview.isMigrationTarget)
        }
    }

    @Test func `what is counted has a limit, and what lies beyond it is said to be longer`() throws {
        try forEachFilled(Contents()) { store in
            let isListed = store.name == "lmdb"
            let ranking = try QueueRanking(store, countedMax: 150)
            #expect(ranking.isPartial == isListed)
            #expect(ranking.longest.contains { !$0.isCounted } == isListed)
            #expect(ranking.oldest?.first == 1)
        }
    }

    @Test func `what is remembered has a limit, and keeps those that may be longest`() throws {
        try forEachFilled(Contents(sessions: 1...40)) { store in
            let all = try QueueRanking(store)
            let some = try QueueRanking(store, candidatesMax: 24)
            #expect(some.isPartial || some.longest.map(\.countMax) == all.longest.map(\.countMax))
            #expect(some.isPartial == (store.name == "lmdb"), "only counted queues can be told apart")
            #expect(try QueueRanking(store, candidatesMax: 4).isPartial)
            #expect(some.oldest == all.oldest)
        }
    }

    @Test func `every kind takes bytes, and an engine that does not tell says so`() throws {
        try forEachFilled(Contents()) { store in
            let overview = try Overview(store)
            guard case .known(let sizes) = overview.sizes else {
                #expect(store.name == "memory")
                return
            }
            for bytes in [
                sizes.clients, sizes.subscriptions, sizes.messages, sizes.deliveries, sizes.receptions,
                sizes.retained, sizes.other,
            ] { #expect(bytes >= 4_096) }
            #expect(sizes.estimate == nil && sizes.medium == .disk)
            #expect(sizes.deliveries > sizes.clients)
        }
    }

    @Test func `the target of a migration that did not end is shown`() throws {
        let target = place.lmdb("target")
        try target.open()
        defer { target.close() }
        let source = place.sqlite("source")
        try source.open()
        defer { source.close() }
        try Contents().write(to: source)
        let failing = FailingStore(target, after: 1)
        #expect(throws: (any Error).self) { try Migration(from: source, to: failing).run() }
        #expect(try Overview(target).isMigrationTarget)
    }
}

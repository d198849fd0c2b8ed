// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import Packets
import Persistence
import StoreLMDB
import StoreMemory
import StoreSQLite
import Testing

@testable import StoreTools

struct MigrationTests {
    private let place: Place

    init() throws {
        place = try Place()
    }

    private func open(_ stores: (any Store)...) throws {
        for store in stores { try store.open() }
    }

    @Test func `a ring of stores ends with what it began with`() throws {
        let stores: [any Store] = [
            place.sqlite("first"), place.lmdb("second"), MemoryStore(), place.sqlite("last"),
        ]
        for store in stores { try store.open() }
        try Contents().write(to: stores[0])
        let start = try Census(stores[0])
        for (source, target) in zip(stores, stores.dropFirst()) {
            let census = try Migration(from: source, to: target).run()
            #expect(census == start)
            #expect(try target.verify() == [])
            let (before, after) = (try source.sysInfo(), try target.sysInfo())
            #expect(after.messageCount == before.messageCount)
            #expect(after.deliveryCount == before.deliveryCount)
            #expect(after.session == before.session && after.message == before.message)
            #expect(after.time == before.time)
        }
        #expect(start.ended.count == 1 && start.clients.count == 7 && start.messages.count == 300)
        #expect(start.deliveries.count == 200 + 100 * 8)
        for store in stores { store.close() }
    }

    @Test func `a target that holds something is refused and left alone`() throws {
        let (source, target) = (place.sqlite("source"), place.lmdb("target"))
        try open(source, target)
        try Contents().write(to: source)
        try Contents(messages: 1...10, payload: "other").write(to: target)
        let before = try Census(target)
        let error = #expect(throws: ToolError.self) { try Migration(from: source, to: target).run() }
        #expect(error?.sentence.contains("--overwrite") == true)
        #expect(try Census(target) == before)
    }

    @Test func `overwriting leaves nothing of what was there`() throws {
        let (source, target) = (place.sqlite("source"), place.lmdb("target"))
        try open(source, target)
        try Contents(sessions: 1...3, messages: 1...30).write(to: source)
        try Contents(sessions: 5...20, messages: 1...200, payload: "other").write(to: target)
        try Migration(from: source, to: target, overwrites: true).run()
        #expect(try Census(target) == Census(source))
        #expect(try target.verify() == [])
    }

    /// A boot of the target after the last one of the source would say when the source's clients had gone.
    @Test func `a target that is overwritten has the boots of the source and no others`() throws {
        for target in [MemoryStore(), place.sqlite("boots"), place.lmdb("boots-too")] as [any Store] {
            let source = MemoryStore()
            try open(source, target)
            defer { target.close() }
            try Contents(boots: 2...3).write(to: source)
            try Contents(payload: "other", boots: 1...9).write(to: target)
            let census = try Migration(from: source, to: target, overwrites: true).run()
            #expect(census.boots.count == 2)
            #expect(try target.boots() == source.boots())
            #expect(try Census(target) == census)
        }
    }

    @Test func `boots that an interrupted migration has left are gone after the next one`() throws {
        let (source, other, target) = (MemoryStore(), MemoryStore(), MemoryStore())
        try open(source, other, target)
        try Contents(boots: 1...9).write(to: other)
        // The last batch takes the mark away; the one before has the boots.
        let failing = FailingStore(target, after: 2)
        #expect(throws: StoreError.self) { try Migration(from: other, to: failing).run() }
        #expect(try target.boots().count == 9)
        try Contents(boots: 1...2).write(to: source)
        try Migration(from: source, to: target).run()
        #expect(try target.boots() == source.boots())
    }

    @Test func `a target whose boots are not those of the source is not complete`() throws {
        let (source, target) = (MemoryStore(), MemoryStore())
        try open(source, target)
        try Contents().write(to: source)
        let failing = FailingStore(target, falseBoots: [BootRecord(number: 7, startedAt: 7)])
        let error = #expect(throws: ToolError.self) { try Migration(from: source, to: failing).run() }
        #expect(error?.sentence.contains("The boots in") == true)
    }

    /// Whichever batch of the target fails, the second run leaves what an undisturbed one does.
    @Test(arguments: [1, 2, 3, 5, 8])
    func `a migration that was interrupted begins anew`(batches: Int) throws {
        let (source, target) = (MemoryStore(), MemoryStore())
        let failing = FailingStore(target, after: batches)
        try open(source, target)
        try Contents(messages: 1...2_000).write(to: source)
        let error = #expect(throws: StoreError.self) {
            try Migration(from: source, to: failing, changesMax: 500).run()
        }
        #expect(error?.code == .retry)
        #expect(try target.sysInfo().batch > 0)
        try refuses(target)
        try Migration(from: source, to: target).run()
        #expect(try Census(target) == Census(source))
        #expect(try target.verify() == [])
    }

    private struct Enough: Error {}

    @Test(arguments: [1, 100, 2_000, 4_000])
    func `a migration ends when its progress throws, and the next one begins anew`(calls: Int) throws {
        let (source, target) = (MemoryStore(), MemoryStore())
        try open(source, target)
        try Contents(messages: 1...2_000).write(to: source)
        var count = 0
        #expect(throws: Enough.self) {
            try Migration(from: source, to: target, changesMax: 500).run { _, _ in
                count += 1
                if count == calls { throw Enough() }
            }
        }
        #expect(count == calls)
        try refuses(target)
        try Migration(from: source, to: target).run()
        #expect(try Census(target) == Census(source))
    }

    @Test func `progress rises to the count of records and never falls`() throws {
        let (source, target) = (MemoryStore(), MemoryStore())
        try open(source, target)
        try Contents().write(to: source)
        let info = try source.sysInfo()
        // The boot is a record as well, and in no counter; the session that has ended is one no more.
        let records = Int(
            info.clientCount + info.subscriptionCount + info.deliveryCount + info.receptionCount
                + info.retainedCount)
        var last = 0
        try Migration(from: source, to: target).run { done, total in
            #expect(done >= last && done <= total && total <= records + 3)
            last = done
        }
        #expect(last >= records)
    }

    private func refuses(_ unfinished: MemoryStore) throws {
        let other = MemoryStore()
        other.open()
        let error = #expect(throws: ToolError.self) { try Migration(from: unfinished, to: other).run() }
        #expect(error?.sentence.contains("did not end") == true)
    }

    @Test func `a source without anything is refused`() throws {
        let (source, target) = (MemoryStore(), MemoryStore())
        try open(source, target)
        #expect(throws: ToolError.self) { try Migration(from: source, to: target).run() }
        #expect(try target.sysInfo().batch == 0)
    }

    @Test func `a record that cannot be read ends the migration`() throws {
        let (source, target) = (MemoryStore(), MemoryStore())
        try open(source, target)
        try Contents().write(to: source)
        let migration = Migration(from: source, to: target, firstFault: { "A record is damaged." })
        let error = #expect(throws: ToolError.self) { try migration.run() }
        #expect(error?.sentence.contains("A record is damaged.") == true)
    }
}

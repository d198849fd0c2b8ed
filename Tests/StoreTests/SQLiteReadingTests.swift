// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import CSQLite
import Glibc
import Packets
import Persistence
import Testing

@testable import StoreSQLite

/// Reading without owning, and what tools ask for.
struct SQLiteReadingTests {
    @Test func `A store that is opened for reading sees what its owner commits, and does not disturb it`()
        throws
    {
        let lab = try Lab()
        try lab.fill()
        try lab.with { owner in
            let reader = lab.store()
            try reader.openForReading()
            #expect(try reader.sysInfo() == owner.sysInfo())
            try lab.commit(owner) { $0.add(number: 5, to: [1]) }
            #expect(try reader.deliveryCount(of: 1) == 3)
            #expect(try reader.verify() == [])
            #expect(failure { try reader.commit(ChangeBatch()) }?.code == .unavailable)
            reader.close()
            #expect(failure { _ = try reader.sysInfo() }?.code == .unavailable)
            try lab.commit(owner) { $0.add(number: 6, to: [1]) }
        }
        try lab.with { store in
            let count = try store.deliveryCount(of: 1)
            #expect(count == 4)
        }
    }

    @Test func `What a broker that died has left in the log is read, and stays there`() throws {
        let (lab, copy) = (try Lab(), try Lab())
        try lab.fill()
        try lab.with { store in
            try lab.commit(store) { $0.add(number: 5, to: [1]) }
            for ending in ["", "-wal"] { try lab.copy(ending, to: copy) }
        }
        let before = (try copy.bytes(), try copy.bytes("-wal"))
        #expect(before.1.count > 0)
        let reader = copy.store()
        try reader.openForReading()
        #expect(try reader.deliveryCount(of: 1) == 3)
        #expect(try reader.verify() == [])
        reader.close()
        #expect(try copy.bytes() == before.0)
        #expect(try copy.bytes("-wal") == before.1)
    }

    @Test func `A closed database is as it was after it was read, with nothing beside it`() throws {
        let lab = try Lab()
        try lab.fill()
        let before = try lab.bytes()
        let reader = lab.store()
        try reader.openForReading()
        #expect(try reader.clients(after: 0, limit: 9).count == 3)
        reader.close()
        #expect(try lab.bytes() == before)
        for ending in ["-wal", "-shm"] { #expect(access(lab.path + ending, F_OK) != 0) }
    }

    @Test func `Nothing is made where there is nothing, and emptiness is said`() throws {
        let lab = try Lab()
        let missing = failure { try lab.store().openForReading() }
        #expect(missing?.code == .unavailable && missing?.message.contains(lab.path) == true)
        for ending in ["", "-wal", "-shm", ".lock"] { #expect(access(lab.path + ending, F_OK) != 0) }
        lab.write([])
        let empty = failure { try lab.store().openForReading() }
        #expect(empty?.code == .unavailable && empty?.message.contains("is empty") == true)
    }

    @Test func `A newer format and what is no database are refused`() throws {
        let lab = try Lab()
        try lab.fill()
        try lab.tamper("PRAGMA user_version=2")
        #expect(failure { try lab.store().openForReading() }?.code == .newerFormat)
        lab.write([UInt8](repeating: 0x61, count: 5_000))
        #expect(failure { try lab.store().openForReading() }?.code == .corrupt)
    }

    /// Queues of different lengths, some in `recent`, some in `settled`, some in both.
    private func fillQueues(_ lab: Lab, _ store: SQLiteStore) throws {
        for start in stride(from: MessageNumber(1), to: 4_000, by: 100) {
            try lab.commit(store) { batch in
                for number in start..<start + 100 {
                    batch.add(number: number, to: [1 + number % 7 * number % 11])
                }
            }
        }
    }

    @Test(arguments: [0, Int.max])
    func `All queues are listed with their ends, whether rows are walked or not`(walkedCountMax: Int) throws {
        let lab = try Lab()
        lab.options.recentCountMax = 300
        try lab.with { store in
            try fillQueues(lab, store)
            var queues: [SessionNumber: QueueSummary] = [:]
            try store.forEachQueue(walkingUpTo: walkedCountMax) { queue in
                #expect(queues.updateValue(queue, forKey: queue.session) == nil)
            }
            var rows = 0
            for (session, queue) in queues {
                let count = try store.deliveryCount(of: session)
                let page = try store.deliveries(of: session, after: 0, limit: 1, bytesMax: 1)
                #expect(queue.first == page.deliveries.first?.number)
                #expect(queue.countMax >= UInt64(count))
                #expect(queue.countMax == UInt64(count) || !queue.isCounted)
                #expect(try store.deliveryCount(of: session, upTo: 5) == min(5, count))
                rows += count
            }
            #expect(rows == 4_000)
        }
    }

    @Test func `A tree that is too large is estimated from the part that was seen`() throws {
        let lab = try Lab()
        lab.options.recentCountMax = 300
        try lab.with { store in
            try fillQueues(lab, store)
            try store.readers.readOnce { (connection) throws(StoreError) in
                try translating(lab.path, .reading) { () throws(SQLiteFailure) in
                    let whole = try PageCensus(connection)
                    let rest = try PageCensus(connection, pagesMax: 40)
                    #expect(!rest.isEstimated && rest.pages == whole.pages, "one tree is what is left")
                    let part = try PageCensus(connection, pagesMax: 3)
                    #expect(!whole.isEstimated && part.isEstimated)
                    #expect(whole.pages.values.reduce(whole.freeCount, +) == whole.pageCount)
                    let settled = whole.pages["settled"] ?? 0
                    #expect(settled > 60)
                    #expect(abs((part.pages["settled"] ?? 0) - settled) < settled / 3)
                    #expect(part.pages["client"] == whole.pages["client"])
                }
            }
        }
    }

    @Test func `A place in a tree tells how much of it is done`() {
        var place = TreePlace()
        place.reach("/", children: 4)
        place.reach("/000/", children: 10)
        place.reach("/001/", children: 10)
        place.reach("/001/005/", children: 1)
        #expect(place.total(after: 15) == 40)
        place.reach("/003/009+000001", children: 1)
        #expect(place.total(after: 39) == 40)
    }
}

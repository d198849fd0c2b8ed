// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import Persistence
import StoreConformance
import StoreMemory
import Testing

@testable import StoreSQLite

/// A kind of store that is put on trial.
struct Candidate: CustomTestStringConvertible, Sendable {
    var testDescription: String
    var fixture: StoreFixture

    static let all = [memory, faultless, sqlite, unsettled]

    static let memory = Candidate(testDescription: "memory", fixture: StoreFixture { MemoryStore() })

    /// A faulty store without faults passes everything on.
    static let faultless = Candidate(
        testDescription: "faulty store without faults", fixture: StoreFixture { FaultyStore(MemoryStore()) })

    /// SQLite as it is used; each restart is a new object on the same files.
    static let sqlite = Candidate(testDescription: "sqlite", fixture: sqliteFixture { _ in })

    /// SQLite that moves deliveries from one table to the other all the time, with a short log.
    static let unsettled = Candidate(
        testDescription: "sqlite, settling all the time",
        fixture: sqliteFixture { options in
            options.recentCountMax = 5
            options.insertionsPerSlice = 3
            options.recentBodyBytesMax = 200
            options.bulkCountMin = 3
            options.logBytesMax = 1 << 18
        })

    private static func sqliteFixture(
        _ set: @escaping @Sendable (inout SQLiteStore.Options) -> Void
    ) -> StoreFixture {
        var options = SQLiteStore.Options()
        options.storeReserveBytes = 1 << 16
        options.recordBytesMax = 4 << 20
        set(&options)
        return StoreFixture(
            create: { [options] in
                SQLiteStore(path: try Directory.make() + "/roost.db", durability: .process, options: options)
            },
            restart: { [options] store in
                SQLiteStore(path: store.location, durability: .process, options: options)
            },
            destroy: { store in Directory.remove(parentOf: store.location) },
            recordBytesMax: options.recordBytesMax)
    }
}

struct ConformanceTests {
    @Test(arguments: Candidate.all, StoreConformance.checks)
    func `Every store keeps every rule of the port`(
        candidate: Candidate, check: StoreConformance.Check
    ) throws {
        try check.run(candidate.fixture)
    }

    @Test func `There are checks, and no two with one name`() {
        let names = StoreConformance.checks.map(\.name)
        #expect(names.count >= 50)
        #expect(Set(names).count == names.count)
    }
}

// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import Persistence
import StoreConformance
import Testing

@testable import StoreLMDB

/// A way to set up LMDB that is put on trial.
struct Candidate: CustomTestStringConvertible, Sendable {
    var testDescription: String
    var fixture: StoreFixture

    static let all = [plain, cramped]

    /// LMDB as it is used; each restart is a new object on the same files.
    static let plain = Candidate(testDescription: "lmdb", fixture: fixture { _ in })

    /// LMDB whose map grows all the time, and whose messages have a table of their own.
    static let cramped = Candidate(
        testDescription: "lmdb, growing all the time",
        fixture: fixture { options in
            options.mapBytes = 1 << 16
            options.storeReserveBytes = 0
            options.inlineBodyBytesMax = 40
        })

    private static func fixture(
        _ set: @escaping @Sendable (inout LMDBStore.Options) -> Void
    ) -> StoreFixture {
        var options = LMDBStore.Options()
        options.storeReserveBytes = 1 << 16
        options.recordBytesMax = 4 << 20
        set(&options)
        return StoreFixture(
            create: { [options] in
                LMDBStore(path: try Directory.make() + "/roost", durability: .process, options: options)
            },
            restart: { [options] store in
                LMDBStore(path: store.location, durability: .process, options: options)
            },
            destroy: { store in Directory.removeAll(store.location) },
            recordBytesMax: options.recordBytesMax)
    }
}

struct ConformanceTests {
    @Test(arguments: Candidate.all, StoreConformance.checks)
    func `LMDB keeps every rule of the port`(
        candidate: Candidate, check: StoreConformance.Check
    ) throws {
        try check.run(candidate.fixture)
    }
}

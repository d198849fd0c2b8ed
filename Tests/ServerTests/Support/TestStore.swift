// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import Persistence
import StoreConformance
import StoreMemory
import StoreSQLite
import Testing

/// Where a test's data is, across several brokers.
enum TestStore: CaseIterable {
    case memory, sqlite

    /// Gives a store object for each start of a broker; all of them see the same data.
    func starts() throws -> @Sendable () -> any Store {
        switch self {
        case .memory:
            let store = MemoryStore()
            return { store }
        case .sqlite:
            let directory = try TestDirectory()
            return { SQLiteStore(path: directory.file("roost.db"), durability: .disk) }
        }
    }
}

/// A store on a disk that fails as it is told to.
func withFaultyStore(_ body: (FaultyStore) async throws -> Void) async throws {
    let directory = try TestDirectory()
    let store = FaultyStore(SQLiteStore(path: directory.file("roost.db"), durability: .disk))
    do {
        try await body(store)
    } catch {
        store.release()
        throw error
    }
    #expect(directory.path.isEmpty == false)
}

/// Looks every few milliseconds until `condition` holds; fails after a minute.
func eventually(
    _ what: String, sourceLocation: SourceLocation = #_sourceLocation, _ condition: () throws -> Bool
) async throws {
    let deadline = ContinuousClock.now + .seconds(60)
    while try !condition() {
        guard ContinuousClock.now < deadline else {
            Issue.record("\(what) did not come true", sourceLocation: sourceLocation)
            return
        }
        try await Task.sleep(for: .milliseconds(2))
    }
}

// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import CSQLite
import Glibc
import Packets
import Persistence
import Synchronization
import Testing

@testable import StoreSQLite

/// Makes the checkpointer of an open database slow to sync: its connection gets a copy of the table of functions by
/// which SQLite reaches the database file.
private enum SlowSync {
    // The real functions of SQLite's Unix files, the same for all of them.
    private static let real = Mutex<sqlite3_io_methods?>(nil)

    /// The checkpointer has nothing to do yet. The copy is never freed: SQLite may use it to the end.
    static func install(_ store: SQLiteStore) throws {
        try store.database.withLock { database in
            let connection = try #require(database?.log.checkpointer.connection.pointer)
            var found: UnsafeMutablePointer<sqlite3_file>?
            sqlite3_file_control(connection, "main", SQLITE_FCNTL_FILE_POINTER, &found)
            let file = try #require(found)
            let methods = try #require(file.pointee.pMethods)
            real.withLock { $0 = methods.pointee }
            let table = UnsafeMutablePointer<sqlite3_io_methods>.allocate(capacity: 1)
            table.initialize(to: methods.pointee)
            table.pointee.xSync = { file, flags in
                usleep(500_000)
                return SlowSync.real.withLock { $0 }?.xSync(file, flags) ?? SQLITE_OK
            }
            file.pointee.pMethods = UnsafePointer(table)
        }
    }
}

/// How long the log becomes while it is written to.
struct SQLiteLogTests {
    /// Commits 200 batches to a log of 256 KiB, and the removal of most of what they bring.
    private func expectBoundedLog(_ lab: Lab, _ store: SQLiteStore) throws {
        try lab.commit(store) { $0.add(ClientRecord(session: 1, clientID: "one")) }
        for round in 0..<UInt64(200) {
            try lab.commit(store) { batch in
                for number in round * 20 + 1...round * 20 + 20 {
                    batch.add(number: number, to: [1], payload: 500)
                }
            }
            if round > 2 {
                try lab.commit(store) { batch in
                    for number in (round - 2) * 20 + 1...(round - 2) * 20 + 20 {
                        batch.append(.removal(session: 1, number: number))
                    }
                }
            }
        }
        let size = try #require(fileSize(lab.path + "-wal"))
        // Three times the limit, and what one batch and a quarter add to that.
        #expect(size < 4 << 18)
        try expectSound(store)
    }

    private func lab() throws -> Lab {
        let lab = try Lab()
        lab.options.logBytesMax = 1 << 18
        // However long the checkpointer is off its core, or the disk takes to sync.
        lab.options.logWaitMilliseconds = 60_000
        return lab
    }

    @Test func `The log stays bounded while batches are committed`() throws {
        let lab = try lab()
        try lab.with { store in try expectBoundedLog(lab, store) }
    }

    @Test func `It does, too, while the checkpointer is much slower than the committer`() throws {
        let lab = try lab()
        let store = lab.store(.memory)
        try store.open()
        defer { store.close() }
        try SlowSync.install(store)
        try expectBoundedLog(lab, store)
    }
}

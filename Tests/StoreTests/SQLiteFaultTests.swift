// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import CSQLite
import Persistence
import Synchronization
import Testing

@testable import StoreSQLite

/// Makes the log file of an open database fail.
///
/// SQLite reaches a file through a table of functions; the connection's log gets a copy of its table with two
/// functions that fail as often as they are told to and otherwise call the real ones.
enum LogFault {
    /// Errors still to be answered: by `xSync` in the first, by `xWrite` in the second.
    static let syncs = Faults()
    static let writes = Faults()

    final class Faults: Sendable {
        private let state = Mutex<(count: Int, code: Int32)>((0, SQLITE_OK))

        /// The next `count` calls answer with `code`.
        func plan(_ count: Int, _ code: Int32) {
            state.withLock { $0 = (count, code) }
        }

        var next: Int32 {
            state.withLock { state in
                guard state.count > 0 else { return SQLITE_OK }
                state.count -= 1
                return state.code
            }
        }
    }

    // The real functions of SQLite's Unix files, the same for all of them.
    private static let real = Mutex<sqlite3_io_methods?>(nil)

    /// Puts the failing table under the log of `store`. The copy is never freed: SQLite may use it to the
    /// end.
    static func install(_ store: SQLiteStore) {
        store.database.withLock { database in
            var found: UnsafeMutablePointer<sqlite3_file>?
            guard let connection = database?.writer.connection.pointer else { return }
            sqlite3_file_control(connection, "main", SQLITE_FCNTL_JOURNAL_POINTER, &found)
            guard let file = found, let methods = file.pointee.pMethods else { return }
            real.withLock { $0 = methods.pointee }
            let table = UnsafeMutablePointer<sqlite3_io_methods>.allocate(capacity: 1)
            table.initialize(to: methods.pointee)
            table.pointee.xSync = { file, flags in
                let planned = LogFault.syncs.next
                if planned != SQLITE_OK { return planned }
                return LogFault.real.withLock { $0?.xSync(file, flags) ?? SQLITE_OK }
            }
            table.pointee.xWrite = { file, bytes, count, offset in
                let planned = LogFault.writes.next
                if planned != SQLITE_OK { return planned }
                return LogFault.real.withLock { $0?.xWrite(file, bytes, count, offset) ?? SQLITE_OK }
            }
            file.pointee.pMethods = UnsafePointer(table)
        }
    }
}

@Suite(.serialized) struct SQLiteFaultTests {
    @Test func `After a failed sync the store must be opened again, and the batch is applied once`() throws {
        let lab = try Lab()
        try lab.fill()
        let store = lab.store()
        try store.open()
        LogFault.install(store)
        LogFault.syncs.plan(1, SQLITE_IOERR | 4 << 8)
        var batch = ChangeBatch()
        batch.add(number: 5, to: [1, 2])
        batch.number = 2
        #expect(failure { try store.commit(batch) }?.code == .reopen)
        #expect(failure { try store.commit(batch) }?.code == .reopen)
        store.close()
        try store.open()
        try store.commit(batch)
        #expect(try store.sysInfo().batch == 2)
        #expect(try store.deliveryCount(of: 1) == 3)
        #expect(try store.sysInfo().deliveryCount == 8)
        try expectSound(store)
        store.close()
    }

    @Test func `A write that fails leaves the outcome open`() throws {
        let lab = try Lab()
        try lab.fill()
        let store = lab.store()
        try store.open()
        LogFault.install(store)
        LogFault.writes.plan(1, SQLITE_IOERR | 3 << 8)
        let error = failure { try lab.commit(store) { $0.add(number: 5, to: [1]) } }
        #expect(error?.code == .reopen)
        store.close()
        try store.open()
        try lab.commit(store) { $0.add(number: 6, to: [1]) }
        #expect(try store.deliveryCount(of: 1) >= 3)
        try expectSound(store)
        store.close()
    }

    @Test func `The batch that records another durability is synced, and the next one as that asks for`()
        throws
    {
        let lab = try Lab()
        try lab.fill()
        let store = lab.store(.memory)
        try store.open()
        LogFault.install(store)
        LogFault.syncs.plan(1, SQLITE_IOERR | 4 << 8)
        var batch = ChangeBatch()
        batch.add(number: 5, to: [1, 2])
        batch.number = 2
        #expect(failure { try store.commit(batch) }?.code == .reopen)
        store.close()
        try store.open()
        try store.commit(batch)
        LogFault.install(store)
        LogFault.syncs.plan(1, SQLITE_IOERR | 4 << 8)
        try lab.commit(store) { $0.add(number: 6, to: [1]) }
        LogFault.syncs.plan(0, SQLITE_OK)
        #expect(try store.recordedDurability() == .memory)
        try expectSound(store)
        store.close()
    }

    @Test func `A log that cannot grow is written back and used anew`() throws {
        let lab = try Lab()
        try lab.fill()
        try lab.with { store in
            LogFault.install(store)
            LogFault.writes.plan(1, SQLITE_FULL)
            try lab.commit(store) { $0.add(number: 5, to: [1, 2]) }
            #expect(try store.sysInfo().deliveryCount == 8)
            try expectSound(store)
        }
    }

    @Test func `A batch that the full disk did not take is not applied and can be another one`() throws {
        let lab = try Lab()
        try lab.fill()
        try lab.with { store in
            LogFault.install(store)
            LogFault.writes.plan(1_000, SQLITE_FULL)
            let error = failure { try lab.commit(store) { $0.add(number: 5, to: [1, 2]) } }
            #expect(error?.code == .retry)
            #expect(try store.sysInfo().batch == 1)
            LogFault.writes.plan(0, SQLITE_OK)
            try lab.commit(store, makesRoom: true) { $0.append(.removal(session: 1, number: 1)) }
            #expect(try store.deliveryCount(of: 1) == 1)
            try lab.commit(store) { $0.add(number: 5, to: [1, 2]) }
            try expectSound(store)
        }
        try lab.with { store in
            #expect(try store.sysInfo().deliveryCount == 7)
            try expectSound(store)
        }
    }
}

// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import CLMDB
import Glibc
import Packets
import Persistence
import Testing

@testable import StoreLMDB

/// Reading without owning, and what tools ask for. An environment is opened once in a process, so whoever else has it
/// open here is another one.
struct LMDBReadingTests {
    /// Opens the environment with a large map, and writes four megabytes for each line it reads.
    private let writer = """
        import ctypes, sys
        lmdb = ctypes.CDLL('liblmdb.so.0')
        class Value(ctypes.Structure):
            _fields_ = [('size', ctypes.c_size_t), ('data', ctypes.c_char_p)]
        def check(status):
            assert status == 0, status
        environment, table = ctypes.c_void_p(), ctypes.c_uint()
        check(lmdb.mdb_env_create(ctypes.byref(environment)))
        check(lmdb.mdb_env_set_maxdbs(environment, 32))
        check(lmdb.mdb_env_set_mapsize(environment, ctypes.c_size_t(1 << 28)))
        check(lmdb.mdb_env_open(environment, sys.argv[1].encode(), 0, 0o600))
        print('.', end='', flush=True)
        big = bytes(4 << 20)
        for line in sys.stdin:
            transaction = ctypes.c_void_p()
            check(lmdb.mdb_txn_begin(environment, None, 0, ctypes.byref(transaction)))
            check(lmdb.mdb_dbi_open(transaction, b'boot', 0, ctypes.byref(table)))
            key, value = Value(8, b'12345678'), Value(len(big), big)
            check(lmdb.mdb_put(transaction, table, ctypes.byref(key), ctypes.byref(value), 0))
            check(lmdb.mdb_txn_commit(transaction))
            print('.', end='', flush=True)
        """

    @Test func `A store that is opened for reading has all pages, and the data file is not touched`() throws {
        let lab = try Lab()
        try lab.fill()
        let (expected, before) = (try lab.contents(), lab.bytes())
        let store = lab.store()
        try store.openForReading()
        #expect(try store.allContents() == expected)
        try expectSound(store)
        #expect(failure { try store.commit(ChangeBatch()) }?.code == .unavailable)
        store.close()
        #expect(failure { _ = try store.sysInfo() }?.code == .unavailable)
        #expect(lab.bytes() == before)
        try lab.with { store in try expectSound(store) }
    }

    @Test func `A reader follows a map that another process has enlarged`() throws {
        let lab = try Lab()
        lab.options.mapBytes = 1 << 20
        try lab.fill()
        let owner = try Child(writer, lab.path)
        let store = lab.store()
        try store.openForReading()
        defer { store.close() }
        let before = try store.sysInfo()
        let size = { try store.gate.read { (environment) throws(StoreError) in environment.info.me_mapsize } }
        #expect(try size() < 4 << 20)
        try owner.ask()
        #expect(try store.sysInfo() == before)
        #expect(try store.deliveries(of: 1, after: 0, limit: 9, bytesMax: .max).deliveries.count == 2)
        #expect(try size() > 4 << 20)
        #expect(try store.sizes().other > 4 << 20)
        #expect(try store.verify().contains { $0.contains("Boot") })
        owner.kill()
    }

    @Test func `The store may be opened for writing while it is read`() throws {
        let lab = try Lab()
        try lab.fill()
        let living = try Child(Child.reader, lab.path)
        try lab.with { store in
            try lab.commit(store) { $0.add(number: 5, to: [1]) }
            let count = try store.gate.read { (environment) throws(StoreError) in
                environment.dropStaleReaders()
            }
            #expect(count == 0, "a living reader is left alone")
            try expectSound(store)
        }
        living.kill()
    }

    @Test func `A reader that was killed holds no pages any more when the file has grown`() throws {
        let lab = try Lab()
        try lab.with { store in
            try lab.fill(store)
            func dropped() throws -> Int {
                try store.gate.read { (environment) throws(StoreError) in environment.dropStaleReaders() }
            }
            try Child(Child.reader, lab.path).kill()
            #expect(try dropped() == 1)
            try Child(Child.reader, lab.path).kill()
            try lab.commit(store) { batch in
                for number in 5...MessageNumber(200) { batch.add(number: number, to: [1], payload: 20_000) }
            }
            #expect(try dropped() == 0)
        }
    }

    @Test func `A verification that lets the file grow too much gives up`() throws {
        let lab = try Lab()
        lab.options.verifyGrowthBytesMax = -1
        try lab.fill()
        let store = lab.store()
        try store.openForReading()
        defer { store.close() }
        let error = failure { _ = try store.verify() }
        #expect(error?.code == .retry)
        #expect(error?.message.contains("end the broker first") == true)
    }

    @Test func `Nothing is made where there is nothing, and emptiness is said`() throws {
        let lab = try Lab()
        let missing = failure { try lab.store().openForReading() }
        #expect(missing?.code == .unavailable && missing?.message.contains(lab.file) == true)
        #expect(Directory.names(lab.directory) == [])
        lab.write([])
        let empty = failure { try lab.store().openForReading() }
        #expect(empty?.code == .unavailable && empty?.message.contains("is empty") == true)
    }

    @Test func `Damage and a newer format are refused`() throws {
        let lab = try Lab()
        try lab.fill()
        let whole = lab.bytes()
        lab.write(Array(whole.prefix(12_288)))
        #expect(failure { try lab.store().openForReading() }?.code == .corrupt)
        lab.write(whole)
        try lab.tamper { transaction, _ in
            var record: [UInt8] = []
            RecordCoding.append(SysInfoRecord(formatVersion: 2), to: &record)
            try record.withUnsafeBytes { _ = try transaction.put(Tables.unnamed, Tables.infoKey, $0) }
        }
        #expect(failure { try lab.store().openForReading() }?.code == .newerFormat)
    }

    @Test func `All queues are listed with their ends`() throws {
        let lab = try Lab()
        try lab.with { store in
            for start in stride(from: MessageNumber(1), to: 3_000, by: 100) {
                try lab.commit(store) { batch in
                    for number in start..<start + 100 {
                        batch.add(number: number, to: [1 + number % 1_700, .max - number % 3])
                    }
                }
            }
            var queues: [SessionNumber: QueueSummary] = [:]
            try store.forEachQueue { queue in
                #expect(queues.updateValue(queue, forKey: queue.session) == nil)
            }
            #expect(queues.count == 1_700 + 3)
            var rows = 0
            for (session, queue) in queues {
                let count = try store.deliveryCount(of: session)
                let page = try store.deliveries(of: session, after: 0, limit: 1, bytesMax: 1)
                #expect(queue.first == page.deliveries.first?.number)
                #expect(queue.countMax >= UInt64(count))
                #expect(try store.deliveryCount(of: session, upTo: 2) == min(2, count))
                rows += count
            }
            #expect(rows == 6_000)
        }
    }

    @Test func `The bytes of all kinds are those of the files`() throws {
        let lab = try Lab()
        try lab.with { store in
            try lab.fill(store)
            try lab.commit(store) { batch in
                for number in 5...MessageNumber(500) { batch.add(number: number, to: [1], payload: 100) }
            }
            let sizes = try store.sizes()
            var files = 0
            for name in ["data.mdb", "lock.mdb"] {
                var status = stat()
                #expect(stat(lab.path + "/" + name, &status) == 0)
                files += Int(status.st_size)
            }
            #expect(sizes.total == files)
            #expect(sizes.deliveries > 500 * 100 && sizes.estimate == nil)
            #expect(sizes.clients == 2 * 4_096 && sizes.retained == 4_096)
        }
    }
}

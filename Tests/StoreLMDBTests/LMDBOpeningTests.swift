// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import CLMDB
import Glibc
import Packets
import Persistence
import Testing

@testable import StoreLMDB

/// What an environment can be like when it is opened.
struct LMDBOpeningTests {
    @Test func `An environment that is open is refused to a second store, and free after close`() throws {
        let lab = try Lab()
        try lab.with { store in
            let second = lab.store()
            let error = failure { try second.open() }
            #expect(error?.code == .inUse)
            #expect(error?.message.contains(lab.path) == true)
            try lab.fill(store)
        }
        try lab.with { store in try expectSound(store) }
    }

    @Test func `An environment that is open is refused through a link to its directory`() throws {
        let lab = try Lab()
        let link = lab.directory + "/link"
        #expect(symlink(lab.path, link) == 0)
        try lab.with { store in
            #expect(failure { try LMDBStore(path: link).open() }?.code == .inUse)
            try lab.fill(store)
        }
        let store = LMDBStore(path: link, options: lab.options)
        try store.open()
        #expect(failure { try lab.store().open() }?.code == .inUse)
        store.close()
    }

    /// A link, a second name, a pipe, a directory: the lock beside them is not the lock of the data.
    @Test(arguments: ["symbolic link", "hard links", "not a file"])
    func `A data file that is not a file of its own is refused, and nothing is made`(what: String) throws {
        let lab = try Lab()
        try lab.fill()
        let other = lab.directory + "/other"
        let file = other + "/data.mdb"
        #expect(mkdir(other, 0o700) == 0)
        defer {
            unlink(file)
            rmdir(other)
        }
        switch what {
        case "symbolic link": #expect(symlink(lab.file, file) == 0)
        case "hard links": #expect(link(lab.file, file) == 0)
        default: #expect(mkfifo(file, 0o600) == 0)
        }
        let stores = what == "hard links" ? [other, lab.path] : [other]
        for path in stores {
            for open in [
                { try LMDBStore(path: path).open() }, { try LMDBStore(path: path).openForReading() },
            ] {
                let error = failure { try open() }
                #expect(error?.code == .unavailable)
                #expect(error?.message.contains(what) == true, "\(error?.message ?? path)")
            }
        }
        #expect(access(other + "/roost.lock", F_OK) != 0)
    }

    @Test func `An environment that another process has open is refused until that ends`() throws {
        let lab = try Lab()
        try lab.fill()
        let owner = try Child(
            """
            import fcntl, sys
            file = open(sys.argv[1] + '/roost.lock', 'a')
            fcntl.flock(file, fcntl.LOCK_EX)
            print('ready', flush=True)
            sys.stdin.read()
            """, lab.path)
        #expect(failure { try lab.store().open() }?.code == .inUse)
        owner.kill()
        try lab.with { store in try expectSound(store) }
    }

    @Test func `Readers of processes that died are forgotten when the environment is opened`() throws {
        let lab = try Lab()
        try lab.fill()
        let living = try Child(Child.reader, lab.path)
        let dead = try Child(Child.reader, lab.path)
        dead.kill()
        try lab.with { store in
            let count = try store.gate.read { (environment) throws(StoreError) in environment.staleReaderCount
            }
            #expect(count == 1)
            try lab.commit(store) { $0.add(number: 5, to: [1]) }
            try expectSound(store)
        }
        living.kill()
    }

    @Test func `A newer format is refused and the file is not touched`() throws {
        let lab = try Lab()
        try lab.fill()
        try lab.tamper { transaction, _ in
            var record: [UInt8] = []
            RecordCoding.append(SysInfoRecord(formatVersion: 2), to: &record)
            try record.withUnsafeBytes { _ = try transaction.put(Tables.unnamed, Tables.infoKey, $0) }
        }
        let before = lab.bytes()
        let error = failure { try lab.store().open() }
        #expect(error?.code == .newerFormat)
        #expect(error?.message.contains("format 2") == true)
        #expect(error?.message.contains(lab.path) == true)
        #expect(lab.bytes() == before)
    }

    @Test func `A newer data version of LMDB is refused and the file is not touched`() throws {
        let lab = try Lab()
        try lab.fill()
        var bytes = lab.bytes()
        bytes[20] = 2
        lab.write(bytes)
        #expect(failure { try lab.store().open() }?.code == .newerFormat)
        #expect(lab.bytes() == bytes)
    }

    @Test func `A truncated file is refused and not touched`() throws {
        let lab = try Lab()
        try lab.fill()
        let whole = lab.bytes()
        let lastPage =
            [0, 4_096].map { offset in
                whole[offset + 136..<offset + 144].reversed().reduce(0) { $0 << 8 | Int($1) }
            }.max() ?? 0
        #expect(whole.count > (lastPage + 1) * 4_096)
        for size in [(lastPage + 1) * 4_096 - 1, lastPage * 4_096, 12_288, 8_192, 4_096, 200, 100] {
            lab.write(Array(whole[..<size]))
            let error = failure { try lab.store().open() }
            #expect(error?.code == .corrupt, "\(size)")
            #expect(error?.message.contains(lab.file) == true)
            #expect(lab.bytes() == Array(whole[..<size]))
        }
        lab.write(Array(whole[..<((lastPage + 1) * 4_096)]))
        try lab.with { store in try expectSound(store) }
    }

    @Test(arguments: [99, 100, 5_000, 20_000])
    func `A file that is no database is refused and not touched`(count: Int) throws {
        let lab = try Lab()
        let text = [UInt8](repeating: 0x61, count: count)
        lab.write(text)
        let error = failure { try lab.store().open() }
        #expect(error?.code == .corrupt)
        #expect(error?.message.contains("LMDB database") == true)
        #expect(lab.bytes() == text)
    }

    @Test func `The database of another program is refused and not touched`() throws {
        let lab = try Lab()
        mkdir(lab.path, 0o700)
        do {
            let environment = try Environment(lab.path, mapBytes: 1 << 20, flags: MDB_NOTLS, lab.options)
            let transaction = try Transaction(environment, writes: true)
            var table: MDB_dbi = 0
            #expect(mdb_dbi_open(transaction.pointer, "theirs", UInt32(MDB_CREATE), &table) == MDB_SUCCESS)
            try transaction.commit()
        }
        let before = lab.bytes()
        let error = failure { try lab.store().open() }
        #expect(error?.code == .corrupt)
        #expect(error?.message.contains("another program") == true)
        #expect(lab.bytes() == before)
    }

    @Test func `A bit flipped in a meta page is refused or makes no difference`() throws {
        let lab = try Lab()
        try lab.fill()
        try lab.with { store in try lab.commit(store) { $0.append(.boot(number: 2, startedAt: 2)) } }
        let whole = lab.bytes()
        var refused = 0
        // Magic, version, page size, flags, depth and root of both trees, last page, and the parity of the transaction.
        let fields = [10..<12, 16..<24, 40..<48, 80..<96, 128..<145]
        for offset in [0, 4_096].flatMap({ page in fields.joined().map { $0 + page } }) {
            var bytes = whole
            bytes[offset] ^= 1 << UInt8(offset % 8)
            lab.write(bytes)
            let store = lab.store()
            guard let error = failure({ try store.open() }) else {
                store.close()
                continue
            }
            refused += 1
            #expect([.corrupt, .newerFormat].contains(error.code), "\(offset): \(error)")
            #expect(lab.bytes() == bytes)
        }
        #expect(refused > 60)
    }

    @Test func `A directory that cannot be made, or is a file, is named in the error`() throws {
        let lab = try Lab()
        lab.write([1])
        for path in [lab.directory + "/missing/roost", lab.file] {
            let error = failure { try LMDBStore(path: path).open() }
            #expect(error?.code == .unavailable)
            #expect(error?.message.contains(path) == true)
        }
    }

    @Test(.enabled("a disk can be mounted, which needs root") { SmallDisk.canMount })
    func `A read-only directory is named in the error`() throws {
        let disk = try SmallDisk(megabytes: 1, isReadOnly: true)
        let lab = try Lab(directory: disk.directory)
        let error = failure { try lab.store().open() }
        #expect(error?.code == .unavailable)
        #expect(error?.message.contains(lab.directory) == true)
    }

    @Test func `Lost system information or a lost table stops the start`() throws {
        let lab = try Lab()
        try lab.fill()
        let whole = lab.bytes()
        try lab.tamper { transaction, _ in
            try [UInt8]([1, 5]).withUnsafeBytes {
                _ = try transaction.put(Tables.unnamed, Tables.infoKey, $0)
            }
        }
        #expect(failure { try lab.store().open() }?.code == .corrupt)
        try lab.tamper { transaction, _ in try transaction.delete(Tables.unnamed, Tables.infoKey) }
        #expect(failure { try lab.store().open() }?.code == .corrupt)
        lab.write(whole)
        try lab.tamper { transaction, tables in
            #expect(mdb_drop(transaction.pointer, tables.boot, 1) == MDB_SUCCESS)
        }
        let error = failure { try lab.store().open() }
        #expect(error?.code == .corrupt)
        #expect(error?.message.contains("boot") == true)
    }

    @Test func `An environment that was never filled because the broker died is filled`() throws {
        let lab = try Lab()
        lab.write([])
        try lab.with { store in
            let info = try store.sysInfo()
            #expect(info == SysInfoRecord())
        }
        let other = try Lab()
        mkdir(other.path, 0o700)
        _ = try Environment(other.path, mapBytes: 1 << 20, flags: MDB_NOTLS, other.options)
        try other.with { store in
            let info = try store.sysInfo()
            #expect(info == SysInfoRecord())
        }
    }

    @Test(arguments: Durability.allCases)
    func `A store says how durable it is`(durability: Durability) throws {
        let lab = try Lab()
        let store = lab.store(durability)
        try store.open()
        #expect(store.durability == durability)
        try lab.fill(store)
        store.close()
        try lab.with { store in try expectSound(store) }
    }

    @Test func `A closed store refuses pages and commits`() throws {
        let lab = try Lab()
        let store = lab.store()
        #expect(failure { _ = try store.clients(after: 0, limit: 1) }?.code == .unavailable)
        #expect(failure { try store.commit(ChangeBatch()) }?.code == .unavailable)
        try store.open()
        store.close()
        #expect(failure { _ = try store.sysInfo() }?.code == .unavailable)
        #expect(failure { _ = try store.verify() }?.code == .unavailable)
        #expect(failure { try store.copy(to: lab.directory + "/copy") }?.code == .unavailable)
    }
}

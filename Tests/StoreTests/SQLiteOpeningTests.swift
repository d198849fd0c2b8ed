// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import CSQLite
import Glibc
import Packets
import Persistence
import Testing

@testable import StoreSQLite

/// What a database file can be like when it is opened.
struct SQLiteOpeningTests {
    @Test func `A database that is open is refused to a second store, and free after close`() throws {
        let lab = try Lab()
        try lab.with { _ in
            let second = lab.store()
            let error = failure { try second.open() }
            #expect(error?.code == .inUse)
            #expect(error?.message.contains(lab.path) == true)
        }
        try lab.with { _ in }
    }

    @Test func `Only the owner of a new database may read it, its log and what lies beside it`() throws {
        let lab = try Lab()
        let mask = umask(0o002)
        defer { umask(mask) }
        try lab.with { store in
            try lab.commit(store) { $0.add(ClientRecord(session: 1, clientID: "one")) }
            for suffix in ["", "-wal", "-shm", ".lock", "-reserve"] {
                var status = stat()
                #expect(stat(lab.path + suffix, &status) == 0, "\(suffix)")
                #expect(status.st_mode & 0o777 == 0o600, "\(suffix)")
            }
        }
    }

    @Test func `An empty file is a new database, and keeps the permissions that somebody gave it`() throws {
        let lab = try Lab()
        close(open(lab.path, O_RDWR | O_CREAT, 0o600))
        #expect(chmod(lab.path, 0o640) == 0)
        try lab.with { store in
            try lab.commit(store) { $0.add(ClientRecord(session: 1, clientID: "one")) }
            var status = stat()
            #expect(stat(lab.path, &status) == 0)
            #expect(status.st_mode & 0o777 == 0o640)
        }
    }

    /// Another path to the same file; every one of them, absolute and relative, through a link to file or directory.
    @Test func `A database that is open is refused by whatever path it is named`() throws {
        let lab = try Lab()
        let other = try Directory.make()
        defer { Directory.remove(other) }
        #expect(symlink(lab.path, other + "/file") == 0)
        #expect(symlink("file", other + "/again") == 0)
        #expect(symlink(lab.directory, other + "/directory") == 0)
        let paths = ["/file", "/again", "/directory/roost.db", "/directory/./roost.db"].map { other + $0 }
        try lab.with { _ in
            for path in paths {
                let error = failure { try SQLiteStore(path: path).open() }
                #expect(error?.code == .inUse, "\(path)")
                #expect(error?.message.contains("in use by another Roost") == true)
            }
        }
        for (index, path) in paths.enumerated() {
            let store = SQLiteStore(path: path, options: lab.options)
            try store.open()
            #expect(failure { try lab.store().open() }?.code == .inUse, "\(path)")
            try lab.commit(store) { $0.append(.boot(number: UInt64(index + 1), startedAt: 1)) }
            store.close()
        }
        try lab.with { store in
            let boots = try store.boots()
            #expect(boots.count == paths.count)
        }
        // Neither log nor lock nor reserve beside a link.
        #expect(try Directory.names(other) == ["again", "directory", "file"])
    }

    @Test func `A link to nothing makes the file at its end`() throws {
        let lab = try Lab()
        let other = try Directory.make()
        defer { Directory.remove(other) }
        #expect(symlink(lab.path, other + "/link") == 0)
        let store = SQLiteStore(path: other + "/link", options: lab.options)
        try store.open()
        #expect(failure { try lab.store().open() }?.code == .inUse)
        store.close()
        #expect(try Directory.names(other) == ["link"])
        try lab.with { store in try expectSound(store) }
    }

    @Test func `A database with two names is refused under both until one is gone`() throws {
        let lab = try Lab()
        try lab.fill()
        let before = try lab.bytes()
        let second = lab.directory + "/second.db"
        #expect(link(lab.path, second) == 0)
        for path in [lab.path, second] {
            for open in [
                { try SQLiteStore(path: path).open() }, { try SQLiteStore(path: path).openForReading() },
            ] {
                let error = failure { try open() }
                #expect(error?.code == .unavailable)
                #expect(error?.message.contains("hard links") == true)
            }
        }
        #expect(try lab.bytes() == before)
        unlink(second)
        try lab.with { store in try expectSound(store) }
    }

    @Test func `What is not a file is refused at once, and nothing is made beside it`() throws {
        let lab = try Lab()
        let names = ["fifo", "directory"].map { lab.directory + "/" + $0 }
        #expect(mkfifo(names[0], 0o600) == 0)
        #expect(mkdir(names[1], 0o700) == 0)
        defer { rmdir(names[1]) }
        for path in names + ["/dev/null", lab.directory + "/", lab.directory + "/new/", ":memory:"] {
            for open in [
                { try SQLiteStore(path: path).open() }, { try SQLiteStore(path: path).openForReading() },
            ] {
                let error = failure { try open() }
                #expect(error?.code == .unavailable)
                #expect(
                    error?.message.hasPrefix("\(path) is not a file") == true, "\(error?.message ?? path)")
            }
        }
        #expect(try Directory.names(lab.directory) == ["directory", "fifo"])
    }

    @Test func `A newer format is refused and the file is not touched`() throws {
        let lab = try Lab()
        try lab.fill()
        try lab.tamper("PRAGMA user_version=2")
        let before = try lab.bytes()
        let error = failure { try lab.store().open() }
        #expect(error?.code == .newerFormat)
        #expect(error?.message.contains("format 2") == true)
        #expect(try lab.bytes() == before)
    }

    @Test func `A truncated database is refused and not touched`() throws {
        let lab = try Lab()
        try lab.fill()
        let whole = try lab.bytes()
        let pageCount = whole[28..<32].reduce(0) { $0 << 8 | Int($1) }
        for size in [(pageCount - 1) * 4_096, 8_192, 4_096, pageCount * 4_096 - 1] {
            lab.write(Array(whole[..<size]))
            let error = failure { try lab.store().open() }
            #expect(error?.code == .corrupt)
            #expect(error?.message.contains("truncated") == true, "\(size): \(error?.message ?? "nothing")")
            #expect(try lab.bytes() == Array(whole[..<size]))
        }
        lab.write(whole)
        try lab.with { store in try expectSound(store) }
    }

    @Test(arguments: [99, 100, 5_000])
    func `A file that is no database is refused and not touched`(count: Int) throws {
        let lab = try Lab()
        let text = [UInt8](repeating: 0x61, count: count)
        lab.write(text)
        let error = failure { try lab.store().open() }
        #expect(error?.code == .corrupt)
        #expect(error?.message.contains("not an SQLite database") == true)
        #expect(try lab.bytes() == text)
    }

    @Test func `The database of another program is refused`() throws {
        let lab = try Lab()
        lab.write([])
        try lab.tamper("CREATE TABLE theirs (a)")
        let error = failure { try lab.store().open() }
        #expect(error?.code == .corrupt)
        #expect(error?.message.contains("another program") == true)
    }

    @Test func `A log without its database is refused`() throws {
        let lab = try Lab()
        lab.write([1, 2, 3], to: lab.path + "-wal")
        #expect(failure { try lab.store().open() }?.code == .corrupt)
        lab.write([])
        #expect(failure { try lab.store().open() }?.code == .corrupt)
    }

    @Test func `A directory that is missing or a file is named in the error`() throws {
        let lab = try Lab()
        lab.write([1])
        for path in [lab.path + "/roost.db", lab.directory + "/missing/roost.db"] {
            let error = failure { try SQLiteStore(path: path).open() }
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

    @Test func `Lost system information stops the start`() throws {
        let lab = try Lab()
        try lab.fill()
        try lab.tamper("UPDATE info SET record = x'0105'")
        #expect(failure { try lab.store().open() }?.code == .corrupt)
        try lab.tamper("DELETE FROM info")
        #expect(failure { try lab.store().open() }?.code == .corrupt)
        try lab.tamper("DROP TABLE info")
        #expect(failure { try lab.store().open() } != nil)
    }

    @Test func `A database that was never filled because the broker died is filled`() throws {
        let lab = try Lab()
        lab.write([])
        try lab.tamper("PRAGMA journal_mode=WAL")
        try lab.with { store in
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
        store.close()
    }

    @Test func `A closed store refuses pages and commits`() throws {
        let lab = try Lab()
        let store = lab.store()
        #expect(failure { _ = try store.clients(after: 0, limit: 1) }?.code == .unavailable)
        #expect(failure { try store.commit(ChangeBatch()) }?.code == .unavailable)
        try store.open()
        store.close()
        #expect(failure { _ = try store.sysInfo() }?.code == .unavailable)
    }
}

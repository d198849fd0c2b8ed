// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import Foundation
import Packets
import Persistence
import Synchronization
import Testing

@testable import StoreRedis

/// Redis was killed within the write of a transaction, and leaves the beginning of it in its file.
struct AppendOnlyFileTests {
    private func store(
        _ server: RedisServer, _ set: (inout RedisStore.Options) -> Void = { _ in }
    ) -> RedisStore {
        RedisStore(
            server.options { options in
                options.lease = .milliseconds(300)
                set(&options)
            })
    }

    @Test func `A torn batch is not executed by the start after the next`() throws {
        let server = try RedisServer()
        let first = store(server) { $0.lease = .seconds(4) }
        try first.open()
        // The last transaction is to be a batch, not a renewal.
        first.pauseHeartbeat()
        var batch = ChangeBatch(1)
        batch.add(client: 1)
        try first.commit(batch)
        batch = ChangeBatch(2)
        batch.add(message: 1, to: [1])
        batch.add(message: 2, to: [1])
        try first.commit(batch)
        server.kill()
        first.close()
        try server.tearLastTransaction()
        try server.start()
        let second = store(server)
        try second.open()
        #expect(try second.queue(1) == [])
        batch = ChangeBatch(2)
        batch.add(message: 7, to: [1])
        try second.commit(batch)
        second.close()
        try poll("the file is not another one") { try server.hasRewritten }
        server.kill()
        try server.start()
        let third = store(server)
        try third.open()
        defer { third.close() }
        #expect(try third.queue(1) == [7])
        #expect(try third.sysInfo().batch == 2)
        #expect(try third.verify() == [])
    }

    @Test func `Neither what an idle owner renews nor what it commits later follows a torn transaction`()
        throws
    {
        let server = try RedisServer()
        let store = store(server) { $0.lease = .seconds(3) }
        try store.open()
        defer { store.close() }
        for number in 1...UInt64(2) {
            try store.commitPatiently(ChangeBatch(number))
            server.kill()
            try server.appendTornTransaction(setting: "phantom")
            try server.start()
            try poll("the lease is not renewed") {
                try server.hasRewritten && server.exists("{roost}:lease")
            }
        }
        try store.commitPatiently(ChangeBatch(3))
        server.kill()
        try server.start()
        #expect(try !server.exists("phantom"))
        try store.commitPatiently(ChangeBatch(4))
        #expect(try store.sysInfo().batch == 4)
    }

    @Test func `A server rewrites its file once, however often it is connected to`() throws {
        let server = try RedisServer()
        for number in 1...UInt64(3) {
            let store = store(server)
            try store.open()
            try store.commit(ChangeBatch(number))
            store.close()
        }
        #expect(try server.rewrites == 1)
    }

    @Test func `A server without such a file is not asked to rewrite it`() throws {
        let server = try RedisServer(["--save", ""])
        let store = store(server)
        try store.open()
        store.close()
        #expect(try server.rewrites == 0)
    }

    @Test func `Looking into a prefix does not rewrite anything`() throws {
        let server = try RedisServer()
        let owner = store(server)
        try owner.open()
        try owner.commit(ChangeBatch(1))
        owner.close()
        server.kill()
        try server.start()
        let reader = store(server)
        try reader.openForReading()
        defer { reader.close() }
        #expect(try reader.verify() == [])
        #expect(try server.rewrites == 0)
    }

    @Test func `While a snapshot keeps the server from it, opening waits and says why`() throws {
        let server = try RedisServer()
        try server.send("SET", "other", "program")
        try server.send("CONFIG", "SET", "rdb-key-save-delay", "6000000")
        try server.send("BGSAVE")
        let impatient = store(server) { $0.standbyMax = .zero }
        defer { impatient.close() }
        let error = impatient.openingFailure()
        #expect(error?.code == .unavailable)
        #expect(error?.message.contains("is about to rewrite its append-only file") == true)
        #expect(try !server.exists("{roost}:info"))
        let patient = store(server)
        let asked = Mutex(0)
        try patient.open(standingBy: { _ in
            asked.withLock {
                $0 += 1
                return $0 < 600
            }
        })
        defer { patient.close() }
        #expect(asked.withLock { $0 } > 0)
        #expect(try server.rewrites == 1)
    }

    @Test(arguments: ["-bgrewriteaof", "-info"])
    func `A server that does not let us ask promises less than the disk`(forbidden: String) throws {
        let server = try RedisServer(
            RedisServer.synced + ["--user", "roost", "on", ">secret", "~*", "+@all", forbidden])
        let store = store(server) { options in
            (options.user, options.password) = ("roost", "secret")
        }
        try store.open()
        defer { store.close() }
        #expect(store.durability == .process)
        try store.commit(ChangeBatch(1))
        #expect(try server.rewrites == 0)
    }

    @Test func `A server that cannot begin another file promises less than the disk`() throws {
        let server = try RedisServer(RedisServer.synced + ["--rename-command", "BGREWRITEAOF", ""])
        let store = store(server)
        try store.open()
        defer { store.close() }
        #expect(store.durability == .process)
    }

    @Test(
        arguments: [
            ("aof_enabled:0", .safe),
            // Redis 7 and later.
            ("aof_enabled:1 aof_rewrite_scheduled:0 aof_rewrites:0", .old),
            ("aof_enabled:1 aof_rewrite_scheduled:1 aof_rewrites:0", .changing),
            ("aof_enabled:1 aof_rewrite_in_progress:1 aof_last_rewrite_time_sec:-1 aof_rewrites:1", .safe),
            ("aof_enabled:1 aof_rewrite_scheduled:1 aof_rewrites:12", .safe),
            ("aof_enabled:1 aof_last_bgrewrite_status:err aof_rewrites:1", .safe),
            // Before.
            (
                "aof_enabled:1 aof_rewrite_in_progress:0 aof_last_rewrite_time_sec:-1 aof_last_bgrewrite_status:ok",
                .old
            ),
            ("aof_enabled:1 aof_rewrite_scheduled:1 aof_last_rewrite_time_sec:-1", .changing),
            ("aof_enabled:1 aof_rewrite_in_progress:1 aof_last_rewrite_time_sec:-1", .changing),
            ("aof_enabled:1 aof_last_rewrite_time_sec:0 aof_last_bgrewrite_status:ok", .safe),
            ("aof_enabled:1 aof_last_rewrite_time_sec:3 aof_last_bgrewrite_status:err", .failed),
            (
                "aof_enabled:1 aof_rewrite_in_progress:1 aof_last_rewrite_time_sec:3 aof_last_bgrewrite_status:ok",
                .safe
            ),
            (
                "aof_enabled:1 aof_rewrite_in_progress:1 aof_last_rewrite_time_sec:3 aof_last_bgrewrite_status:err",
                .changing
            ),
        ] as [(String, AppendOnlyFile.State)])
    func `What INFO says is understood, of Redis 5 and 6, too`(info: String, state: AppendOnlyFile.State) {
        let text =
            "# Persistence\r\nloading:0\r\n" + info.split(separator: " ").joined(separator: "\r\n") + "\r\n"
        #expect(AppendOnlyFile(info: text).state == state)
    }
}

extension RedisServer {
    private static let end = Array("*1\r\n$4\r\nEXEC\r\n".utf8)

    /// How often the server has begun another file since it started.
    fileprivate var rewrites: Int {
        get throws {
            let line = try send("INFO", "persistence").split(whereSeparator: \.isNewline)
                .first { $0.hasPrefix("aof_rewrites:") }
            return try #require(line.flatMap { Int($0.dropFirst("aof_rewrites:".count)) })
        }
    }

    /// Whether it has begun another file and needs the earlier one no more.
    fileprivate var hasRewritten: Bool {
        get throws {
            let info = try send("INFO", "persistence")
            return info.contains("aof_rewrite_in_progress:0") && !info.contains("aof_rewrites:0")
        }
    }

    fileprivate func exists(_ key: String) throws -> Bool {
        try connection().send(["EXISTS", key]).read { $0.integer } == 1
    }

    /// The file that is written last.
    private var file: URL {
        get throws {
            let folder = directory + "/appendonlydir"
            let names = try FileManager.default.contentsOfDirectory(atPath: folder)
            func number(_ name: String) -> Int {
                name.split(separator: ".").compactMap { Int($0) }.first ?? 0
            }
            let last = names.filter { $0.hasSuffix(".incr.aof") }.max { number($0) < number($1) }
            return URL(fileURLWithPath: "\(folder)/\(try #require(last))")
        }
    }

    /// Ends the file within the last command of its last transaction, as a crash does. The server does not run.
    fileprivate func tearLastTransaction() throws {
        let bytes = try Data(contentsOf: file)
        let end = try #require(bytes.range(of: Data(Self.end), options: .backwards)).lowerBound
        try bytes.prefix(end - 5).write(to: file)
    }

    /// As if a transaction had been torn that sets a key. The server does not run.
    fileprivate func appendTornTransaction(setting key: String) throws {
        let torn =
            "*1\r\n$5\r\nMULTI\r\n*3\r\n$3\r\nSET\r\n$\(key.utf8.count)\r\n\(key)\r\n$1\r\n1\r\n*3\r\n$3\r\nSE"
        try (Data(contentsOf: file) + Data(torn.utf8)).write(to: file)
    }
}

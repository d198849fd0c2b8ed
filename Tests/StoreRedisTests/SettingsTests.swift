// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import Persistence
import Testing

@testable import StoreRedis

/// What the server promises, whom it lets in, and where it is.
struct SettingsTests {
    private func durability(_ settings: [String]) throws -> Durability {
        let server = try RedisServer(settings)
        let store = RedisStore(server.options())
        try store.open()
        defer { store.close() }
        return store.durability
    }

    @Test func `Only a server that syncs every write promises the disk`() throws {
        #expect(try durability(RedisServer.synced) == .disk)
        let sometimes = ["--appendonly", "yes", "--appendfsync", "everysec"]
        #expect(try durability(sometimes) == .process)
        #expect(try durability(RedisServer.synced + ["--no-appendfsync-on-rewrite", "yes"]) == .process)
        #expect(try durability(["--save", "60 1"]) == .process)
        #expect(try durability(["--save", ""]) == .memory)
    }

    @Test func `A server that does not show its settings promises what INFO says`() throws {
        #expect(try durability(RedisServer.synced + ["--rename-command", "CONFIG", ""]) == .process)
        #expect(try durability(["--save", "", "--rename-command", "CONFIG", ""]) == .memory)
    }

    @Test func `User and password are needed, checked and never shown`() throws {
        let server = try RedisServer(
            RedisServer.synced + [
                "--user", "roost", "on", ">secret", "~*", "+@all", "--requirepass", "other",
            ])
        let address = "127.0.0.1:\(server.port)"
        let right = [
            "redis://roost:secret@\(address)", "redis://:other@\(address)", "redis://:%6fther@\(address)/2",
        ]
        for text in right {
            let store = try RedisStore(text)
            #expect(store.openingFailure() == nil, "\(text)")
            store.close()
            #expect(!store.location.contains("secret") && !store.location.contains("other"))
        }
        for text in ["redis://\(address)", "redis://roost:wrong@\(address)", "redis://:wrong@\(address)"] {
            let error = try RedisStore(text).openingFailure()
            #expect(error?.code == .unavailable, "\(text)")
            #expect(error?.message.contains("password") == true, "\(error?.message ?? "")")
            #expect(error?.message.contains("wrong") == false)
        }
    }

    @Test func `A user who may not run a command that the store needs is refused with its name`() throws {
        let server = try RedisServer(
            RedisServer.synced + ["--user", "roost", "on", ">secret", "~*", "+@all", "-zlexcount"])
        let error = try RedisStore("redis://roost:secret@127.0.0.1:\(server.port)").openingFailure()
        #expect(error?.code == .unavailable)
        #expect(
            error?.message.contains("does not let its user run ZLEXCOUNT") == true, "\(error?.message ?? "")")
        #expect(try server.connection().send(["EXISTS", "{roost}:info"]).read { $0.integer } == 0)
    }

    /// As the README says it.
    @Test func `A user needs the keys of the prefix and four commands beside the ordinary ones`() throws {
        let rights = "~{roost}:* +@all -@dangerous +info +config|get +bgrewriteaof"
        let server = try RedisServer(
            RedisServer.synced + ["--user", "roost", "on", ">secret"]
                + rights.split(separator: " ").map(String.init))
        let store = try RedisStore("redis://roost:secret@127.0.0.1:\(server.port)")
        try store.open()
        try Everything.commit(to: store)
        try Everything.read(from: store)
        #expect(try store.verify() == [])
        #expect(store.durability == .disk)
        store.close()
    }

    @Test func `A user who may ask for nothing is promised nothing`() throws {
        let rights = "~* +@all -config -info"
        let server = try RedisServer(
            RedisServer.synced + ["--user", "roost", "on", ">secret"]
                + rights.split(separator: " ").map(String.init))
        let store = try RedisStore("redis://roost:secret@127.0.0.1:\(server.port)")
        try store.open()
        #expect(store.durability == .memory)
        store.close()
    }

    @Test(arguments: ["zadd", "hset", "hdel"])
    func `A right that is taken away stops commits, whole, until it is given back`(command: String) throws {
        let server = try RedisServer(
            RedisServer.synced + ["--user", "roost", "on", ">secret", "~*", "+@all"])
        let store = try RedisStore("redis://roost:secret@127.0.0.1:\(server.port)")
        try store.open()
        defer { store.close() }
        try Everything.commit(to: store)
        let before = try store.sysInfo()
        try server.send("ACL", "SETUSER", "roost", "-" + command)
        var batch = ChangeBatch(before.batch + 1)
        batch.message = before.message + 10
        batch.session = before.session
        batch.add(client: 77)
        batch.add(message: before.message + 1, to: [77])
        for _ in 0..<2 {
            let error = store.failure(of: batch)
            #expect(error?.code == .retry)
            #expect(error?.message.contains(command.uppercased()) == true, "\(error?.message ?? "")")
        }
        try server.send("ACL", "SETUSER", "roost", "+" + command)
        #expect(try store.sysInfo() == before)
        #expect(try store.verify() == [])
        try store.commit(batch)
        #expect(try store.queue(77) == [before.message + 1])
        #expect(try store.verify() == [])
    }

    @Test func `A batch that another program has spoilt half-way ends it for good`() throws {
        let server = try RedisServer()
        let store = RedisStore(server.options())
        try store.open()
        defer { store.close() }
        var batch = ChangeBatch(1)
        batch.add(client: 1)
        try store.commit(batch)
        try server.send("SET", "{roost}:queue:1", "x")
        batch = ChangeBatch(2)
        batch.add(message: 1, to: [1])
        #expect(store.failure(of: batch)?.code == .corrupt)
        store.close()
        #expect(store.openingFailure()?.code == .corrupt)
    }

    @Test func `A Unix socket is as good as a port`() throws {
        let server = try RedisServer(["--unixsocket", "redis.sock"])
        let path = server.directory + "/redis.sock"
        let store = try RedisStore("redis+unix:\(path)?database=1&prefix=two")
        try store.open()
        try store.commit(ChangeBatch(1))
        #expect(try store.sysInfo().batch == 1)
        #expect(store.location == "redis+unix:\(path)?database=1&prefix=two")
        store.close()
    }

    @Test func `A server that is not there is one sentence`() throws {
        let server = try RedisServer()
        server.kill()
        let error = RedisStore(server.options()).openingFailure()
        #expect(error?.code == .unavailable)
        #expect(error?.message.contains("cannot be reached") == true)
        #expect(try RedisStore("redis+unix:/nowhere").openingFailure()?.code == .unavailable)
    }

    @Test func `All keys of a prefix lie in one slot of a cluster, and no script touches another`() throws {
        let server = try RedisServer(
            RedisServer.synced + [
                "--cluster-enabled", "yes", "--cluster-port", String(RedisServer.freePort()),
            ])
        try server.send("CLUSTER", "ADDSLOTSRANGE", "0", "16383")
        try poll("the cluster is not ready") {
            try server.send("CLUSTER", "INFO").contains("cluster_state:ok")
        }
        let store = RedisStore(server.options())
        try store.open()
        defer { store.close() }
        try Everything.commit(to: store)
        try Everything.read(from: store)
        let slot = try server.connection().send(["CLUSTER", "KEYSLOT", "{roost}:info"]).read { $0.integer }
        let inSlot = try server.connection().send(["CLUSTER", "COUNTKEYSINSLOT", String(slot)])
            .read { $0.integer }
        let all = try server.connection().send(["DBSIZE"]).read { $0.integer }
        #expect(inSlot == all)
        #expect(all > 10)
        #expect(try store.verify() == [])
    }

    @Test(arguments: [
        ("redis://host", "redis://host:6379"),
        ("redis://u:p%40@host:1/3?prefix=a", "redis://host:1/3?prefix=a"),
        ("redis://[::1]:7000", "redis://[::1]:7000"), ("redis+unix:/run/redis", "redis+unix:/run/redis"),
        ("redis://host/", "redis://host:6379"), ("redis://host?prefix=a%20b", "redis://host:6379?prefix=a b"),
    ])
    func `Addresses are read, and shown without user and password`(address: String, shown: String) throws {
        #expect(try RedisStore(address).location == shown)
    }

    @Test(arguments: [
        "redis:", "http://host", "redis://", "redis://host:0", "redis://host:x", "redis://host/x",
        "redis://host/-1",
        "redis://secret@host", "redis://u:%4@host", "redis://host?prefix=", "redis://host?prefix={a}",
        "redis://host?other=1", "redis://host?lease=0", "redis://host?standby=-1", "redis+unix:",
        "redis://[::1]7000",
    ])
    func `What is no address is one clear sentence`(address: String) {
        do throws(StoreError) {
            let options = try RedisStore.Options(address)
            Issue.record("\(address) was read as \(options.location)")
        } catch {
            #expect(error.code == .unavailable)
            #expect(error.message.hasSuffix(".") && !error.message.contains("secret"))
        }
    }

    @Test func `Lease and standby can be set in the address, in seconds`() throws {
        let options = try RedisStore.Options("redis://host?lease=7&standby=0&prefix=a")
        #expect(options.lease == .seconds(7) && options.standbyMax == .zero && options.prefix == "a")
    }

    @Test func `TLS is used, or is said to be missing in one sentence`() {
        do throws(StoreError) {
            let options = try RedisStore.Options("rediss://host")
            #expect(options.usesTLS)
            #expect(options.location == "rediss://host:6379")
        } catch {
            #expect(error.message.contains("hiredis with TLS"))
        }
    }
}

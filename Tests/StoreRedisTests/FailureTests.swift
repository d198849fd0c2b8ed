// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import Glibc
import Packets
import Persistence
import Testing

@testable import StoreRedis

/// What happens when the server goes away, stands still, or has no room.
struct FailureTests {
    private func open(_ server: RedisServer, _ set: (inout RedisStore.Options) -> Void = { _ in }) throws
        -> RedisStore
    {
        let store = RedisStore(server.options(set))
        try store.open()
        return store
    }

    @Test func `Nothing is lost or doubled when Redis is killed in the middle of batches, again and again`()
        throws
    {
        let server = try RedisServer()
        let store = try open(server)
        defer { store.close() }
        var first = ChangeBatch(1)
        first.add(client: 1)
        first.add(client: 2)
        try store.commit(first)
        let reached = Reached()
        let committer = Background {
            for number in 2...UInt64(600) {
                var batch = ChangeBatch(number)
                for message in (number - 2) * 10 + 1...(number - 2) * 10 + 10 {
                    batch.add(message: message, to: message % 2 == 0 ? [1, 2] : [1])
                }
                if number > 2 { batch.append(.removal(session: 1, number: (number - 3) * 10 + 1)) }
                try store.commitPatiently(batch)
                reached.last = number
            }
        }
        for round in 1...UInt64(4) {
            try poll("the committer stands still", seconds: 120) { reached.last >= round * 120 }
            server.kill()
            try server.start()
        }
        try committer.join("the committer does not end", seconds: 300)
        let all = Array(1...MessageNumber(5_990))
        let removed = Set(stride(from: MessageNumber(1), through: 5_971, by: 10))
        #expect(try store.queue(1) == all.filter { !removed.contains($0) })
        #expect(try store.queue(2) == all.filter { $0 % 2 == 0 })
        #expect(try store.sysInfo().batch == 600)
        #expect(try store.verify() == [])
    }

    @Test func `A batch on its way when Redis stands still is of unknown outcome, and is applied once`()
        throws
    {
        let server = try RedisServer()
        let store = try open(server) { $0.commandTimeout = .seconds(4) }
        defer { store.close() }
        var batch = ChangeBatch(1)
        batch.add(client: 1)
        batch.add(message: 1, to: [1])
        server.signal(SIGSTOP)
        #expect(store.failure(of: batch)?.code == .reopen)
        #expect(store.failure(of: batch)?.code == .reopen, "the handle is not used again")
        server.signal(SIGCONT)
        try store.commitPatiently(batch)
        try store.commitPatiently(batch)
        #expect(try store.queue(1) == [1])
        #expect(try store.sysInfo().deliveryCount == 1)
        #expect(try store.verify() == [])
    }

    @Test func `A batch that was given up is not applied after the store was opened again`() throws {
        let server = try RedisServer()
        let store = try open(server)
        defer { store.close() }
        // What a lost connection may still hold: the batch as it was written in the turn before.
        let connection = try server.connection()
        var late = Command()
        connection.begin(&late, .batch, store.options.keyPrefix)
        for argument in store.claim.arguments(forWriting: true) { late.append(argument) }
        var batch = ChangeBatch(1)
        batch.add(client: 1)
        var encoder = BatchEncoder()
        encoder.append(batch, leaseMilliseconds: 0, to: &late)
        late.end()
        store.close()
        try store.open()
        try connection.send(late)
        #expect(try connection.receive().read { $0[0].text } == "FENCED")
        #expect(try store.sysInfo().batch == 0)
    }

    @Test func `While Redis is away commits wait and pages fail, and both go on when it is back`() throws {
        let server = try RedisServer()
        let store = try open(server)
        defer { store.close() }
        var batch = ChangeBatch(1)
        batch.add(client: 1)
        try store.commit(batch)
        server.kill()
        let error = store.failure(of: ChangeBatch(2))
        #expect(error?.code == .reopen || error?.code == .retry)
        #expect(throws: StoreError.self) { try store.client("client-1") }
        try server.start()
        try store.commitPatiently(ChangeBatch(2))
        try poll("the page does not come back") {
            do {
                return try store.client("client-1")?.session == 1
            } catch {
                return false
            }
        }
    }

    @Test func `A server without memory puts off what grows and takes what makes room`() throws {
        let server = try RedisServer(RedisServer.synced + ["--maxmemory-policy", "noeviction"])
        let store = try open(server)
        defer { store.close() }
        var batch = ChangeBatch(1)
        batch.add(client: 1)
        batch.add(message: 1, to: [1], bytes: 1_000_000)
        try store.commit(batch)
        try server.send("CONFIG", "SET", "maxmemory", "1kb")
        var growing = ChangeBatch(2)
        growing.add(message: 2, to: [1])
        let error = store.failure(of: growing)
        #expect(error?.code == .retry)
        #expect(error?.message.contains("maxmemory") == true)
        #expect(try store.sysInfo().batch == 1)
        var removal = ChangeBatch(2, makesRoom: true)
        removal.append(.removal(session: 1, number: 1))
        removal.add(client: 2)
        try store.commit(removal)
        #expect(try store.queue(1) == [])
        try server.send("CONFIG", "SET", "maxmemory", "0")
        growing.number = 3
        try store.commit(growing)
        #expect(try store.queue(1) == [2])
        #expect(try store.verify() == [])
    }

    @Test func `A server that would throw data away is refused`() throws {
        let server = try RedisServer(["--maxmemory", "100mb", "--maxmemory-policy", "allkeys-lru"])
        let error = RedisStore(server.options()).openingFailure()
        #expect(error?.code == .unavailable)
        #expect(error?.message.contains("noeviction") == true)
    }

    @Test func `A read-only replica cannot be opened, and a primary that became one is waited for`() throws {
        let primary = try RedisServer()
        let server = try RedisServer()
        let store = try open(server)
        defer { store.close() }
        try store.commit(ChangeBatch(1))
        try server.send("CONFIG", "SET", "replica-serve-stale-data", "yes")
        primary.signal(SIGSTOP)
        try server.send("REPLICAOF", "127.0.0.1", String(primary.port))
        let error = store.failure(of: ChangeBatch(2))
        #expect(error?.code == .retry)
        #expect(error?.message.contains("read-only replica") == true)
        let opening = RedisStore(server.options { $0.prefix = "other" }).openingFailure()
        #expect(opening?.code == .unavailable)
        #expect(opening?.message.contains("read-only replica") == true)
        try server.send("REPLICAOF", "NO", "ONE")
        primary.signal(SIGCONT)
        try store.commitPatiently(ChangeBatch(2))
        #expect(try store.sysInfo().batch == 2)
    }

    @Test func `Too few replicas leave a batch unacknowledged`() throws {
        let server = try RedisServer()
        let store = RedisStore(
            server.options { options in
                options.replicasMin = 1
                options.commandTimeout = .seconds(10)
                options.replicasTimeout = .seconds(4)
            })
        let error = store.openingFailure()
        #expect(error?.code == .unavailable)
        #expect(error?.message.contains("replicas") == true)
        let replica = try RedisServer()
        try replica.send("REPLICAOF", "127.0.0.1", String(server.port))
        try poll("the replica does not follow") {
            try server.connection().send(["WAIT", "1", "4000"]).read { $0.integer } == 1
        }
        try poll("the store does not open") { store.openingFailure() == nil }
        defer { store.close() }
        try store.commit(ChangeBatch(1))
        replica.signal(SIGSTOP)
        #expect(store.failure(of: ChangeBatch(2))?.code == .reopen)
        replica.signal(SIGCONT)
        try store.commitPatiently(ChangeBatch(2))
        #expect(try store.sysInfo().batch == 2)
    }

    @Test func `Scripts that Redis has forgotten are loaded again`() throws {
        let server = try RedisServer()
        let store = try open(server)
        defer { store.close() }
        var batch = ChangeBatch(1)
        batch.add(client: 1)
        try server.send("SCRIPT", "FLUSH")
        try store.commitPatiently(batch)
        try server.send("SCRIPT", "FLUSH")
        #expect(try store.client("client-1")?.session == 1)
    }

    @Test func `A record beyond the limit is refused, and nothing of its batch is applied`() throws {
        let server = try RedisServer()
        let store = try open(server) { $0.recordBytesMax = 1_000 }
        defer { store.close() }
        var batch = ChangeBatch(1)
        batch.add(client: 1)
        batch.add(message: 1, to: [1], bytes: 1_000)
        #expect(store.failure(of: batch)?.code == .refused)
        #expect(try store.client("client-1") == nil)
        try store.commit(ChangeBatch(1))
    }
}

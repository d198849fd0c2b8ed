// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import Foundation
import Glibc
import Packets
import Persistence
import Synchronization
import Testing

@testable import StoreRedis

/// One owner per prefix, and a server that is what it was.
struct OwnershipTests {
    private let server: RedisServer

    init() throws {
        server = try RedisServer()
    }

    /// Its lease outlasts a thread that stands still for a while and a slow disk, and is not long to wait for.
    private func store(
        _ name: String, _ set: (inout RedisStore.Options) -> Void = { _ in }
    ) -> RedisStore {
        RedisStore(
            server.options { options in
                options.ownerName = name
                options.lease = .seconds(4)
                options.standbyMax = .zero
                set(&options)
            })
    }

    @Test func `A second opener is refused with the name of the first`() throws {
        let first = store("the first") { $0.lease = .seconds(60) }
        let second = store("the second")
        try first.open()
        let error = second.openingFailure()
        #expect(error?.code == .inUse)
        #expect(error?.message.contains("the first") == true)
        first.close()
        try second.open()
        second.close()
    }

    @Test func `Who stands by is told who is in the way, and asked whether to go on`() throws {
        let first = store("the first") { $0.lease = .seconds(60) }
        try first.open()
        let second = store("the second") { $0.standbyMax = nil }
        let asked = Mutex<[StoreError]>([])
        let error = #expect(throws: StoreError.self) {
            try second.open(standingBy: { error in
                asked.withLock {
                    $0.append(error)
                    return $0.count < 5
                }
            })
        }
        #expect(error?.code == .inUse && asked.withLock { $0.count } == 5)
        #expect(asked.withLock { $0.allSatisfy { $0.message.contains("the first") } })
        first.close()
        try second.open(standingBy: { _ in false })
        second.close()
    }

    @Test func `The lease of an owner that does nothing is kept alive`() throws {
        let first = store("the first") { $0.lease = .seconds(5) }
        let second = store("the second") { $0.standbyMax = .seconds(11) }
        try first.open()
        defer { first.close() }
        #expect(second.openingFailure()?.code == .inUse, "it has waited for two leases")
    }

    @Test func `Prefixes and databases are separate stores`() throws {
        let stores = [store("a"), store("b") { $0.prefix = "other" }, store("c") { $0.database = 3 }]
        for (index, store) in stores.enumerated() {
            try store.open()
            var batch = ChangeBatch(1)
            batch.add(client: SessionNumber(index + 1))
            try store.commit(batch)
        }
        for (index, store) in stores.enumerated() {
            #expect(try store.clients(after: 0, limit: 9).map(\.session) == [SessionNumber(index + 1)])
            #expect(try store.verify() == [])
            store.close()
        }
    }

    /// An owner that gives no sign of life, as if its process were stopped: its heart does not beat, and the
    /// connection is there.
    private func paused(_ store: RedisStore) throws {
        try store.open()
        var batch = ChangeBatch(1)
        batch.add(client: 1)
        batch.add(message: 1, to: [1])
        try store.commit(batch)
        store.pauseHeartbeat()
    }

    @Test func `A standby takes over from an owner that gives no sign of life, which can then do nothing`()
        throws
    {
        let first = store("the first")
        let second = store("the second") { $0.standbyMax = .seconds(60) }
        try paused(first)
        try second.open()
        var batch = ChangeBatch(2)
        batch.add(message: 2, to: [1])
        try second.commit(batch)

        var late = ChangeBatch(2)
        late.append(.removal(session: 1, number: 1))
        #expect(first.failure(of: late)?.code == .inUse)
        #expect(first.failure(of: late)?.message.contains("the second") == true)
        #expect(throws: StoreError.self) { try first.queue(1) }
        #expect(try second.queue(1) == [1, 2])

        second.close()
        first.close()
        let error = first.openingFailure()
        #expect(error?.code == .inUse, "it remembers what was before, so it may not have the prefix again")
        #expect(try server.send("HGET", "{roost}:info", "batch") == UInt64(2).padded)
    }

    @Test func `An owner is certain of its prefix while its heart beats, and never when another may have it`()
        throws
    {
        let first = store("the first")
        #expect(!first.lease.isCertain)
        try first.open()
        #expect(first.lease.isCertain)
        first.pauseHeartbeat()
        let second = store("the second") { $0.standbyMax = .seconds(60) }
        try second.open()
        #expect(!first.lease.isCertain && second.lease.isCertain)
        #expect(first.failure(of: ChangeBatch(1))?.code == .inUse)
        #expect(!first.lease.isCertain)
        let end = ContinuousClock.now + .seconds(6)
        try poll("its heart does not beat") { .now > end && second.lease.isCertain }
        second.close()
        #expect(!second.lease.isCertain)
        first.close()
    }

    @Test func `A commit of nothing makes an owner certain again, unless another has the prefix`() throws {
        let first = store("the first")
        try paused(first)
        try poll("the lease does not end") { !first.lease.isCertain }
        try first.commit(ChangeBatch(2))
        #expect(first.lease.isCertain)
        first.close()
        #expect(!first.lease.isCertain, "it was given back")
    }

    @Test func `The lease of an owner whose process has ended here does not count`() throws {
        let first = store("the first") { $0.lease = .seconds(60) }
        try paused(first)
        #expect(store("the second").openingFailure()?.code == .inUse, "its process is this one")
        try server.send("HSET", "{roost}:info", "place", OwnerPlace(process: try deadProcess()).text)
        let second = store("the second")
        try second.open()
        var late = ChangeBatch(2)
        late.append(.removal(session: 1, number: 1))
        #expect(first.failure(of: late)?.code == .inUse)
        #expect(try second.queue(1) == [1])
        second.close()
        first.close()
    }

    @Test func `Nobody can tell that a process has ended on another machine`() throws {
        let dead = OwnerPlace(process: try deadProcess())
        #expect(dead.isDeserted && OwnerPlace(dead.text) == dead)
        #expect(!OwnerPlace().isDeserted)
        #expect(OwnerPlace("elsewhere " + dead.text)?.isDeserted == false)
        #expect(OwnerPlace("\(dead.process)") == nil && OwnerPlace("") == nil)
        #expect(OwnerPlace(" \(dead.process)")?.isDeserted == false)
    }

    /// The number of a process that was here and is not any more.
    private func deadProcess() throws -> Int32 {
        let child = Process()
        child.executableURL = URL(fileURLWithPath: "/bin/true")
        try child.run()
        child.waitUntilExit()
        return child.processIdentifier
    }

    @Test func `An owner whose lease has ended goes on when nobody has taken over`() throws {
        let first = store("the first")
        try paused(first)
        try poll("the lease does not end") {
            try self.server.send("EXISTS", "{roost}:lease") == "" && self.isFree
        }
        try first.commit(ChangeBatch(2))
        #expect(!(try isFree), "the lease is there again")
        first.close()
    }

    private var isFree: Bool {
        get throws { try server.connection().send(["EXISTS", "{roost}:lease"]).read { $0.integer } == 0 }
    }

    @Test func `A server that came back empty is noticed by commits and pages`() throws {
        let first = store("the first")
        try first.open()
        defer { first.close() }
        var batch = ChangeBatch(1)
        batch.add(client: 1)
        try first.commit(batch)
        try server.send("FLUSHALL")
        #expect(throws: StoreError.self) { try first.client("client-1") }
        let error = first.failure(of: ChangeBatch(2))
        #expect(error?.code == .corrupt)
        #expect(error?.message.contains("empty") == true)
        first.close()
        #expect(first.openingFailure()?.code == .corrupt, "opening again does not forget it")
        #expect(try server.connection().send(["DBSIZE"]).read { $0.integer } == 0)
    }

    @Test func `A server that came back older is noticed by commits, pages and opening`() throws {
        let first = store("the first")
        try first.open()
        try first.commit(ChangeBatch(1))
        try first.commit(ChangeBatch(2))
        try server.send("HSET", "{roost}:info", "batch", UInt64(1).padded)
        #expect(throws: StoreError.self) { try first.sysInfo() }
        let error = first.failure(of: ChangeBatch(3))
        #expect(error?.code == .corrupt)
        #expect(error?.message.contains("batch 1") == true)
        first.close()
        #expect(first.openingFailure()?.code == .corrupt)
    }

    @Test func `Data of another history is noticed when the store is opened again`() throws {
        let first = store("the first")
        try first.open()
        try first.commit(ChangeBatch(1))
        first.close()
        try server.send("FLUSHALL")
        let second = store("the second")
        try second.open()
        try second.commit(ChangeBatch(1))
        second.close()
        #expect(first.openingFailure()?.code == .corrupt)
    }

    @Test func `A newer format is refused and not touched`() throws {
        try server.send("HSET", "{roost}:info", "format", "2", "batch", UInt64(5).padded)
        #expect(store("the first").openingFailure()?.code == .newerFormat)
        #expect(try server.connection().send(["DBSIZE"]).read { $0.integer } == 1)
    }

    @Test func `Data without its head is not taken for an empty store`() throws {
        try server.send("HSET", "{roost}:client", "a", "b")
        #expect(store("the first").openingFailure()?.code == .corrupt)
    }
}

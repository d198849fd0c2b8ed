// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import Glibc
import Packets
import Persistence
import StoreConformance
import StoreMemory
import Synchronization
import Testing

struct FaultyStoreTests {
    private let inner = MemoryStore()
    private let store: FaultyStore

    init() throws {
        store = FaultyStore(inner)
        try store.open()
    }

    @Test func `The commit of the scripted number fails before it is applied`() throws {
        store.fail(commit: 2, .retry)
        try store.commit(batch(1))
        #expect(failure { try store.commit(batch(2)) }?.code == .retry)
        #expect(try inner.sysInfo().batch == 1)
        try store.commit(batch(2))
        #expect(try inner.sysInfo().batch == 2)
        #expect(store.commitCount == 3)
        #expect(store.appliedCount == 2)
    }

    @Test func `A lost reply is applied, and the store must be opened again`() throws {
        store.failNext(.applied)
        #expect(failure { try store.commit(batch(1)) }?.code == .reopen)
        #expect(try inner.sysInfo().batch == 1)
        #expect(failure { try store.commit(batch(2)) }?.code == .reopen)
        #expect(try inner.sysInfo().batch == 1)
        store.close()
        try store.open()
        try store.commit(batch(1))
        try store.commit(batch(2))
        #expect(try inner.sysInfo().batch == 2)
    }

    @Test func `A lost batch is not applied, and the store must be opened again`() throws {
        store.failNext(.lost)
        #expect(failure { try store.commit(batch(1)) }?.code == .reopen)
        #expect(try inner.sysInfo().batch == 0)
        store.close()
        try store.open()
        try store.commit(batch(1))
        #expect(try inner.sysInfo().batch == 1)
    }

    @Test func `A refused batch leaves the store as it was`() throws {
        store.failNext(.refused)
        #expect(failure { try store.commit(batch(1)) }?.code == .refused)
        #expect(try inner.sysInfo().batch == 0)
        try store.commit(batch(1))
    }

    @Test func `A stalled commit blocks its thread until it is released`() throws {
        store.stall()
        let box = Outcome()
        let thread = try box.start { [store] in try store.commit(Self.batch(1)) }
        while store.stalledCount == 0 { sched_yield() }
        #expect(try inner.sysInfo().batch == 0)
        #expect(!box.isDone)
        store.release()
        pthread_join(thread, nil)
        #expect(box.isDone)
        #expect(try inner.sysInfo().batch == 1)
        #expect(store.stalledCount == 0)
    }

    @Test func `On one thread a stall is told instead of blocking`() throws {
        let stalls = Atomic<Int>(0)
        store.stall { _ = stalls.add(1, ordering: .relaxed) }
        #expect(failure { try store.commit(batch(1)) }?.code == .retry)
        #expect(stalls.load(ordering: .relaxed) == 1)
        #expect(try inner.sysInfo().batch == 0)
        store.release()
        try store.commit(batch(1))
        #expect(try inner.sysInfo().batch == 1)
    }

    @Test func `A full disk takes only batches that make room, until it is cleared`() throws {
        store.fillDisk()
        #expect(failure { try store.commit(batch(1)) }?.code == .retry)
        try store.commit(batch(1, makesRoom: true))
        #expect(try inner.sysInfo().batch == 1)
        store.clearDisk()
        try store.commit(batch(2))
        #expect(try inner.sysInfo().batch == 2)
    }

    @Test func `A filling disk takes as many bytes as it has left`() throws {
        let bytes = batch(1).arenaBytes + batch(1).changes.count
        store.fillDisk(budget: 3 * bytes)
        for number in 1...UInt64(3) { try store.commit(batch(number)) }
        #expect(failure { try store.commit(batch(4)) }?.code == .retry)
        #expect(try inner.sysInfo().batch == 3)
    }

    private func batch(_ number: UInt64, makesRoom: Bool = false) -> ChangeBatch {
        Self.batch(number, makesRoom: makesRoom)
    }

    private static func batch(_ number: UInt64, makesRoom: Bool = false) -> ChangeBatch {
        var batch = ChangeBatch()
        batch.number = number
        batch.session = 100
        batch.makesRoom = makesRoom
        batch.add(ClientRecord(session: 1, clientID: "one"))
        return batch
    }
}

/// What becomes of a body that runs on a thread of its own.
final class Outcome: Sendable {
    private let done = Atomic<Bool>(false)
    private let body = Mutex<(@Sendable () throws -> Void)?>(nil)

    var isDone: Bool { done.load(ordering: .acquiring) }

    /// Starts the thread; the caller joins it.
    func start(_ body: @escaping @Sendable () throws -> Void) throws -> pthread_t {
        self.body.withLock { $0 = body }
        var thread = pthread_t()
        // The thread owns one reference, taken here and given back when it ends.
        let context = Unmanaged.passRetained(self).toOpaque()
        let status = pthread_create(
            &thread, nil,
            { context in
                if let context { Unmanaged<Outcome>.fromOpaque(context).takeRetainedValue().run() }
                return nil
            }, context)
        try #require(status == 0)
        return thread
    }

    private func run() {
        do {
            try body.withLock { $0 }?()
            done.store(true, ordering: .releasing)
        } catch {
            Issue.record(error)
        }
    }
}

// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import NIOCore
import Packets
import Persistence
import StoreMemory
import Testing

@testable import Engine

/// A broker without threads and sockets: shards, a committer over a store, and a clock that stands still.
///
/// `settle` does everything that is to be done at once. By default commits and answers of the store belong to
/// that; `isStalled` and `holdsReads` hold them back, so that a test can see what leaves before and after.
final class World {
    let limits: Limits
    let store: ScriptedStore
    let commons: Commons
    let shards: [Shard]
    var committer: Committer
    let restored: RestoreReport
    var now: Milliseconds
    /// Nothing is committed but by `commit()`.
    var isStalled = false
    /// Questions to the store are answered by `answerReads()` only.
    var holdsReads = false
    /// Shards that do not look at their mail.
    var frozen: Set<Int> = []
    private(set) var reports: [Report] = []
    private(set) var completed: [UInt64: ReasonCode] = [:]
    private var heldReads: [(shard: Int, request: ReadRequest)] = []
    private var timers: [(at: Milliseconds, shard: Int)] = []
    private var awake: Set<Int> = []
    private var clients: [[SlotID: TestClient]]
    private var closing: [(shard: Int, slot: SlotID)] = []

    init(
        shards count: Int = 1, store: ScriptedStore = ScriptedStore(), now: Milliseconds = World.start,
        seed: UInt64 = 7, limits: Limits = Limits(), lease: Lease? = nil
    ) throws {
        self.limits = limits
        self.store = store
        self.now = now
        let commons = Commons(shardCount: count, limits: limits, lease: lease)
        self.commons = commons
        shards = (0..<count).map { Shard(index: $0, commons: commons, seed: seed) }
        clients = Array(repeating: [:], count: count)
        try store.open()
        restored = try Restoration.restore(from: store, shards: shards, commons: commons, now: now)
        committer = Committer(commons: commons, after: restored.sysInfo)
        for shard in 0..<count { endTick(shard) }
        settle()
    }

    /// A new broker on the store of one that died here and now.
    func restarted(after seconds: Int = 0, shards count: Int? = nil, limits: Limits? = nil) throws -> World {
        store.close()
        return try World(
            shards: count ?? shards.count, store: store, now: now + Milliseconds(seconds) * 1000,
            limits: limits ?? self.limits)
    }

    static let start: Milliseconds = 1_800_000_000_000
}

/// What happens, and when.
extension World {
    /// Does what is to be done at once.
    func settle() {
        var rounds = 0
        while step() {
            rounds += 1
            guard rounds < 20_000 else {
                Issue.record("the world does not come to rest")
                return
            }
        }
    }

    private func step() -> Bool {
        if let next = closing.first {
            closing.removeFirst()
            shards[next.shard].closed(next.slot, now: now)
            endTick(next.shard)
            return true
        }
        if let shard = awake.subtracting(frozen).min() {
            awake.remove(shard)
            shards[shard].collect(now: now)
            endTick(shard)
            return true
        }
        if !holdsReads, !heldReads.isEmpty {
            answerRead()
            return true
        }
        return isStalled ? false : stepCommitter()
    }

    /// Commits one batch; false when there is none to commit.
    @discardableResult
    func commit() -> Bool {
        let hasCommitted = stepCommitter()
        settle()
        return hasCommitted
    }

    private func stepCommitter() -> Bool {
        let step = committer.next(now: now)
        switch step {
        case .commit: perform { () throws(StoreError) in try store.commit(committer.batch) }
        case .reopen: reopen()
        case .wait, .end: break
        }
        awake.formUnion(committer.takeWakes())
        switch step {
        case .commit, .reopen: return true
        case .wait, .end: return !awake.subtracting(frozen).isEmpty
        }
    }

    private func perform(_ commit: () throws(StoreError) -> Void) {
        do {
            try commit()
            committer.committed(now: now)
        } catch {
            committer.failed(error, now: now)
        }
    }

    private func reopen() {
        store.close()
        do {
            try store.open()
            committer.reopened(now: now)
        } catch {
            committer.failed(error, now: now)
        }
    }

    /// Lets time pass: whoever has set a timer meanwhile is called, in order.
    func pass(seconds: Double) {
        let end = now + Milliseconds(seconds * 1000)
        var count = 0
        while count < 100, let timer = timers.min(by: { $0.at < $1.at }), timer.at <= end {
            timers.removeAll { $0.at == timer.at && $0.shard == timer.shard }
            now = max(now, timer.at)
            awake.insert(timer.shard)
            settle()
            count += 1
        }
        now = end
        for shard in shards.indices {
            shards[shard].advance(now: now)
            endTick(shard)
        }
        settle()
    }

    /// Lets what nobody waits for be committed, and what follows from it be done.
    func rest() {
        for _ in 0..<8 { pass(seconds: 0.06) }
    }

    func answerReads() {
        while !heldReads.isEmpty { answerRead() }
        settle()
    }

    /// The questions that wait for an answer.
    var waitingReads: [ReadRequest] { heldReads.map(\.request) }

    private func answerRead() {
        let read = heldReads.removeFirst()
        let reply = read.request.run(on: store)
        shards[read.shard].readFinished(reply, now: now)
        endTick(read.shard)
    }
}

/// What the shards say and ask for.
extension World {
    private func endTick(_ index: Int) {
        shards[index].endTick(now: now)
        var orders: [Order] = []
        shards[index].takeOrders(into: &orders)
        for order in orders { perform(order, of: index) }
    }

    private func perform(_ order: Order, of shard: Int) {
        switch order {
        case .flush(let slot): deliver(shard, slot)
        case .close(let slot):
            deliver(shard, slot)
            clients[shard][slot]?.isClosed = true
            closing.append((shard, slot))
        case .pause(let slot): clients[shard][slot]?.isPaused = true
        case .resume(let slot): clients[shard][slot]?.isPaused = false
        case .wake(let other): awake.insert(other)
        case .wakeCommitter: break
        case .read(let request): heldReads.append((shard, request))
        case .wakeSelf(let after):
            if after == 0 { awake.insert(shard) } else { timers.append((now + Milliseconds(after), shard)) }
        case .completed(let ticket, let reason): completed[ticket] = reason
        case .report(let report): reports.append(report)
        }
    }

    private func deliver(_ shard: Int, _ slot: SlotID) {
        guard let client = clients[shard][slot], client.takesBytes else { return }
        shards[shard].withOutbound(slot) { buffer in
            client.inbox.writeBuffer(&buffer)
            buffer.clear()
        }
    }

    /// Every report of a message that was dropped.
    var drops: [Report] {
        reports.filter { if case .dropped = $0 { true } else { false } }
    }
}

/// What clients do.
extension World {
    /// A socket without a CONNECT.
    func open(_ version: ProtocolVersion = .v5, shard: Int = 0) -> TestClient {
        let origin = Origin(listener: "tcp", remote: "192.0.2.1")
        let slot = shards[shard].open(origin, now: now)
        let client = TestClient(world: self, version: version, shard: shard, slot: slot)
        clients[shard][slot] = client
        endTick(shard)
        return client
    }

    func receive(_ bytes: ByteBuffer, from client: TestClient) {
        shards[client.shard].received(client.slot, bytes, now: now)
        endTick(client.shard)
        settle()
    }

    /// The network is gone: nobody says good-bye.
    func cut(_ client: TestClient) {
        client.isClosed = true
        shards[client.shard].closed(client.slot, now: now)
        endTick(client.shard)
        settle()
    }

    /// The client reads again after it has not.
    func drain(_ client: TestClient, tellingShard: Bool = true) {
        client.takesBytes = true
        deliver(client.shard, client.slot)
        guard tellingShard else { return }
        shards[client.shard].writabilityChanged(client.slot, isWritable: true, now: now)
        endTick(client.shard)
        settle()
    }

    /// A publish of the embedding program.
    func publish(_ message: MessageRecord, retain: Bool = false, ticket: UInt64 = 1) {
        shards[0].publish(message, retain: retain, ticket: ticket, now: now)
        endTick(0)
        settle()
    }

    func shutDown() {
        for shard in shards.indices {
            shards[shard].shutDown(now: now)
            endTick(shard)
        }
        settle()
    }

    /// What the store holds.
    func stored() throws -> Snapshot {
        #expect(try store.verify() == [])
        return try store.snapshot()
    }
}

// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import NIOCore
import Packets
import Persistence
import StoreConformance
import StoreMemory

@testable import Engine

/// Two shards over a store that stalls, driven step by step: nothing happens unless a test says so, and `settle`
/// lets everything happen that can.
final class Stage {
    private(set) var commons: Commons
    private(set) var shards: [Shard] = []
    let memory = MemoryStore()
    let store: FaultyStore
    var now: Milliseconds = 1_700_000_000_000
    /// The committer does not run.
    var isStalled = false
    let limits: Limits
    private var committer: CommitterBox
    private var peers: [SlotKey: Peer] = [:]
    private var mustCollect: [Bool] = []
    private var reads: [[ReadRequest]] = []

    private struct SlotKey: Hashable {
        var shard: Int
        var slot: SlotID
    }

    private final class CommitterBox {
        var committer: Committer
        init(_ commons: Commons, _ info: SysInfoRecord) {
            committer = Committer(commons: commons, after: info)
        }
    }

    init(_ configure: (inout Limits) -> Void = { _ in }) throws {
        limits = Limits(configure)
        store = FaultyStore(memory)
        commons = Commons(shardCount: 2, limits: limits)
        committer = CommitterBox(commons, SysInfoRecord())
        try start()
    }

    // MARK: Life

    private func start() throws {
        try store.open()
        commons = Commons(shardCount: 2, limits: limits)
        shards = (0..<2).map { Shard(index: $0, commons: commons, seed: 1) }
        let report = try Restoration.restore(from: store, shards: shards, commons: commons, now: now)
        committer = CommitterBox(commons, report.sysInfo)
        peers = [:]
        mustCollect = [false, false]
        reads = [[], []]
    }

    /// The broker dies and comes back; only what the store has applied is left.
    func crash() throws {
        isStalled = false
        store.close()
        try start()
    }

    // MARK: Shards

    func open(on shard: Int, version: ProtocolVersion = .v5) -> Peer {
        let slot = shards[shard].open(Origin(listener: "stage", remote: "peer"), now: now)
        let peer = Peer(self, shard: shard, slot: slot, version: version)
        peers[SlotKey(shard: shard, slot: slot)] = peer
        return peer
    }

    func receive(_ bytes: ByteBuffer, _ shard: Int, _ slot: SlotID) {
        shards[shard].received(slot, bytes, now: now)
    }

    func endTick(_ shard: Int) {
        shards[shard].endTick(now: now)
        var orders: [Order] = []
        shards[shard].takeOrders(into: &orders)
        for order in orders { perform(order, of: shard) }
    }

    private func perform(_ order: Order, of shard: Int) {
        switch order {
        case .flush(let slot): take(shard, slot)
        case .close(let slot):
            take(shard, slot)
            peers[SlotKey(shard: shard, slot: slot)]?.isClosed = true
            peers[SlotKey(shard: shard, slot: slot)] = nil
            shards[shard].closed(slot, now: now)
            mustCollect[shard] = true
        case .wake(let other): mustCollect[other] = true
        case .wakeSelf: mustCollect[shard] = true
        case .read(let request): reads[shard].append(request)
        case .pause, .resume, .wakeCommitter, .completed, .report: break
        }
    }

    private func take(_ shard: Int, _ slot: SlotID) {
        guard let peer = peers[SlotKey(shard: shard, slot: slot)] else { return }
        shards[shard].withOutbound(slot) { buffer in
            peer.written.writeBuffer(&buffer)
            buffer.clear()
        }
        peer.decode()
    }

    func lose(_ peer: Peer) {
        peers[SlotKey(shard: peer.shard, slot: peer.slot)] = nil
        shards[peer.shard].closed(peer.slot, now: now)
    }

    func collect(_ shard: Int) {
        mustCollect[shard] = false
        shards[shard].collect(now: now)
        endTick(shard)
    }

    func advance(_ shard: Int) {
        shards[shard].advance(now: now)
        endTick(shard)
    }

    /// Runs the reads that wait, and gives the shard the answers.
    func answerReads(_ shard: Int) {
        let requests = reads[shard]
        reads[shard] = []
        for request in requests { shards[shard].readFinished(request.run(on: store), now: now) }
        endTick(shard)
    }

    func isReading(_ shard: Int) -> Bool { !reads[shard].isEmpty }

    // MARK: Committer

    /// One step of the committer's thread; false if it only waits.
    @discardableResult
    func commit() throws -> Bool {
        let isBusy = step()
        for shard in committer.committer.takeWakes() { mustCollect[shard] = true }
        return isBusy
    }

    private func step() -> Bool {
        switch committer.committer.next(now: now) {
        case .commit:
            do throws(StoreError) {
                try store.commit(committer.committer.batch)
                committer.committer.committed(now: now)
            } catch {
                committer.committer.failed(error, now: now)
            }
        case .reopen:
            store.close()
            do throws(StoreError) {
                try store.open()
                committer.committer.reopened(now: now)
            } catch {
                committer.committer.failed(error, now: now)
            }
        case .wait, .end: return false
        }
        return true
    }

    /// Lets everything happen that can, until nothing does for a while.
    func settle(rounds: Int = 40) throws {
        for _ in 0..<rounds {
            now += 10
            for shard in shards.indices {
                answerReads(shard)
                collect(shard)
                advance(shard)
            }
            guard !isStalled else { continue }
            for _ in 0..<8 where try commit() {}
        }
    }

    /// What the store holds.
    func stored() throws -> Snapshot { try memory.snapshot() }
}

// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import Engine
import Packets
import Persistence
import StoreConformance

/// A broker with its store, its clients and everything between them, on one thread, from one seed.
///
/// The world owns every queue: bytes on their way in both directions, the orders of the shards, reads and their
/// answers, the steps of the committer, the clock. In each step it draws one thing to happen. A crash drops
/// everything but what the store has applied. Clients keep a ledger of their own, and what they see is compared
/// with that, never with the engine's state; `Mirror` watches what the store applies.
///
/// At the end faults stop, everybody comes back, reads and acknowledges, and the world must come to rest within
/// a bounded number of rounds with nothing lost.
package final class World {
    package let seed: UInt64
    let plan: Plan
    var dice: Dice
    var now: Milliseconds = 1_700_000_000_000
    var moment: Moment = 0
    let disk = Disk()
    /// Whether the store is certainly this broker's, where somebody may take it.
    let lease = Lease()
    /// Since when it is not; a commit ends that.
    var doubtfulSince: Moment?
    var commons: Commons
    var loops: [Loop] = []
    var commit: CommitLoop
    var boot: UInt64 = 0
    let clients: [SimulatedClient]
    var links: [Link] = []
    var linkCount = 0
    var ledger = Ledger()
    /// What the embedding program has published and was not told to be done.
    var program = Program()
    /// When the broker died last.
    var crashedAt: Moment = 0
    /// Faults may happen.
    var isHostile = true
    /// The first rule that was broken.
    package private(set) var failure: String?
    /// Hears what happens, if somebody wants to read it.
    private let tell: ((String) -> Void)?

    package init(seed: UInt64, tell: ((String) -> Void)? = nil) {
        self.seed = seed
        self.tell = tell
        dice = Dice(seed: seed)
        var plan = Plan(&dice)
        plan.extend(seed)
        self.plan = plan
        commons = Commons(shardCount: plan.shardCount, limits: plan.limits)
        commit = CommitLoop(commons: commons, after: SysInfoRecord())
        clients = plan.characters.enumerated().map {
            SimulatedClient(index: $0.offset, character: $0.element)
        }
        for client in clients where plan.narrows && client.index % 2 == 0 {
            client.isNarrow = client.character.version == .v5
        }
        if plan.refusals { disk.recordBytesMax = 150 }
    }

    /// Lives through the whole run; returns the first rule that was broken.
    package func run() -> String? {
        start()
        for _ in 0..<plan.steps where failure == nil { step() }
        if failure == nil { end() }
        return failure
    }

    // MARK: Telling

    func fail(_ sentence: @autoclosure () -> String) {
        guard failure == nil else { return }
        failure = sentence()
        note("FAILED: \(failure ?? "")")
    }

    func note(_ sentence: @autoclosure () -> String) {
        tell?("\(moment) [\(now % 1_000_000)] \(sentence())")
    }

    // MARK: Steps

    /// One thing happens.
    func step() {
        moment += 1
        if plan.doubts, isHostile, dice.chance(0.02) { doubt() }
        if plan.hasProgram, isHostile, dice.chance(0.06) { publishFromProgram() }
        switch dice.pick(weights: [44, 40, 16, 26, 40, 16, 40, 6, 3]) {
        case 0: act(dice.pick(clients))
        case 1: for _ in 0..<3 { if let link = pickLink() { carry(link) } }
        case 2: endTick(dice.pick(loops))
        case 3: for _ in 0..<2 { if let link = pickLink() { hear(link, all: dice.chance(0.5)) } }
        case 4: for _ in 0..<3 { work(dice.pick(loops)) }
        case 5: for loop in loops where dice.chance(0.5) { read(loop) }
        case 6: for _ in 0..<3 where !plan.stalls || !dice.chance(0.6) { stepCommitter() }
        case 7: passTime()
        default: if isHostile { misfortune() }
        }
        if isHostile, plan.crashEvery > 0, dice.chance(1 / Double(plan.crashEvery)) {
            if plan.shutsDown, dice.chance(0.5) { shutDown() }
            crash()
        }
        checkBounds()
    }

    func pickLink() -> Link? { links.isEmpty ? nil : dice.pick(links) }

    private func passTime() {
        let isLong = plan.jumps && dice.chance(0.06)
        now += Milliseconds(isLong ? dice.pick([11_000, 70_000, 700_000]) : dice.pick([1, 3, 20, 60, 600]))
        if dice.chance(0.5) { advance(dice.pick(loops)) }
        for loop in loops { loop.passTimers(now) }
    }

    private func misfortune() {
        switch dice.pick(0...5) {
        case 0 where plan.retries: disk.faulty.failNext(.retry)
        case 1 where plan.retries: disk.faulty.fillDisk(budget: dice.pick([0, 0, 500]))
        case 2 where plan.retries: disk.faulty.clearDisk()
        case 3 where plan.reopens: disk.faulty.failNext(.lost)
        case 4 where plan.reopens: disk.faulty.failNext(.applied)
        case 5 where plan.readFaults: disk.failingReads = 1
        default: break
        }
    }

    /// The broker was stopped for longer than the store is certainly its own.
    private func doubt() {
        note("the store may be another broker's")
        lease.giveUp()
        doubtfulSince = doubtfulSince ?? moment
    }

    /// A commit was applied, or the store was opened: it is ours.
    func endDoubt() {
        doubtfulSince = nil
        lease.grant(.seconds(1_000_000), askedAt: .now)
    }

    /// What waits in the broker's memory has limits.
    private func checkBounds() {
        let slack = 40_000
        if commons.queuedBytes > plan.limits.uncommittedBytesMax + slack {
            fail("\(commons.queuedBytes) bytes wait for their commit")
        }
    }
}

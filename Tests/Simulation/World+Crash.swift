// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import Engine
import Packets
import Persistence
import StoreMemory

/// Start, death and return of the broker.
extension World {
    func start() {
        restore()
    }

    /// SIGTERM: everybody is told, and what was received is committed as far as the disk lets it.
    func shutDown() {
        note("SHUTDOWN")
        for loop in loops {
            loop.shard.shutDown(now: now)
            loop.isInTick = true
            endTick(loop)
        }
        for _ in 0..<World.shutdownRounds where failure == nil {
            moment += 1
            now += 5
            for loop in loops {
                while let link = loop.closing.first { close(link) }
                if loop.collects > 0 { collect(loop) }
                endTick(loop)
            }
            for _ in 0..<4 { stepCommitter() }
        }
        for link in links { hear(link, all: true) }
    }

    private static let shutdownRounds = 20

    /// `kill -9`: only what the store has applied survives.
    func crash() {
        moment += 1
        if case .filled = commit.phase, dice.chance(0.5) { apply() }
        note("CRASH")
        crashedAt = moment
        disk.failingReads = 0
        for loop in loops {
            for link in loop.links.values.sorted(by: { $0.id < $1.id }) {
                forgetWill(of: link)
                forget(link, of: loop)
            }
            settleLinks(of: loop)
        }
        for client in clients { leave(client) }
        forgetProgram()
        disk.close()
        forgetWills()
        checkSurvival()
        // The wall clock may be wrong after a start; broker time is never earlier than the store's.
        if dice.chance(0.2) { now -= 5000 }
        start()
        for session in ledger.incarnations { session.lastSeen = min(session.lastSeen, now) }
    }

    /// A crash may take a will away: its client may return before its time.
    private func forgetWill(of link: Link) {
        if let will = link.request.will { ledger[will].mayExpire = true }
    }

    /// The same for one whose publication was not durable.
    private func forgetWills() {
        for client in clients {
            guard let will = disk.mirror.client(client.name)?.will,
                let serial = Payload.serial(will.payload)
            else { continue }
            ledger[serial].mayExpire = true
        }
    }

    private func restore() {
        for attempt in 0...3 {
            do throws(StoreError) {
                if attempt < 3, boot > 0, isHostile, dice.chance(0.15) {
                    disk.readsUntilFault = dice.pick(0...6)
                }
                try attemptRestore()
                disk.readsUntilFault = nil
                return
            } catch {
                note("the start failed: \(error)")
                disk.readsUntilFault = nil
                disk.close()
                if attempt == 3 { fail("the broker does not start: \(error)") }
            }
        }
    }

    private func attemptRestore() throws(StoreError) {
        try disk.open()
        now = max(now, try disk.memory.sysInfo().time)
        endDoubt()
        commons = Commons(
            shardCount: plan.shardCount, limits: plan.limits, lease: plan.doubts ? lease : nil)
        let shared = commons
        let seed = dice.seed()
        loops = (0..<plan.shardCount).map { Loop(Shard(index: $0, commons: shared, seed: seed)) }
        let report = try Restoration.restore(
            from: disk, shards: loops.map(\.shard), commons: commons, now: now)
        if let fault = disk.mirror.faults.first { fail(fault) }
        boot = report.boot
        commit = CommitLoop(commons: commons, after: report.sysInfo)
        note("boot \(boot): \(report.sessionCount) sessions, \(report.queuedCount) queued")
        for loop in loops { loop.isInTick = true }
    }

    /// What was acknowledged is in the store, what was removed is not.
    private func checkSurvival() {
        for client in clients {
            guard let session = client.incarnation, session.mustExist(now: now) else { continue }
            guard let record = disk.mirror.client(client.name) else {
                return fail("the session of client \(client.index) did not survive the crash")
            }
            if record.session != session.number {
                return fail("client \(client.index) has session \(record.session) after the crash")
            }
            checkSubscriptions(of: session, record.session)
        }
    }

    private func checkSubscriptions(of session: Incarnation, _ number: SessionNumber) {
        let stored = disk.mirror.subscriptions[number] ?? [:]
        for filter in Geography.filters.indices {
            let spans = session.spans.filter { $0.filter == filter }
            guard let last = spans.last else { continue }
            let record = stored[Geography.filters[filter].text]
            if last.acknowledgedAt != nil && last.unsubscribedAt == nil {
                if record?.options != last.options {
                    fail("client \(session.client) lost \(Geography.filters[filter].text) in the crash")
                }
            } else if last.endedAt != nil && record != nil {
                fail("client \(session.client) has \(Geography.filters[filter].text) again after the crash")
            }
        }
    }
}

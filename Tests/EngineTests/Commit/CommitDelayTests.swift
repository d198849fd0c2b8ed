// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import Packets
import Persistence
import StoreMemory
import Testing

@testable import Engine

@Suite struct CommitDelayTests {
    /// Sessions 1 to 4 are online, 5 to 9 are away.
    private func bench(_ configure: (inout Limits) -> Void = { _ in }) throws -> CommitterBench {
        let bench = try CommitterBench(limits: Limits(configure))
        for session in 1...4 as ClosedRange<UInt32> {
            bench.commons.seats.move(session, to: Seat(shard: 0, slot: session, isOnline: true))
        }
        return bench
    }

    @Test func `a delivery that an online session acknowledges in time is settled without a commit`() throws {
        let bench = try bench()
        let publish = bench.handOver(Lane { $0.publish(to: 1) })
        #expect(bench.step() == .wait(milliseconds: 2))
        #expect(bench.commons.committedPosition < publish.position)
        let removal = bench.handOver(Lane(isUrgent: false) { $0.remove(1, publish.number) })
        #expect(bench.step() == .wait(milliseconds: nil) && bench.committer.isIdle)
        #expect(bench.commons.committedPosition == removal.position)
        #expect(bench.store.takeAttempts().isEmpty)
    }

    @Test func `what is acknowledged first is settled first`() throws {
        let bench = try bench()
        let first = bench.handOver(Lane { $0.publish(to: 1) })
        let second = bench.handOver(Lane { $0.publish(to: 2) })
        #expect(bench.step() == .wait(milliseconds: 2))
        bench.handOver(Lane(isUrgent: false) { $0.remove(1, first.number) })
        #expect(bench.step() == .wait(milliseconds: 2))
        #expect(bench.commons.committedPosition == first.position)
        bench.now += 2
        #expect(bench.step() == .commit && bench.commons.committedPosition > second.position)
        #expect(try bench.store.snapshot().deliveries.map(\.session) == [2])
    }

    @Test func `no entry waits longer than commitDelayMax, whatever is acknowledged before it`() throws {
        let bench = try bench { $0.commitDelayMaxMilliseconds = 10 }
        var numbers: [MessageNumber] = []
        for _ in 0..<10 {
            numbers.append(bench.handOver(Lane { $0.publish(to: 1) }).number)
            #expect(bench.step() == .wait(milliseconds: 10 - numbers.count + 1))
            bench.now += 1
        }
        #expect(bench.step() == .commit)
        let last = bench.handOver(Lane { $0.publish(to: 2) })
        #expect(bench.step() == .commit && bench.commons.committedPosition == last.position)
    }

    @Test func `the wait of what came later begins later`() throws {
        let bench = try bench { $0.commitDelayMaxMilliseconds = 10 }
        let first = bench.handOver(Lane { $0.publish(to: 1) })
        #expect(bench.step() == .wait(milliseconds: 10))
        bench.now += 7
        bench.handOver(Lane { $0.publish(to: 2) })
        #expect(bench.step() == .wait(milliseconds: 3))
        bench.handOver(Lane(isUrgent: false) { $0.remove(1, first.number) })
        #expect(bench.step() == .wait(milliseconds: 10))
    }

    @Test(arguments: ["an absent session", "a retained value", "a client record"])
    func `what no acknowledgement makes needless is committed at once`(_ name: String) throws {
        let bench = try bench()
        bench.handOver(Lane { $0.publish(to: 2) })
        #expect(bench.step() == .wait(milliseconds: 2))
        bench.handOver(
            Lane { lane in
                switch name {
                case "an absent session": lane.publish(to: 1, 5)
                case "a retained value": lane.publish(to: 1, retain: true)
                default: lane.client(9, "c9")
                }
            })
        #expect(bench.step() == .commit)
        #expect(bench.store.takeAttempts().count == 1)
    }

    @Test func `after a wait in vain commits do not wait, until one shows that it pays`() throws {
        let bench = try bench()
        func publishInVain() -> Bool {
            bench.handOver(Lane { $0.publish(to: 1) })
            let waits = bench.step() != .commit
            bench.now += 2
            if waits { #expect(bench.step() == .commit) }
            return waits
        }
        #expect((0..<11).map { _ in publishInVain() }.map { $0 ? "w" : "-" }.joined() == "w-w---w----")
        while !publishInVain() {}
        for _ in 0..<15 { #expect(!publishInVain()) }
        let publish = bench.handOver(Lane { $0.publish(to: 1) })
        #expect(bench.step() == .wait(milliseconds: 2))
        bench.handOver(Lane(isUrgent: false) { $0.remove(1, publish.number) })
        #expect(bench.step() == .wait(milliseconds: nil))
        #expect([publishInVain(), publishInVain(), publishInVain()] == [true, false, true])
    }

    @Test func `what is left when nothing is awaited any more is committed at once`() throws {
        let bench = try bench()
        bench.handOver(Lane { $0.publish(to: 5) })
        #expect(bench.step() == .commit)
        let stored = bench.commons.committedNumber
        let publish = bench.handOver(Lane { $0.publish(to: 1) })
        bench.handOver(Lane(isUrgent: false) { $0.remove(5, stored) })
        #expect(bench.step() == .wait(milliseconds: 2))
        bench.handOver(Lane(isUrgent: false) { $0.remove(1, publish.number) })
        #expect(bench.step() == .commit)
        #expect(try bench.store.snapshot().deliveries.isEmpty)
    }

    @Test func `a store that does not sync is not waited for`() throws {
        let bench = try bench()
        bench.committer = Committer(
            commons: bench.commons, after: try bench.store.sysInfo(), delaysCommits: false)
        bench.handOver(Lane { $0.publish(to: 1) })
        #expect(bench.step() == .commit)
    }
}

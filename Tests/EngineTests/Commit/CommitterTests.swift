// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import Packets
import Persistence
import StoreMemory
import Testing

@testable import Engine

@Suite struct CommitterTests {
    private func refuses(_ payload: UInt8) -> @Sendable (borrowing ChangeBatch) -> ScriptedStore.Outcome {
        { batch in
            for case .message(_, let record, _) in batch.changes where batch.bytes(record).contains(payload) {
                return .failed(.refused)
            }
            return .applied
        }
    }

    // MARK: Batches

    @Test func `an idle committer commits at once, and waits when there is nothing`() throws {
        let bench = try CommitterBench()
        #expect(bench.step() == .wait(milliseconds: nil))
        let first = bench.handOver(Lane { $0.publish(to: 1) })
        #expect(bench.step() == .commit && bench.commons.committedPosition == first.position)
        #expect(bench.step() == .wait(milliseconds: nil) && bench.committer.isIdle)
    }

    @Test func `lanes that gathered are one batch, in the order of their hand-over`() throws {
        let bench = try CommitterBench()
        for text in ["a", "b", "c"] as [Text] { bench.handOver(Lane { $0.publish(text, to: 1) }) }
        #expect(bench.run() == 1)
        let deliveries = try bench.store.snapshot().deliveries
        #expect(deliveries.map { Text(bytes: $0.message.payload) } == ["a", "b", "c"])
        #expect(deliveries.map(\.number) == deliveries.map(\.number).sorted())
    }

    @Test func `a batch takes lanes up to its bound, and one at least`() throws {
        let bench = try CommitterBench(
            limits: Limits {
                $0.packetBytesMax = 1_000
                $0.batchBytesMax = 1_000
            })
        let large = Text(bytes: Array(repeating: 65, count: 900))
        for _ in 0..<5 { bench.handOver(Lane { $0.publish(large, to: 1) }) }
        let huge = Text(bytes: Array(repeating: 65, count: 9_000))
        bench.handOver(Lane { $0.publish(huge, to: 1) })
        #expect(bench.run() == 6)
    }

    @Test func `what nobody waits for waits for company, but not longer than removalDelayMax`() throws {
        let bench = try CommitterBench()
        bench.handOver(Lane(isUrgent: false) { $0.remove(1, 1) })
        #expect(bench.step() == .wait(milliseconds: 50))
        bench.now += 30
        #expect(bench.step() == .wait(milliseconds: 20))
        bench.now += 20
        #expect(bench.step() == .commit)
        bench.handOver(Lane(isUrgent: false) { $0.remove(1, 2) })
        #expect(bench.step() == .wait(milliseconds: 50))
        bench.handOver(Lane { $0.publish(to: 2) })
        #expect(bench.step() == .commit)
        #expect(bench.store.takeAttempts().last?.changes == ["removal", "message", "delivery"])
    }

    @Test func `a demand starts a commit like an urgent lane`() throws {
        let bench = try CommitterBench()
        let first = bench.handOver(Lane(isUrgent: false) { $0.remove(1, 1) })
        bench.commons.demand(first.position)
        #expect(bench.step() == .commit)
    }

    @Test func `a batch has the next number, the greatest numbers, and the time`() throws {
        let bench = try CommitterBench()
        let before = try bench.store.sysInfo()
        let first = bench.handOver(
            Lane {
                $0.publish(to: 1)
                $0.publish(to: 1)
            })
        bench.now = 5_000
        bench.run()
        let info = try bench.store.sysInfo()
        #expect(info.batch == before.batch + 1 && info.message == first.number + 1 && info.time == 5_000)
    }

    @Test func `only shards that wait for commits are woken`() throws {
        let bench = try CommitterBench(shards: 3)
        bench.commons.setInterest(1, true)
        bench.handOver(Lane { $0.publish(to: 1) })
        bench.run()
        #expect(bench.committer.takeWakes() == [1] && bench.committer.takeWakes() == [])
    }

    // MARK: Retry

    @Test func `a batch that may succeed later stays at the head and is netted with what follows`() throws {
        let bench = try CommitterBench()
        bench.store.commits { $0.makesRoom ? .applied : .failed(.retry) }
        let first = bench.handOver(Lane { $0.publish("a", to: 1, 2) })
        #expect(bench.step() == .commit && bench.commons.committedPosition < first.position)
        guard case .wait(let milliseconds?) = bench.step() else { throw Unexpected([]) }
        #expect(milliseconds > 0 && bench.committer.health.failureCount == 1)
        bench.handOver(Lane { $0.remove(1, first.number) })
        bench.run()
        bench.store.heal()
        bench.drain()
        #expect(try bench.store.snapshot().deliveries.map(\.session) == [2])
        #expect(bench.commons.isSettled && bench.committer.health.current == nil)
    }

    @Test func `what makes room is committed ahead, and the shards are told its positions`() throws {
        let bench = try CommitterBench(shards: 2)
        let old = bench.handOver(Lane { $0.publish(to: 1) })
        bench.run()
        bench.store.commits { $0.makesRoom ? .applied : .failed(.retry) }
        let blocked = bench.handOver(Lane { $0.publish(to: 2) })
        bench.step()
        let ahead = bench.handOver(
            Lane(shard: 1) {
                $0.remove(1, old.number)
                $0.client(9, "c9")
            })
        _ = bench.store.takeAttempts()
        bench.run()
        #expect(bench.store.takeAttempts().map(\.changes) == [["removal", "client"]])
        #expect(bench.controls(of: 1).settled == [ahead.position, ahead.position + 1])
        #expect(bench.commons.committedPosition < blocked.position)
        #expect(try bench.store.snapshot().deliveries == [])
        bench.store.heal()
        bench.drain()
        #expect(bench.commons.isSettled && bench.controls(of: 1).settled == [])
    }

    @Test func `a message that is acknowledged while the disk is full is settled without a commit`() throws {
        let bench = try CommitterBench()
        bench.store.commits { _ in .failed(.retry) }
        bench.handOver(Lane { $0.publish(to: 1) })
        bench.step()
        let second = bench.handOver(Lane { $0.publish(to: 2) })
        bench.handOver(Lane { $0.remove(2, second.number) })
        _ = bench.store.takeAttempts()
        bench.step()
        #expect(bench.controls().settled.contains(second.position))
        #expect(bench.store.takeAttempts() == [])
    }

    @Test func `a store that takes nothing at all is asked less and less often`() throws {
        let bench = try CommitterBench()
        let old = bench.handOver(Lane { $0.publish(to: 1) })
        bench.run()
        bench.store.commits { _ in .failed(.retry) }
        bench.handOver(Lane { $0.publish(to: 2) })
        bench.handOver(Lane(isUrgent: false) { $0.remove(1, old.number) })
        let end = bench.now + 60_000
        var count = 0
        while bench.now < end, count < 1_000 {
            count += 1
            if case .wait(let milliseconds?) = bench.step() { bench.now += Milliseconds(milliseconds) }
        }
        #expect(count < 400 && bench.committer.health.failureCount < 150)
        bench.store.heal()
        bench.drain()
        #expect(try bench.store.snapshot().deliveries.map(\.session) == [2])
    }

    @Test func `the store is not healthy again because it takes what makes room`() throws {
        let bench = try CommitterBench()
        bench.store.commits { $0.makesRoom ? .applied : .failed(.retry) }
        bench.handOver(Lane { $0.publish(to: 1) })
        bench.step()
        bench.handOver(Lane { $0.client(2, "c2") })
        #expect(bench.run() == 1 && bench.committer.health.current?.code == .retry)
        bench.store.heal()
        bench.drain()
        #expect(bench.committer.health.current == nil)
    }

    @Test func `the record of a client's new session waits for the end of its old one`() throws {
        let bench = try CommitterBench()
        bench.store.commits { $0.makesRoom ? .applied : .failed(.retry) }
        bench.handOver(
            Lane {
                $0.begin()
                $0.addPublish("will", to: [2])
                $0.addEnd(1, "c1")
            })
        bench.step()
        // The shard names the end again, in the entry of the new record.
        bench.handOver(
            Lane {
                $0.begin()
                $0.addEnd(1, "c1")
                $0.addClient(10, "c1")
            })
        bench.handOver(Lane { $0.client(11, "another") })
        bench.drain(for: 2_000)
        #expect(try bench.store.client("c1")?.session == 1)
        #expect(try bench.store.client("another")?.session == 11)
        bench.store.heal()
        bench.drain()
        #expect(try bench.store.client("c1")?.session == 10)
    }

    @Test func `a session is not swept before its shared deliveries have moved`() throws {
        let bench = try CommitterBench()
        let old = bench.handOver(Lane { $0.publish("shared", to: 1) })
        bench.handOver(
            Lane {
                $0.begin()
                $0.addEnd(1, "c1")
            })
        bench.run()
        bench.store.commits { $0.makesRoom ? .applied : .failed(.retry) }
        bench.handOver(
            Lane {
                $0.remove(1, old.number)
                $0.addPublish("shared", to: [2])
                $0.begin()
                $0.append(.sessionSwept(session: 1))
            })
        bench.drain(for: 2_000)
        #expect(try bench.store.snapshot().deliveries.map(\.session) == [1])
        bench.store.heal()
        bench.drain()
        #expect(try bench.store.snapshot().deliveries.map(\.session) == [2])
        #expect(try bench.store.snapshot().endedSessions == [])
    }

    @Test func `a release waits for the reception before it`() throws {
        let bench = try CommitterBench()
        bench.store.commits { $0.makesRoom ? .applied : .failed(.retry) }
        bench.handOver(
            Lane {
                $0.begin()
                $0.append(.reception(session: 1, packetID: 5))
            })
        bench.step()
        bench.handOver(
            Lane {
                $0.begin()
                $0.append(.release(session: 1, packetID: 5))
            })
        bench.drain(for: 1_000)
        bench.store.heal()
        bench.drain()
        #expect(try bench.store.snapshot().receptions == [:])
    }

    // MARK: Reopen

    @Test(arguments: [true, false])
    func `a batch of unknown outcome is repeated unchanged under its number`(isApplied: Bool) throws {
        let bench = try CommitterBench()
        bench.store.commits { _ in isApplied ? .lost : .failed(.reopen) }
        bench.handOver(Lane { $0.publish("a", to: 1) })
        bench.step()
        bench.store.heal()
        bench.handOver(Lane { $0.publish("b", to: 1) })
        #expect(bench.step() == .reopen && bench.step() == .commit)
        let attempts = bench.store.takeAttempts()
        #expect(attempts.count == 2 && attempts[0] == attempts[1])
        bench.drain()
        let deliveries = try bench.store.snapshot().deliveries
        #expect(deliveries.map { Text(bytes: $0.message.payload) } == ["a", "b"])
    }

    @Test(arguments: [StoreError.Code.retry, .unavailable, .refused, .reopen])
    func `an outcome stays unknown whatever keeps the store from opening`(code: StoreError.Code) throws {
        let bench = try CommitterBench()
        bench.store.commits { _ in .lost }
        bench.handOver(Lane { $0.publish("a", to: 1) })
        bench.step()
        bench.store.heal()
        bench.store.opensFail([code, code])
        bench.handOver(Lane { $0.publish("b", to: 1) })
        bench.drain()
        let attempts = bench.store.takeAttempts()
        #expect(attempts.count == 3 && attempts[0] == attempts[1])
        #expect(try bench.store.snapshot().deliveries.count == 2)
    }

    @Test func `a store that fails after every reopening is opened less and less often`() throws {
        let bench = try CommitterBench()
        bench.store.commits { _ in .failed(.reopen) }
        bench.handOver(Lane { $0.publish(to: 1) })
        let end = bench.now + 60_000
        var count = 0
        while bench.now < end, count < 1_000 {
            count += 1
            if case .wait(let milliseconds?) = bench.step() { bench.now += Milliseconds(milliseconds) }
        }
        #expect(count < 400)
        bench.store.heal()
        bench.drain()
        #expect(try bench.store.snapshot().deliveries.count == 1 && bench.committer.isIdle)
    }

    // MARK: Refused

    @Test func `a refused batch is committed entry by entry, and the entry that is refused is named`() throws
    {
        let bench = try CommitterBench()
        bench.store.commits(refuses(0xEE))
        let first = bench.handOver(
            Lane {
                $0.publish("a", to: 1)
                $0.publish(Text(bytes: [0xEE]), to: 1)
                $0.publish("c", to: 1)
            })
        bench.drain()
        #expect(bench.controls().refused == [first.position + 1] && bench.commons.isSettled)
        let deliveries = try bench.store.snapshot().deliveries
        #expect(deliveries.map { Text(bytes: $0.message.payload) } == ["a", "c"])
    }

    @Test func `what was committed out of a split batch is removed from the store, not from the batch`()
        throws
    {
        let bench = try CommitterBench()
        bench.store.commits(refuses(0xEE))
        let first = bench.handOver(
            Lane {
                $0.publish("a", to: 1, 2)
                $0.publish(Text(bytes: [0xEE]), to: 1)
                $0.publish("c", to: 1)
            })
        bench.step()
        #expect(bench.step() == .commit)
        bench.store.commits { $0.makesRoom ? .applied : .failed(.retry) }
        bench.step()
        // Read from the store, a delivery does not know its ordinal.
        bench.handOver(Lane { $0.remove(2, first.number) })
        bench.drain(for: 500)
        bench.store.heal()
        bench.drain()
        let deliveries = try bench.store.snapshot().deliveries
        #expect(deliveries.map(\.session) == [1, 1, 1].prefix(deliveries.count).map { $0 })
        #expect(!deliveries.contains { $0.session == 2 } && bench.commons.isSettled)
    }
}

extension CommitterBench {
    /// Lets some time pass.
    func drain(for milliseconds: Milliseconds) {
        let end = now + milliseconds
        for _ in 0..<1_000 where now < end {
            if case .wait(let wait) = step() { now += Milliseconds(wait ?? Int(milliseconds)) }
        }
    }
}

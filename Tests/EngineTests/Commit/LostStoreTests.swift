// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import Packets
import Persistence
import StoreMemory
import Testing

@testable import Engine

/// A store that the broker cannot have back.
@Suite struct LostStoreTests {
    @Test(arguments: [StoreError.Code.inUse, .corrupt, .newerFormat])
    func `a store that another broker has, or that is not what it was, ends the broker`(
        code: StoreError.Code
    ) throws {
        let bench = try CommitterBench()
        bench.store.commits { _ in .failed(code) }
        bench.store.opensFail([code])
        let lane = bench.handOver(Lane { $0.publish(to: 1) })
        #expect(bench.step() == .commit && bench.step() == .reopen, "the handle may have been at fault")
        for _ in 0..<2 {
            guard case .end(let error) = bench.step() else { throw Unexpected([]) }
            #expect(error.code == code)
        }
        #expect(bench.commons.committedPosition < lane.position && !bench.committer.isIdle)
    }

    @Test func `a batch that fails as corrupt after a reopening, too, ends the broker`() throws {
        let bench = try CommitterBench()
        bench.store.commits { _ in .failed(.corrupt) }
        bench.handOver(Lane { $0.publish(to: 1) })
        let steps = (0..<3).map { _ in bench.step() }
        #expect(steps == [.commit, .reopen, .commit])
        guard case .end = bench.step() else { throw Unexpected([]) }
    }

    @Test func `what a reader finds is looked into by a reopening and a batch that says nothing`() throws {
        let bench = try CommitterBench()
        bench.handOver(Lane { $0.publish(to: 1) })
        bench.drain()
        let before = try bench.store.sysInfo()
        bench.committer.failedReading(StoreError(.retry, "Away."), now: bench.now)
        #expect(bench.step() == .wait(milliseconds: nil))
        bench.committer.failedReading(StoreError(.inUse, "Another has it."), now: bench.now)
        #expect(bench.committer.health.current?.code == .inUse)
        #expect(bench.step() == .reopen && bench.step() == .commit)
        #expect(bench.step() == .wait(milliseconds: nil) && bench.committer.isIdle)
        #expect(bench.committer.health.current == nil)
        #expect(try bench.store.sysInfo() == before)
        bench.handOver(Lane { $0.publish(to: 1) })
        bench.drain()
        #expect(try bench.store.snapshot().deliveries.count == 2)
    }

    @Test func `a reader that finds another owner ends an idle broker`() throws {
        let bench = try CommitterBench()
        bench.store.opensFail([.inUse])
        bench.committer.failedReading(StoreError(.inUse, "Another has it."), now: bench.now)
        #expect(bench.step() == .reopen)
        guard case .end = bench.step() else { throw Unexpected([]) }
    }
}

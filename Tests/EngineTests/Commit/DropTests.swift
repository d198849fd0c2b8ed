// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import Packets
import Persistence
import StoreMemory
import Testing

@testable import Engine

/// What is settled behind a head that waits costs no memory, and nothing else changes by that.
@Suite struct DropTests {
    /// Entries of every kind, of different sizes, some with two messages.
    private func lane(shard: Int, seed: UInt64) -> Lane {
        var random = SplitMix64(seed: seed)
        return Lane(shard: shard) { lane in
            for session in 1...UInt64.random(in: 1...20, using: &random) {
                let payload = Text(
                    bytes: Array(repeating: 65, count: .random(in: 1...300, using: &random)))
                lane.begin()
                switch Int.random(in: 0..<6, using: &random) {
                case 0:
                    lane.addPublish(payload, to: [session, session + 1])
                    lane.addPublish(payload, to: [session], retain: true)
                case 1: lane.addClient(session, payload)
                case 2: lane.addEnd(session, payload)
                case 3:
                    let filter = lane.append(bytes: payload.bytes)
                    lane.append(.subscription(session: session, filter: filter, record: filter))
                    lane.append(.unsubscription(session: session, filter: filter))
                    lane.append(.retainedRemoval(topic: filter, number: session))
                case 4:
                    lane.append(.reception(session: session, packetID: 1))
                    lane.append(.removal(session: session, number: 1, ordinal: 0))
                    lane.append(.settled)
                default: addShared(payload, session, to: &lane)
                }
            }
        }
    }

    private func addShared(_ payload: Text, _ session: SessionNumber, to lane: inout Lane) {
        lane.addPublish(payload, to: [])
        let share = lane.append(bytes: Text("share").bytes)
        lane.identifiers += [7, UInt32(session)]
        let delivery = LaneDelivery(
            session: session, seat: 0, share: share, firstIdentifier: Int32(lane.identifiers.count - 2),
            identifierCount: 2, qos: .exactlyOnce, retain: false)
        _ = lane.append(delivery) as UInt32
    }

    /// What a batch of all that is left does, bytes and all.
    private func contents(of lanes: [Lane]) -> [String] {
        var batch = ChangeBatch()
        Netting.fill(&batch, from: lanes, .all)
        var contents = batch.changes.map { "\($0)" }
        batch.withBytes(Slice(start: 0, count: batch.arenaBytes)) { contents.append("\(Array($0))") }
        return contents
    }

    private func unsettled(_ lanes: [Lane]) -> [UInt64] {
        lanes.flatMap { lane in
            lane.entries.indices.filter { !Netting.isSettled($0, lane, lanes) }.map {
                lane.firstPosition + UInt64($0)
            }
        }
    }

    @Test(arguments: 1...50 as ClosedRange<UInt64>)
    func `what is left keeps its order, its bytes, its numbers and its positions`(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        var queue = HandOver(lastNumber: 100)
        var lanes: [Lane] = []
        for shard in 0..<6 {
            var lane = lane(shard: shard, seed: seed * 10 + UInt64(shard))
            _ = queue.append(&lane)
        }
        queue.take(into: &lanes, bytesMax: .max)
        for _ in 0..<8 {
            for (index, lane) in lanes.enumerated() {
                for entry in lane.entries.indices where Int.random(in: 0..<3, using: &random) == 0 {
                    Netting.settle(&lanes, .entry(EntryPlace(lane: index, entry: entry)))
                }
            }
            _ = Netting.nameSettled(&lanes)
            let (before, positions) = (contents(of: lanes), unsettled(lanes))
            _ = Netting.dropNamed(&lanes)
            #expect(contents(of: lanes) == before && unsettled(lanes) == positions)
        }
        for lane in lanes.indices {
            for entry in lanes[lane].entries.indices {
                Netting.settle(&lanes, .entry(EntryPlace(lane: lane, entry: entry)))
            }
        }
        _ = Netting.nameSettled(&lanes)
        _ = Netting.dropNamed(&lanes)
        #expect(lanes.isEmpty)
    }

    @Test func `messages that are settled behind a head that waits weigh nothing`() throws {
        let bench = try CommitterBench()
        bench.store.commits { _ in .failed(.retry) }
        bench.handOver(Lane { $0.publish("head", to: 1) })
        bench.step()
        let payload = Text(bytes: Array(repeating: 65, count: 1_000))
        var positions: [UInt64] = []
        for _ in 0..<200 {
            let one = bench.handOver(
                Lane {
                    $0.publish(payload, to: 2)
                    $0.publish(payload, to: 3)
                })
            bench.handOver(
                Lane {
                    $0.remove(2, one.number)
                    $0.remove(3, one.number + 1)
                })
            positions += [one.position, one.position + 1, one.position + 2, one.position + 3]
            bench.step()
            #expect(bench.commons.queuedBytes < 500)
        }
        #expect(bench.controls().settled == positions)
        bench.store.heal()
        bench.drain()
        #expect(bench.commons.queuedBytes == 0 && bench.commons.isSettled)
        #expect(bench.commons.committedNumber == bench.commons.withQueue { $0.lastNumber })
        let stored = try bench.store.snapshot().deliveries
        #expect(stored.map { Text(bytes: $0.message.payload) } == ["head"])
    }

    @Test func `a small entry that waits keeps the memory of no large one in its lane`() throws {
        let bench = try CommitterBench()
        bench.store.commits { _ in .failed(.retry) }
        let payload = Text(bytes: Array(repeating: 65, count: 1_000))
        for _ in 0..<50 {
            let one = bench.handOver(
                Lane {
                    for _ in 0..<9 { $0.publish(payload, to: 2) }
                    $0.publish("waits", to: 1)
                    for _ in 0..<9 { $0.publish(payload, to: 2) }
                })
            bench.step()
            bench.handOver(
                Lane { lane in
                    for offset in 0..<19 as Range<UInt64> where offset != 9 {
                        lane.remove(2, one.number + offset)
                    }
                })
            bench.run()
        }
        #expect(bench.commons.queuedBytes < 50 * 500)
        // What waits can still be met by its removal.
        let last = bench.commons.withQueue { $0.lastNumber }
        bench.handOver(Lane { $0.remove(1, last - 9) })
        bench.store.heal()
        bench.drain()
        let stored = try bench.store.snapshot().deliveries
        #expect(stored.map { Text(bytes: $0.message.payload) } == Array(repeating: "waits", count: 49))
        #expect(bench.commons.queuedBytes == 0 && bench.commons.isSettled)
    }

    @Test func `a batch of unknown outcome is repeated unchanged, with gaps before and in it`() throws {
        let bench = try CommitterBench()
        bench.store.commits { $0.makesRoom ? .applied : .failed(.retry) }
        bench.handOver(Lane { $0.publish("a", to: 1) })
        bench.step()
        let second = bench.handOver(
            Lane {
                $0.publish("gap", to: 2)
                $0.publish("b", to: 1)
            })
        bench.handOver(Lane { $0.remove(2, second.number) })
        bench.drain(for: 200)
        bench.store.commits { _ in .lost }
        _ = bench.store.takeAttempts()
        bench.now += 10_000
        #expect(bench.step() == .commit)
        bench.store.heal()
        bench.handOver(Lane { $0.remove(1, second.number + 1) })
        #expect(bench.step() == .reopen && bench.step() == .commit)
        let attempts = bench.store.takeAttempts()
        #expect(attempts.count == 2 && attempts[0] == attempts[1])
        bench.drain()
        let stored = try bench.store.snapshot().deliveries
        #expect(stored.map { Text(bytes: $0.message.payload) } == ["a"] && bench.commons.isSettled)
    }
}

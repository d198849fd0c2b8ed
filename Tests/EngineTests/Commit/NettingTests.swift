// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import Packets
import Persistence
import Testing

@testable import Engine

@Suite struct NettingTests {
    /// Hands lanes over, nets them, and says what a batch of them does.
    private func batch(of lanes: Lane...) -> (changes: [String], lanes: [Lane]) {
        var queue = HandOver(lastNumber: 100)
        for var lane in lanes { _ = queue.append(&lane) }
        var taken: [Lane] = []
        queue.take(into: &taken, bytesMax: .max)
        Netting.net(&taken)
        var batch = ChangeBatch()
        Netting.fill(&batch, from: taken, .all)
        return (batch.changes.map(\.name), taken)
    }

    @Test func `a delivery inserted and removed in one batch never reaches the store, nor does its body`() {
        let result = batch(of: Lane { $0.publish(to: 1) }, Lane { $0.remove(1, 101) })
        #expect(result.changes == [])
    }

    @Test func `a body stays while one delivery does, and counts the deliveries that are left`() {
        let result = batch(of: Lane { $0.publish(to: 1, 2, 3) }, Lane { $0.remove(2, 101, ordinal: 1) })
        #expect(result.changes == ["message", "delivery", "delivery"])
    }

    @Test func `a retained value stays without deliveries`() {
        let result = batch(of: Lane { $0.publish(to: 1, retain: true) }, Lane { $0.remove(1, 101) })
        #expect(result.changes == ["retained"])
    }

    @Test func `a state is folded into the delivery it changes`() {
        let result = batch(
            of: Lane { $0.publish(to: 1, 2) },
            Lane { $0.state(2, 101, ordinal: 1, packetID: 7, .sent) },
            Lane { $0.state(2, 101, ordinal: 1, packetID: 7, .released) })
        #expect(result.changes == ["message", "delivery", "delivery"])
        #expect(result.lanes[0].deliveries.map(\.packetID) == [0, 7])
        #expect(result.lanes[0].deliveries.map(\.state) == [.queued, .released])
    }

    @Test func `what was committed before goes to the store as it is`() {
        let result = batch(
            of: Lane {
                $0.remove(1, 100)
                $0.state(1, 99, packetID: 3, .sent)
            })
        #expect(result.changes == ["removal", "state"])
    }

    @Test(
        arguments: [(102, 1, 0), (9_999, 1, 0), (.max, 1, 0), (101, 1, 5), (101, 2, 0)]
            as [(UInt64, UInt64, UInt32)])
    func `what no lane has inserted goes to the store as it is`(
        number: UInt64, session: UInt64, ordinal: UInt32
    ) {
        let result = batch(
            of: Lane { $0.publish(to: 1) }, Lane { $0.remove(session, number, ordinal: ordinal) },
            Lane { $0.state(session, number, ordinal: ordinal, packetID: 3, .sent) })
        #expect(result.changes == ["message", "delivery", "removal", "state"])
    }

    @Test func `removals find their insertions over several lanes and messages`() {
        let result = batch(
            of: Lane { for _ in 0..<3 { $0.publish(to: 1) } }, Lane { $0.client(5, "c") },
            Lane { for _ in 0..<3 { $0.publish(to: 2, 3) } },
            Lane {
                for number in 101...103 as ClosedRange<UInt64> { $0.remove(1, number) }
                $0.remove(3, 105, ordinal: 1)
                $0.remove(2, 105)
            })
        #expect(
            result.changes == ["client"] + [
                "message", "delivery", "delivery", "message", "delivery", "delivery",
            ])
    }

    @Test func `netting twice is netting once`() {
        var lanes = batch(of: Lane { $0.publish(to: 1, 2) }, Lane { $0.remove(1, 101) }).lanes
        let once = lanes.map(\.changes)
        Netting.net(&lanes)
        #expect(lanes.map(\.changes) == once)
    }

    @Test func `numbers and positions count on over hand-overs`() {
        var queue = HandOver(lastNumber: 100)
        var (first, second) = (Lane { $0.publish(to: 1) }, Lane { $0.remove(1, 5) })
        second.publish(to: 1)
        second.publish(to: 1)
        let one = queue.append(&first)
        let two = queue.append(&second)
        #expect(one.number == 101 && one.position == 1 && two.number == 102 && two.position == 2)
        #expect(queue.lastNumber == 103 && queue.lastPosition == 4)
        #expect(first.isEmpty && second.isEmpty)
    }

    @Test func `an urgent lane demands all before it, a lazy one nothing`() {
        var queue = HandOver()
        var (lazy, urgent) = (Lane(isUrgent: false) { $0.remove(1, 5) }, Lane { $0.publish(to: 1) })
        _ = queue.append(&lazy)
        #expect(!queue.isDemanded(beyond: 0))
        _ = queue.append(&urgent)
        #expect(queue.isDemanded(beyond: 1) && !queue.isDemanded(beyond: 2))
        queue.demand(9)
        #expect(queue.isDemanded(beyond: 8) && !queue.isDemanded(beyond: 9))
    }

    @Test func `a lane given back is used again, empty and of the shard that gets it`() {
        var queue = HandOver()
        var lane = Lane(shard: 3) { $0.publish(to: 1) }
        _ = queue.append(&lane)
        var taken: [Lane] = []
        queue.take(into: &taken, bytesMax: 1)
        queue.recycle(&taken)
        var other = Lane(shard: 5) { $0.publish(to: 1) }
        _ = queue.append(&other)
        #expect(other.isEmpty && other.shard == 5 && !other.isUrgent && other.messages.isEmpty)
    }
}

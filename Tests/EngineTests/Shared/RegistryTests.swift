// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import Packets
import Persistence
import Testing

@testable import Engine

@Suite struct RegistryTests {
    private func claim(shard: Int, _ slot: UInt32) -> Claim {
        Claim(
            clientID: "c", shard: shard, slot: SlotID(index: slot, generation: 1), cleanStart: false)
    }

    @Test func `the first claim finds nothing, the next one the session`() {
        var registry = Registry()
        let first = registry.claim(claim(shard: 0, 1))
        let next = registry.complete("c", shard: 0, session: 7)
        let second = registry.claim(claim(shard: 1, 2))
        #expect(first == .vacant && next == nil && second == .held(shard: 0, session: 7))
    }

    @Test func `claims of one client are served one after another, those of others meanwhile`() {
        var registry = Registry()
        let (one, two, three) = (claim(shard: 0, 1), claim(shard: 1, 2), claim(shard: 2, 3))
        let findings = [one, two, three].map { registry.claim($0) }
        #expect(findings == [.vacant, .waits, .waits])
        var other = claim(shard: 1, 9)
        other.clientID = "other"
        let finding = registry.claim(other)
        #expect(finding == .vacant)
        let second = registry.complete("c", shard: 0, session: 7)
        #expect(second == two && registry.proceed(two) == .held(shard: 0, session: 7))
        let third = registry.complete("c", shard: 1, session: 7)
        #expect(third == three && registry.proceed(three) == .held(shard: 1, session: 7))
    }

    @Test func `a session that ends while it is claimed leaves nothing to find`() {
        var registry = Registry()
        registry.restore("c", shard: 0, session: 7)
        let first = registry.claim(claim(shard: 1, 1))
        registry.remove("c", session: 7, isStored: false)
        let waits = registry.claim(claim(shard: 2, 2))
        let next = registry.complete("c", shard: 1, session: nil)
        #expect(first == .held(shard: 0, session: 7) && waits == .waits && next != nil)
        #expect(registry.proceed(claim(shard: 2, 2)) == .vacant)
        _ = registry.complete("c", shard: 2, session: nil)
        #expect(registry.count == 0)
    }

    @Test func `a stored session that has ended is remembered until its end is committed`() {
        var registry = Registry()
        registry.restore("c", shard: 0, session: 7)
        registry.remove("c", session: 7, isStored: true)
        #expect(registry.ended("c") == 7 && registry.count == 1)
        let finding = registry.claim(claim(shard: 1, 1))
        registry.settle("c", ended: 6)
        #expect(finding == .vacant && registry.ended("c") == 7)
        _ = registry.complete("c", shard: 1, session: nil)
        registry.settle("c", ended: 7)
        #expect(registry.ended("c") == nil && registry.count == 0)
    }

    @Test func `the end of an earlier session does not remove a later one`() {
        var registry = Registry()
        registry.restore("c", shard: 0, session: 8)
        registry.remove("c", session: 7, isStored: false)
        #expect(registry.count == 1)
        registry.remove("c", session: 8, isStored: false)
        #expect(registry.count == 0)
    }
}

@Suite struct SeatTableTests {
    @Test(arguments: [(0, 0), (3, 17), (65_535, .max)] as [(Int, UInt32)])
    func `a seat says where a session is in one word`(shard: Int, slot: UInt32) {
        let online = Seat(shard: shard, slot: slot, isOnline: true)
        #expect(online.shard == shard && online.slot == slot && online.isOnline && online.isConnected)
        let catchingUp = Seat(shard: shard, slot: slot, isOnline: false)
        #expect(!catchingUp.isOnline && catchingUp.isConnected && !catchingUp.isFull)
        let away = Seat(shard: shard)
        #expect(away.shard == shard && !away.isOnline && !away.isConnected)
    }

    @Test func `seats are given out once, and again when they were given back`() {
        let table = SeatTable()
        let seats = (0..<10_000).map { table.take(Seat(shard: $0 % 7)) }
        #expect(Set(seats).count == 10_000 && table[seats[9_999]].shard == 9_999 % 7)
        table.giveBack(seats[5])
        #expect(!table[seats[5]].isConnected && table.take(Seat(shard: 1)) == seats[5])
    }

    @Test func `full stays while a session moves, and goes with the seat`() {
        let table = SeatTable()
        let seat = table.take(Seat(shard: 0))
        table.setFull(seat, true)
        table.move(seat, to: Seat(shard: 1, slot: 4, isOnline: true))
        #expect(table[seat].isFull && table[seat].isOnline && table[seat].slot == 4)
        table.setFull(seat, false)
        #expect(!table[seat].isFull && table[seat].isOnline)
        table.setFull(seat, true)
        table.giveBack(seat)
        #expect(!table[table.take(Seat(shard: 0))].isFull)
    }

    @Test func `the queue of a session that ended does not leave its seat full`() {
        let table = SeatTable()
        let seat = table.take(Seat(shard: 0))
        var sizes = QueueSizes(limits: Limits { $0.queuedMessagesMax = 2 }, seats: table)
        sizes.insert(1, seat: seat, bytes: 1)
        #expect(!table[seat].isFull)
        sizes.insert(1, seat: seat, bytes: 1)
        #expect(table[seat].isFull)
        sizes.remove(1)
        #expect(!table[seat].isFull)
        sizes.insert(1, seat: seat, bytes: 1)
        sizes.end(1)
        #expect(!table[seat].isFull && sizes.count(1) == 0)
    }

    @Test(arguments: [0, 1, 2, 3])
    func `a queue that is drained while it is counted is not full afterwards`(countedAfter: Int) {
        let table = SeatTable()
        let seat = table.take(Seat(shard: 0))
        var sizes = QueueSizes(limits: Limits { $0.queuedMessagesMax = 2 }, seats: table)
        var counts = QueueCounts()
        counts.begun = [1]
        sizes.take(counts)
        for _ in 0..<3 { sizes.remove(1) }
        counts = QueueCounts()
        counts.end(QueueCount(session: 1, seat: seat, count: 3 - countedAfter, bytes: 0), of: 1)
        sizes.take(counts)
        sizes.forgetCounts()
        #expect(!table[seat].isFull && sizes.count(1) == 0)
        for _ in 0..<2 { sizes.insert(1, seat: seat, bytes: 1) }
        #expect(table[seat].isFull)
        for _ in 0..<2 { sizes.remove(1) }
        #expect(!table[seat].isFull)
    }

    @Test func `what was inserted with the batch before a count is not counted twice`() {
        let table = SeatTable()
        let seat = table.take(Seat(shard: 0))
        var sizes = QueueSizes(limits: Limits { $0.queuedMessagesMax = 3 }, seats: table)
        var counts = QueueCounts()
        counts.begun = [1]
        counts.end(QueueCount(session: 1, seat: seat, count: 2, bytes: 0), of: 1)
        sizes.take(counts)
        for _ in 0..<2 { sizes.insert(1, seat: seat, bytes: 1) }
        sizes.forgetCounts()
        #expect(!table[seat].isFull && sizes.count(1) == 2)
        sizes.insert(1, seat: seat, bytes: 1)
        #expect(table[seat].isFull)
        for _ in 0..<3 { sizes.remove(1) }
        #expect(!table[seat].isFull && sizes.count(1) == 0)
    }

    @Test func `a count that finds less than was known ends the fullness`() {
        let table = SeatTable()
        let seat = table.take(Seat(shard: 0))
        var sizes = QueueSizes(limits: Limits { $0.queuedMessagesMax = 2 }, seats: table)
        for _ in 0..<2 { sizes.insert(1, seat: seat, bytes: 1) }
        var counts = QueueCounts()
        counts.end(QueueCount(session: 1, seat: seat, count: 1, bytes: 0), of: 1)
        sizes.take(counts)
        #expect(!table[seat].isFull)
        sizes.remove(1)
        #expect(sizes.count(1) == 0)
    }

    @Test func `what was removed is taken off one count only, and none that was given up`() {
        let table = SeatTable()
        let seat = table.take(Seat(shard: 0))
        var sizes = QueueSizes(limits: Limits { $0.queuedMessagesMax = 2 }, seats: table)
        for abandons in [true, false] {
            var counts = QueueCounts()
            counts.begun = [1]
            sizes.take(counts)
            sizes.remove(1)
            counts = QueueCounts()
            counts.end(abandons ? nil : QueueCount(session: 1, seat: seat, count: 1, bytes: 0), of: 1)
            sizes.take(counts)
            sizes.remove(1)
        }
        var counts = QueueCounts()
        counts.begun = [1]
        counts.end(QueueCount(session: 1, seat: seat, count: 2, bytes: 0), of: 1)
        #expect(counts.begun == [] && counts.abandoned == [])
        sizes.take(counts)
        #expect(table[seat].isFull)
    }
}

@Suite struct BarrierTests {
    @Test func `a barrier has passed when every shard has ended the tick it was in`() {
        let commons = Commons(shardCount: 3, limits: Limits())
        commons.countTick(1)
        commons.countTick(0)
        let barrier = commons.barrier()
        #expect(!commons.hasPassed(barrier, asking: 0))
        commons.countTick(1)
        #expect(commons.hasPassed(barrier, asking: 0))
        commons.countTick(1)
        #expect(commons.hasPassed(barrier, asking: 0))
    }

    @Test func `idle shards have passed, and so has the one that asks`() {
        let commons = Commons(shardCount: 2, limits: Limits())
        #expect(commons.hasPassed(commons.barrier(), asking: 0))
        commons.countTick(0)
        #expect(commons.hasPassed(commons.barrier(), asking: 0))
        #expect(!commons.hasPassed(commons.barrier(), asking: 1))
    }
}

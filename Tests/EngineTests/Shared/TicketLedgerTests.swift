// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import Packets
import Persistence
import Testing

@testable import Engine

@Suite struct TicketLedgerTests {
    /// Tickets 1 to 3 at positions 11 to 13, and 4 to 5 at 21 to 22.
    private func ledger() -> TicketLedger {
        var ledger = TicketLedger()
        ledger.handOver(count: 3, firstPosition: 11)
        ledger.handOver(count: 2, firstPosition: 21)
        return ledger
    }

    private func done(_ ledger: TicketLedger) -> [UInt64] { (1...5).filter { ledger.isDone($0) } }

    @Test(
        arguments: [
            (10, []), (11, [1]), (12, [1, 2]), (13, [1, 2, 3]), (20, [1, 2, 3]), (21, [1, 2, 3, 4]),
            (99, [1, 2, 3, 4, 5]),
        ] as [(UInt64, [UInt64])])
    func `the watermark covers the tickets handed over below it`(position: UInt64, tickets: [UInt64]) {
        var ledger = ledger()
        ledger.advance(to: position)
        #expect(done(ledger) == tickets && ledger.position == position)
    }

    @Test func `the watermark rises step by step and never falls`() {
        var ledger = ledger()
        ledger.advance(to: 12)
        ledger.advance(to: 11)
        #expect(done(ledger) == [1, 2] && ledger.position == 12)
        ledger.advance(to: 22)
        #expect(done(ledger) == [1, 2, 3, 4, 5])
    }

    @Test func `what is committed ahead is done, and forgotten when the watermark has passed it`() {
        var ledger = ledger()
        ledger.settle(22...22)
        ledger.settle(12...12)
        ledger.settle(99...99)
        #expect(done(ledger) == [2, 5] && ledger.hasAhead && ledger.isDone(position: 99))
        ledger.advance(to: 13)
        #expect(done(ledger) == [1, 2, 3, 5] && ledger.hasAhead)
        ledger.advance(to: 99)
        #expect(done(ledger) == [1, 2, 3, 4, 5] && !ledger.hasAhead)
    }

    @Test func `a refusal is known by ticket to the shard it concerns, and by position to every shard`() {
        var ledger = ledger()
        ledger.refuse(13)
        ledger.refuse(99)
        #expect(ledger.isRefused(ticket: 3) && !ledger.isRefused(ticket: 2))
        #expect(ledger.isRefused(position: 13) && ledger.isRefused(position: 99))
        #expect(!ledger.isRefused(position: 12))
    }

    @Test func `refusals are remembered, however many, until what waited for them is released`() {
        var ledger = TicketLedger()
        let count: UInt64 = 20_000
        ledger.handOver(count: Int(count), firstPosition: 1)
        // Every other one, so that no two are neighbours.
        let refused = stride(from: 1, through: count, by: 2)
        for position in refused { ledger.refuse(position, messages: [position]) }
        ledger.advance(to: count)
        #expect(refused.allSatisfy { ledger.isRefused(ticket: $0) && ledger.isRefused(position: $0) })
        #expect(refused.allSatisfy { ledger.isRefused(message: $0) } && !ledger.isRefused(ticket: 2))
        ledger.advance(to: count + 1)
        #expect(
            !ledger.isRefused(ticket: 1) && !ledger.isRefused(position: 1) && !ledger.isRefused(message: 1))
        #expect(ledger.isRefused(ticket: count - 1) && ledger.isRefused(position: count - 1))
    }

    @Test func `a ticket that was refused ahead keeps its position while something before it waits`() {
        var ledger = ledger()
        ledger.refuse(22)
        ledger.settle(21...22)
        #expect(done(ledger) == [4, 5] && ledger.position(of: 5) == 22)
        #expect(ledger.isRefused(ticket: 5) && ledger.isRefused(position: 22))
    }

    @Test func `lanes that are done ahead are done, in pieces and in any order`() {
        var ledger = ledger()
        ledger.handOver(count: 2, firstPosition: 31)
        ledger.settle(22...40)
        #expect(done(ledger) == [5] && ledger.isDone(6) && ledger.isDone(7) && !ledger.isDone(8))
        #expect(ledger.position(of: 6) == nil && ledger.position(of: 4) == 21)
        ledger.settle(12...21)
        #expect(done(ledger) == [2, 3, 4, 5] && ledger.position(of: 4) == nil)
        ledger.advance(to: 11)
        #expect(done(ledger) == [1, 2, 3, 4, 5] && ledger.isDone(7))
        ledger.advance(to: 40)
        #expect(ledger.isDone(7) && !ledger.isDone(8) && !ledger.hasAhead)
    }

    @Test func `a ticket has a position from its hand-over to its commit`() {
        var ledger = ledger()
        #expect(ledger.position(of: 5) == 22 && ledger.position(of: 1) == 11 && ledger.position(of: 6) == nil)
        ledger.advance(to: 13)
        #expect(ledger.position(of: 3) == nil && ledger.position(of: 4) == 21)
    }
}

@Suite struct DeadlineQueueTests {
    private func session(_ number: SessionNumber) -> Session {
        Session(record: ClientRecord(session: number, clientID: "c"), seat: 0)
    }

    private func due(_ queue: inout DeadlineQueue, now: Milliseconds) -> [SessionNumber] {
        var sessions: [SessionNumber] = []
        while let next = queue.next(now: now) { sessions.append(next) }
        return sessions
    }

    @Test func `sessions come when they are due, the earliest first`() {
        var queue = DeadlineQueue()
        for (number, time) in [(1, 30), (2, 10), (3, 20), (4, 40)] as [(UInt64, Int64)] {
            queue.set(session(number), at: time)
        }
        #expect(due(&queue, now: 9) == [])
        #expect(due(&queue, now: 30) == [2, 3, 1])
        #expect(due(&queue, now: 30) == [] && due(&queue, now: 100) == [4])
    }

    @Test func `the last deadline of a session is its only one, and a cancelled one is none`() {
        var queue = DeadlineQueue()
        queue.set(session(1), at: 10)
        queue.set(session(1), at: 50)
        queue.set(session(2), at: 20)
        queue.cancel(session(2))
        queue.set(session(3), at: 30)
        queue.set(session(3), at: 5)
        #expect(due(&queue, now: 40) == [3] && due(&queue, now: 50) == [1])
    }

    @Test func `many deadlines come in order`() {
        var queue = DeadlineQueue()
        var random = SplitMix64(seed: 1)
        var times: [SessionNumber: Milliseconds] = [:]
        for number in 1...500 as ClosedRange<UInt64> {
            times[number] = .random(in: 1...10_000, using: &random)
            queue.set(session(number), at: times[number] ?? 0)
        }
        let order = due(&queue, now: 10_000).compactMap { times[$0] }
        #expect(order == order.sorted() && order.count == 500)
    }
}

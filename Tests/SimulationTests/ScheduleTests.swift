// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import Packets
import Persistence
import StoreConformance
import StoreMemory
import Testing

@testable import Engine

/// The schedules that the design names: delivery, going live, takeover.
@Suite struct ScheduleTests {
    /// A persistent subscriber `s` of `t/#` on shard 1 and a publisher `p` on shard 0, both at rest.
    private func pair(_ stage: Stage) throws -> (subscriber: Peer, publisher: Peer) {
        let subscriber = stage.open(on: 1)
        subscriber.connect("s")
        let publisher = stage.open(on: 0)
        publisher.connect("p")
        try stage.settle()
        subscriber.subscribe("t/#")
        try stage.settle()
        return (subscriber, publisher)
    }

    /// The subscriber comes back on shard 1; its queue is not read yet.
    private func comeBack(_ stage: Stage) throws -> Peer {
        let subscriber = stage.open(on: 1)
        subscriber.connect("s")
        stage.endTick(1)
        while try stage.commit() {}
        stage.collect(1)
        while !stage.isReading(1) { stage.collect(1) }
        return subscriber
    }

    @Test func `a session goes live between match and hand-over`() throws {
        let stage = try Stage()
        let (first, publisher) = try pair(stage)
        stage.lose(first)
        try stage.settle()
        let subscriber = try comeBack(stage)
        publisher.publish("t/a", "matched")
        stage.answerReads(1)
        #expect(
            stage.shards[1].sessions.values.contains {
                if case .goingLive = $0.catchup.phase { true } else { false }
            })
        stage.endTick(0)
        try stage.settle()
        #expect(subscriber.payloads == ["matched"])
    }

    @Test func `a QoS 2 message is read from the store and then arrives by mailbox`() throws {
        let stage = try Stage()
        let (first, publisher) = try pair(stage)
        stage.lose(first)
        try stage.settle()
        let subscriber = try comeBack(stage)
        publisher.publish("t/a", "once", .exactlyOnce)
        stage.endTick(0)
        stage.answerReads(1)
        while try stage.commit() {}
        stage.collect(1)
        #expect(stage.isReading(1))
        stage.collect(0)
        stage.answerReads(1)
        stage.collect(1)
        try stage.settle()
        #expect(subscriber.payloads == ["once"])
    }

    @Test func `the tail overflows while catching up`() throws {
        let stage = try Stage { $0.tailMessagesMax = 2 }
        let (first, publisher) = try pair(stage)
        stage.lose(first)
        try stage.settle()
        let subscriber = try comeBack(stage)
        stage.isStalled = true
        publisher.publish("t/a", "0")
        stage.endTick(0)
        stage.answerReads(1)
        for number in 1...5 {
            publisher.publish("t/a", "\(number)", id: UInt16(number + 1))
            stage.endTick(0)
            stage.collect(1)
            #expect(stage.shards[1].sessions.values.allSatisfy { $0.tail.count <= 3 })
        }
        #expect(subscriber.payloads.isEmpty)
        stage.isStalled = false
        try stage.settle()
        #expect(subscriber.payloads == ["0", "1", "2", "3", "4", "5"])
    }

    @Test func `a message below the cursor arrives after one above it`() throws {
        let stage = try Stage()
        let (subscriber, publisher) = try pair(stage)
        let local = stage.open(on: 1)
        local.connect("q")
        try stage.settle()
        publisher.publish("t/a", "lower")
        stage.shards[0].handOver()
        local.publish("t/a", "higher")
        stage.endTick(1)
        #expect(subscriber.payloads == ["higher"])
        stage.endTick(0)
        stage.collect(1)
        #expect(subscriber.payloads == ["higher", "lower"])
        stage.lose(subscriber)
        let again = stage.open(on: 0)
        again.connect("s")
        try stage.settle()
        #expect(again.payloads == ["lower", "higher"])
        #expect(again.publishes.allSatisfy { $0.dup })
    }

    @Test func `takeover while a reception is still in the lane`() throws {
        let stage = try Stage()
        let (subscriber, publisher) = try pair(stage)
        stage.isStalled = true
        publisher.publish("t/a", "once", .exactlyOnce, id: 7)
        let moved = stage.open(on: 1)
        moved.connect("p")
        stage.endTick(1)
        stage.collect(0)
        stage.collect(1)
        try stage.settle(rounds: 5)
        #expect(publisher.isClosed)
        #expect(moved.connack == nil)
        stage.isStalled = false
        try stage.settle()
        #expect(moved.connack?.sessionPresent == true)
        moved.publish("t/a", "once", .exactlyOnce, id: 7, dup: true)
        stage.endTick(1)
        try stage.settle()
        #expect(moved.count(.pubrec) == 1)
        #expect(subscriber.payloads == ["once"])
    }

    @Test func `a removal races its insertion to the committer`() throws {
        let stage = try Stage()
        let (subscriber, publisher) = try pair(stage)
        let before = try stage.stored().sysInfo.batch
        stage.isStalled = true
        publisher.publish("t/a", "netted", id: 3)
        stage.endTick(0)
        stage.collect(1)
        subscriber.say(.puback, 1)
        stage.endTick(1)
        #expect(publisher.count(.puback) == 0)
        stage.isStalled = false
        try stage.settle()
        #expect(publisher.count(.puback) == 1)
        #expect(try stage.stored().deliveries.isEmpty)
        #expect(try stage.stored().sysInfo.batch == before)
    }

    @Test func `the session is created, matched, and the broker dies before its record is durable`() throws {
        let stage = try Stage()
        let publisher = stage.open(on: 0)
        publisher.connect("p")
        try stage.settle()
        stage.isStalled = true
        let subscriber = stage.open(on: 1)
        subscriber.connect("s")
        subscriber.subscribe("t/#")
        stage.endTick(1)
        publisher.publish("t/a", "early")
        stage.endTick(0)
        try stage.settle(rounds: 5)
        #expect(subscriber.heard.isEmpty)
        try stage.crash()
        #expect(try stage.memory.verify().isEmpty)
        let again = stage.open(on: 0)
        again.connect("s")
        try stage.settle()
        #expect(again.connack?.sessionPresent == false)
        #expect(again.payloads.isEmpty)
    }

    @Test func `a batch was applied but its reply was lost`() throws {
        let stage = try Stage()
        let (subscriber, publisher) = try pair(stage)
        stage.lose(subscriber)
        try stage.settle()
        stage.store.failNext(.applied)
        publisher.publish("t/a", "once", .exactlyOnce)
        stage.endTick(0)
        try stage.commit()
        #expect(try stage.stored().deliveries.count == 1)
        stage.collect(0)
        #expect(publisher.count(.pubrec) == 0)
        try stage.settle()
        #expect(publisher.count(.pubrec) == 1)
        #expect(try stage.stored().deliveries.count == 1)
        let again = stage.open(on: 0)
        again.connect("s")
        try stage.settle()
        #expect(again.payloads == ["once"])
    }

    @Test func `a session with a long queue ends while others publish to it`() throws {
        let stage = try Stage()
        let (subscriber, publisher) = try pair(stage)
        stage.lose(subscriber)
        try stage.settle()
        for number in 0..<3500 {
            publisher.publish("t/a", "\(number)", id: UInt16(number % 60000 + 1))
            if number % 500 == 499 { try stage.settle(rounds: 2) }
        }
        try stage.settle(rounds: 4)
        let ending = stage.open(on: 1)
        ending.connect("s", clean: true, expiry: 0)
        publisher.publish("t/a", "while it ends", id: 60001)
        stage.endTick(1)
        stage.endTick(0)
        try stage.settle()
        #expect(try stage.stored().deliveries.isEmpty)
        #expect(try stage.stored().sysInfo.messageCount == 0)
        #expect(try stage.stored().endedSessions.isEmpty)
        #expect(try stage.memory.verify().isEmpty)
    }

    @Test func `the insertion is durable, the removal after its PUBACK is not`() throws {
        let stage = try Stage()
        let (subscriber, publisher) = try pair(stage)
        publisher.publish("t/a", "again")
        stage.endTick(0)
        try stage.settle()
        stage.isStalled = true
        subscriber.say(.puback, 1)
        stage.endTick(1)
        try stage.crash()
        let again = stage.open(on: 0)
        again.connect("s")
        try stage.settle()
        #expect(again.payloads == ["again"])
        #expect(again.publishes.allSatisfy { $0.dup })
    }
}

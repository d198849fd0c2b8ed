// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import Packets
import Persistence
import StoreConformance
import StoreMemory
import Testing

@testable import Engine

/// The schedules that the design names: retained messages, shares, sessions that end, a store in trouble.
@Suite struct SharedScheduleTests {
    private func peer(
        _ stage: Stage, _ name: Text, on shard: Int, clean: Bool = false, expiry: UInt32 = .max,
        filter: Text? = nil, _ qos: QoS = .exactlyOnce
    ) throws -> Peer {
        let peer = stage.open(on: shard)
        peer.connect(name, clean: clean, expiry: expiry)
        try stage.settle()
        guard let filter else { return peer }
        peer.subscribe(filter, qos)
        try stage.settle()
        return peer
    }

    @Test func `two shards set one retained topic at once`() throws {
        let stage = try Stage()
        let first = try peer(stage, "a", on: 0)
        let second = try peer(stage, "b", on: 1)
        first.publish("r", "lower", retain: true)
        stage.shards[0].handOver()
        second.publish("r", "higher", retain: true)
        stage.endTick(1)
        stage.endTick(0)
        try stage.settle()
        let reader = try peer(stage, "c", on: 0, filter: "r")
        #expect(reader.payloads == ["higher"])
        #expect(try stage.stored().retainedMessages.map(\.message.payload) == [Array("higher".utf8)])
    }

    @Test func `a SUBSCRIBE races a retained publish on another shard`() throws {
        let stage = try Stage()
        let publisher = try peer(stage, "p", on: 0)
        let subscriber = try peer(stage, "s", on: 1)
        publisher.publish("r", "value", retain: true)
        subscriber.subscribe("r")
        stage.endTick(1)
        while try stage.commit() {}
        for _ in 0..<5 { stage.collect(1) }
        #expect(subscriber.count(.suback) == 1)
        stage.endTick(0)
        try stage.settle()
        #expect(subscriber.payloads.contains("value"))
    }

    @Test func `a session ends while a shard is idle`() throws {
        let stage = try Stage()
        let subscriber = try peer(stage, "s", on: 0, filter: "t")
        let publisher = try peer(stage, "p", on: 0)
        publisher.publish("t", "queued")
        stage.endTick(0)
        while try stage.commit() {}
        subscriber.end()
        stage.endTick(0)
        for _ in 0..<20 {
            stage.now += 10
            while try stage.commit() {}
            stage.answerReads(0)
            stage.collect(0)
        }
        #expect(try stage.stored().endedSessions.isEmpty)
        #expect(try stage.stored().deliveries.isEmpty)
    }

    @Test func `a publisher of QoS 2 moves to another shard while the disk is full`() throws {
        let stage = try Stage()
        let subscriber = try peer(stage, "s", on: 1, filter: "t")
        let publisher = try peer(stage, "p", on: 0)
        stage.store.fillDisk()
        publisher.publish("t", "once", .exactlyOnce, id: 5)
        stage.endTick(0)
        try stage.settle()
        let moved = try peer(stage, "p", on: 1)
        #expect(moved.connack?.sessionPresent == true)
        moved.publish("t", "once", .exactlyOnce, id: 5, dup: true)
        stage.endTick(1)
        try stage.settle()
        #expect(moved.count(.pubrec) == 0)
        #expect(subscriber.payloads.isEmpty)
        stage.store.clearDisk()
        try stage.settle(rounds: 150)
        #expect(moved.count(.pubrec) == 1)
        #expect(subscriber.payloads == ["once"])
    }

    @Test func `a shared delivery is moved to a live member`() throws {
        let stage = try Stage()
        let first = try peer(stage, "a", on: 0, filter: "$share/g/t", .atLeastOnce)
        let publisher = try peer(stage, "p", on: 0)
        publisher.publish("t", "moved")
        stage.endTick(0)
        try stage.settle()
        #expect(first.payloads == ["moved"])
        let second = try peer(stage, "b", on: 1, filter: "$share/g/t", .atLeastOnce)
        first.end()
        stage.endTick(0)
        try stage.settle()
        #expect(second.payloads == ["moved"])
        second.say(.puback, 1)
        stage.endTick(1)
        try stage.settle()
        #expect(try stage.stored().deliveries.isEmpty)
        #expect(try stage.memory.verify().isEmpty)
    }

    @Test func `a member of a share is volatile and the broker dies`() throws {
        let stage = try Stage()
        let steady = try peer(stage, "a", on: 0, filter: "$share/g/t", .atLeastOnce)
        stage.lose(steady)
        try stage.settle()
        let fleeting = try peer(
            stage, "b", on: 1, clean: true, expiry: 0, filter: "$share/g/t", .atLeastOnce)
        let publisher = try peer(stage, "p", on: 0)
        publisher.publish("t", "kept")
        stage.endTick(0)
        try stage.settle()
        #expect(fleeting.payloads == ["kept"])
        #expect(publisher.count(.puback) == 1)
        try stage.crash()
        let again = try peer(stage, "a", on: 0)
        #expect(again.payloads == ["kept"])
    }

    @Test func `a reply is lost and more is queued before the retry`() throws {
        let stage = try Stage()
        let subscriber = try peer(stage, "s", on: 1, filter: "t")
        let publisher = try peer(stage, "p", on: 0)
        stage.lose(subscriber)
        try stage.settle()
        let batch = try stage.stored().sysInfo.batch
        stage.store.failNext(.applied)
        publisher.publish("t", "first", id: 1)
        stage.endTick(0)
        try stage.commit()
        publisher.publish("t", "second", id: 2)
        stage.endTick(0)
        try stage.settle()
        #expect(publisher.count(.puback) == 2)
        #expect(try stage.stored().sysInfo.batch == batch + 2)
        let again = try peer(stage, "s", on: 1)
        #expect(again.payloads == ["first", "second"])
    }

    @Test func `a mailbox overflows and has room again before its shard looks`() throws {
        let stage = try Stage { $0.mailboxBytesMax = 100 }
        let subscriber = try peer(stage, "s", on: 1, filter: "t")
        let publisher = try peer(stage, "p", on: 0)
        for number in 0..<6 {
            publisher.publish("t", "\(number)", id: UInt16(number + 1))
            stage.endTick(0)
        }
        try stage.settle()
        #expect(subscriber.payloads == ["0", "1", "2", "3", "4", "5"])
    }

    @Test func `a session goes live behind a refused batch`() throws {
        let stage = try Stage()
        let first = try peer(stage, "s", on: 1, filter: "t")
        let publisher = try peer(stage, "p", on: 0)
        stage.lose(first)
        try stage.settle()
        publisher.publish("t", "refused", id: 1)
        stage.endTick(0)
        stage.store.failNext(.refused)
        try stage.commit()
        stage.store.failNext(.refused)
        let subscriber = stage.open(on: 1)
        subscriber.connect("s")
        stage.endTick(1)
        try stage.settle()
        #expect(publisher.heard.contains { $0.refusesPublish })
        publisher.publish("t", "taken", id: 2)
        stage.endTick(0)
        try stage.settle()
        #expect(subscriber.payloads == ["taken"])
        #expect(try stage.memory.verify().isEmpty)
    }
}

extension Packet {
    /// A PUBACK that says that the store can never take the message.
    fileprivate var refusesPublish: Bool {
        if case .puback(let puback) = self { puback.reason == .implementationSpecificError } else { false }
    }
}

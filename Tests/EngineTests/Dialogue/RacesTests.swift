// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import NIOCore
import Packets
import Persistence
import StoreMemory
import Testing

@testable import Engine

/// Two shards, or a shard and its store, look at things in an unlucky order.
@Suite struct RacesTests {
    @Test(arguments: [QoS.atMostOnce, .atLeastOnce])
    func `what is published behind a QoS 2 message whose commit comes in the same tick is not held for ever`(
        qos: QoS
    ) throws {
        let world = try World()
        let receiver = world.join("r")
        receiver.subscribe("t")
        let publisher = world.joinPersistent("p")
        world.rest()
        world.isStalled = true
        publisher.send(.publish("t", "1", qos: .exactlyOnce, id: 1))
        world.frozen = [0]
        world.commit()
        #expect(receiver.take() == [])
        let next = Packet.publish("t", "2", qos: qos, id: qos == .atMostOnce ? 0 : 2)
        world.shards[0].received(publisher.slot, ByteBuffer(bytes: next.bytes(.v5)), now: world.now)
        world.shards[0].collect(now: world.now)
        publisher.send(.pingreq)
        #expect(receiver.takePublishes().texts == ["1", "2"], "nobody looks after it unless there is news")
    }

    private func texts(_ range: ClosedRange<Int>) -> [Text] { range.map { Text("\($0)") } }

    private func publish(_ texts: [Text], qos: QoS = .atLeastOnce, in world: World) {
        let publisher = world.join("publisher")
        for text in texts { publisher.exchange(.publish("t", text, qos: qos, id: 1), .pubrel(1)) }
        publisher.exchange(.disconnect())
    }

    @Test func `a QoS 2 message that was read from the store does not come again by mail`() throws {
        let world = try World(shards: 2)
        let first = world.joinPersistent("s", shard: 1)
        first.subscribe("t")
        first.cut()
        world.rest()
        let publisher = world.join("p")
        world.isStalled = true
        publisher.send(.publish("t", "once", qos: .exactlyOnce, id: 1))
        world.frozen = [0]
        world.isStalled = false
        world.settle()
        let second = world.joinPersistent("s", shard: 1)
        #expect(second.takePublishes().texts == ["once"])
        world.frozen = []
        world.settle()
        #expect(publisher.take() == [.pubrec(1)] && second.takePublishes() == [])
        publisher.exchange(.pubrel(1), .publish("t", "next", qos: .exactlyOnce, id: 1))
        #expect(second.takePublishes().texts == ["next"])
    }

    @Test func `what arrives while a session reads its queue comes behind it, once`() throws {
        let world = try World(shards: 2)
        let first = world.joinPersistent("s", shard: 1)
        first.subscribe("t")
        first.cut()
        publish(texts(1...5), in: world)
        world.holdsReads = true
        let second = world.joinPersistent("s", shard: 1)
        publish(texts(6...8), in: world)
        world.answerReads()
        publish(texts(9...10), in: world)
        world.holdsReads = false
        world.settle()
        publish(texts(11...12), in: world)
        #expect(second.acknowledgeAll().texts == texts(1...12))
        world.rest()
        #expect(try world.stored().deliveries == [])
    }

    @Test func `a session that is read in many windows while others publish gets all in order`() throws {
        let world = try World(
            shards: 2,
            limits: Limits {
                $0.windowMessagesMax = 4
                $0.tailMessagesMax = 6
            })
        let first = world.joinPersistent("s", shard: 1)
        first.subscribe("t")
        first.cut()
        publish(texts(1...30), in: world)
        world.holdsReads = true
        let second = world.joinPersistent("s", shard: 1) { $0.receiveMaximum = 5 }
        var received: [Publish] = []
        for number in 31...60 {
            publish(texts(number...number), in: world)
            world.answerReads()
            received += second.acknowledgeAll()
        }
        world.holdsReads = false
        world.settle()
        for _ in 0..<40 {
            received += second.acknowledgeAll()
            world.pass(seconds: 0.1)
        }
        #expect(received.texts == texts(1...60))
        world.rest()
        #expect(try world.stored().deliveries == [])
    }

    @Test func `a client that does not read gets QoS 0 dropped and the rest later, in order`() throws {
        let world = try World(
            shards: 2,
            limits: Limits {
                $0.outboundBytesMax = 2_000
                $0.tailBytesMax = 2_000
            })
        let client = world.joinPersistent("s", shard: 1)
        client.subscribe("t")
        client.takesBytes = false
        let filler = String(repeating: "x", count: 100)
        let expected = (1...60).map { Text("\($0) \(filler)") }
        publish(expected, in: world)
        let publisher = world.join("p")
        publisher.send((0..<20).map { .publish("t", Text("dropped \($0)")) })
        #expect(!world.drops.isEmpty)
        var received: [Publish] = []
        for _ in 0..<40 {
            world.drain(client)
            received += client.acknowledgeAll()
            world.pass(seconds: 0.1)
        }
        #expect(received.filter { $0.qos == .atLeastOnce }.texts == expected)
        world.rest()
        #expect(try world.stored().deliveries == [] && !client.isClosed)
    }

    @Test func `a volatile client that keeps no pace is closed with 0x97`() throws {
        let world = try World(limits: Limits { $0.tailMessagesMax = 10 })
        let client = world.join("s") { $0.receiveMaximum = 1 }
        client.subscribe("t")
        publish(texts(1...20), in: world)
        #expect(client.isClosed && client.take().last == .disconnect(.quotaExceeded))
    }

    @Test func `what is read after a congestion keeps its place before what arrives meanwhile`() throws {
        let world = try World(limits: Limits { $0.outboundBytesMax = 1_000 })
        let first = world.joinPersistent("s")
        first.subscribe("t", qos: .atLeastOnce)
        first.cut()
        let filler = String(repeating: "x", count: 200)
        let expected = (1...12).map { Text("\($0) \(filler)") }
        publish(expected, in: world)
        let second = world.open()
        second.takesBytes = false
        second.send(
            .connect(
                Connect(clientID: "s", cleanStart: false, properties: Properties { $0.sessionExpiry = 60 })))
        world.drain(second, tellingShard: false)
        publish(["last"], in: world)
        world.drain(second)
        #expect(second.acknowledgeAll().texts == expected + ["last"])
    }

    @Test func `a mailbox that overflows loses nothing of a persistent session`() throws {
        let world = try World(
            shards: 2,
            limits: Limits {
                $0.packetBytesMax = 2_000
                $0.mailboxBytesMax = 2_000
            })
        let client = world.joinPersistent("s", shard: 1)
        client.subscribe("t")
        let volatile = world.join("v", shard: 1)
        volatile.subscribe("t", qos: .atLeastOnce)
        world.frozen = [1]
        let expected = (1...60).map { Text("\($0) \(String(repeating: "x", count: 100))") }
        let publisher = world.join("p")
        for text in expected { publisher.send(.publish("t", text, qos: .atLeastOnce, id: 1)) }
        world.frozen = []
        var (received, others): ([Publish], [Publish]) = ([], [])
        for _ in 0..<40 {
            world.pass(seconds: 0.1)
            received += client.acknowledgeAll()
            others += volatile.acknowledgeAll()
        }
        #expect(received.texts == expected && others.texts == expected)
        world.rest()
        #expect(try world.stored().deliveries == [])
    }

    @Test
    func `a publisher of QoS 2 that moves to another shard before its commit loses and repeats nothing`()
        throws
    {
        let world = try World(shards: 2)
        let subscriber = world.joinPersistent("s")
        subscriber.subscribe("t")
        let first = world.joinPersistent("p")
        world.isStalled = true
        first.send(.publish("t", "1", qos: .exactlyOnce, id: 1), .publish("t", "2", qos: .exactlyOnce, id: 2))
        first.cut()
        let second = world.connect("p", shard: 1, clean: false, expiry: 3600)
        #expect(second.take() == [])
        world.isStalled = false
        world.settle()
        second.send(
            .publish("t", "1", qos: .exactlyOnce, id: 1, dup: true),
            .publish("t", "2", qos: .exactlyOnce, id: 2, dup: true))
        let answers = second.take()
        #expect(answers.suffix(2) == [.pubrec(1), .pubrec(2)])
        #expect(second.exchange(.pubrel(1), .pubrel(2)) == [.pubcomp(1), .pubcomp(2)])
        #expect(subscriber.acknowledgeAll().texts == ["1", "2"])
        #expect(try world.stored().receptions == [:])
    }

    @Test func `a takeover between two shards neither loses nor repeats a queue`() throws {
        let world = try World(shards: 2)
        var client = world.joinPersistent("s")
        client.subscribe("t", qos: .exactlyOnce)
        var received: [Publish] = []
        for round in 0..<10 {
            publish(texts(round * 10 + 1...round * 10 + 5), qos: .exactlyOnce, in: world)
            received += client.acknowledgeAll()
            publish(texts(round * 10 + 6...round * 10 + 10), qos: .exactlyOnce, in: world)
            client = world.joinPersistent("s", shard: (round + 1) % 2, present: true)
        }
        received += client.acknowledgeAll()
        #expect(received.texts == texts(1...100))
        world.rest()
        #expect(try world.stored().deliveries == [])
    }

    @Test func `a retained value and a SUBSCRIBE on another shard meet, whoever is first`() throws {
        for first in [0, 1] {
            let world = try World(shards: 2)
            let (publisher, subscriber) = (world.join("p", shard: 0), world.join("s", shard: 1))
            world.frozen = [first]
            publisher.send(.publish("t", "v", qos: .atLeastOnce, id: 1, retain: true))
            subscriber.send(.subscribe("t", qos: .atMostOnce))
            world.frozen = []
            world.pass(seconds: 0.1)
            #expect(subscriber.takePublishes().texts.contains("v"))
        }
    }

    @Test func `of two retained values for one topic the later hand-over wins, in memory as in the store`()
        throws
    {
        let world = try World(shards: 2)
        let (one, two) = (world.join("p", shard: 0), world.join("q", shard: 1))
        for round in 0..<10 {
            let publishers = round % 2 == 0 ? [one, two] : [two, one]
            for (index, publisher) in publishers.enumerated() {
                publisher.send(.publish("t", Text("\(round) \(index)"), retain: true))
            }
        }
        world.rest()
        let client = world.join("s")
        client.subscribe("t")
        world.pass(seconds: 0.1)
        #expect(client.takePublishes().texts == ["9 1"])
        #expect(try world.stored().retainedMessages.map { Text(bytes: $0.message.payload) } == ["9 1"])
    }
}

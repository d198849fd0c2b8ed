// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import NIOCore
import Packets
import Persistence
import Testing

@testable import Engine

/// No packet of a client makes the broker's memory grow without a limit, whatever the store does.
@Suite struct OverloadTests {
    /// Little may wait for a commit.
    private func tight(_ configure: (inout Limits) -> Void = { _ in }) -> Limits {
        var limits = Limits {
            $0.packetBytesMax = 2_000
            $0.uncommittedBytesMax = 20_000
            $0.sessionUncommittedBytesMax = 20_000
            $0.batchBytesMax = 20_000
        }
        configure(&limits)
        return limits
    }

    /// A persistent session without a connection, which has a subscription.
    private func leave(_ name: Text, _ filter: Text, in world: World) {
        let away = world.joinPersistent(name)
        away.subscribe(filter)
        away.cut()
    }

    // MARK: What changes nothing

    @Test(arguments: [ProtocolVersion.v311, .v5])
    func `PUBREL of an unknown identifier is answered at once and leaves nothing behind`(
        version: ProtocolVersion
    ) throws {
        let world = try World()
        let client = world.joinPersistent("p", version)
        world.rest()
        world.isStalled = true
        client.send((1...500).map { .pubrel($0) })
        let reason: ReasonCode = version == .v5 ? .packetIdentifierNotFound : .success
        #expect(client.take() == (1...500).map { .pubcomp($0, reason) })
        #expect(world.commons.queuedBytes == 0 && world.shards[0].waiters.isEmpty)
    }

    @Test func `PUBREL of an identifier that is being forgotten waits for that, and adds no entry`() throws {
        let world = try World()
        let client = world.joinPersistent("p")
        client.exchange(.publish("t", qos: .exactlyOnce, id: 1))
        world.isStalled = true
        #expect(client.exchange(.pubrel(1)) == [])
        let queued = world.commons.queuedBytes
        #expect(client.exchange(.pubrel(1), .pubrel(2)) == [] && world.commons.queuedBytes == queued)
        world.isStalled = false
        world.settle()
        let unknown = ReasonCode.packetIdentifierNotFound
        #expect(client.take() == [.pubcomp(1), .pubcomp(1, unknown), .pubcomp(2, unknown)])
    }

    @Test
    func `UNSUBSCRIBE of what is not there is answered at once, or with the commit of what took it away`()
        throws
    {
        let world = try World()
        let client = world.joinPersistent("s")
        client.subscribe("a")
        world.rest()
        world.isStalled = true
        #expect(client.exchange(.unsubscribe("b", "c")).map(\.type) == [.unsuback])
        #expect(world.commons.queuedBytes == 0)
        #expect(client.exchange(.unsubscribe("a")) == [])
        let queued = world.commons.queuedBytes
        #expect(client.exchange(.unsubscribe("a", id: 102)) == [] && world.commons.queuedBytes == queued)
        world.isStalled = false
        world.settle()
        #expect(client.take().map(\.type) == [.unsuback, .unsuback])
    }

    // MARK: What waits

    @Test func `SUBSCRIBE beyond the allowance is not read before the store has taken what came before`()
        throws
    {
        let world = try World(limits: tight())
        let client = world.joinPersistent("s")
        world.rest()
        world.isStalled = true
        let filter = Text(bytes: Array(repeating: 97, count: 500))
        client.send((1...200).map { .subscribe(filter, id: $0) })
        #expect(client.isPaused && client.take() == [])
        #expect(world.commons.queuedBytes < 25_000)
        world.isStalled = false
        world.pass(seconds: 1)
        #expect(client.take().count == 200 && !client.isPaused)
    }

    @Test func `a volatile subscriber is served while the store takes nothing`() throws {
        let world = try World(limits: tight())
        leave("away", "t", in: world)
        world.isStalled = true
        let publisher = world.join("p")
        publisher.send((1...200).map { .publish("t", "large enough", qos: .atLeastOnce, id: $0) })
        #expect(publisher.isPaused)
        let client = world.join("s", .v311)
        #expect(client.subscribe("v") == [.granted(.exactlyOnce)])
    }

    /// A consumer with one delivery in flight, and a publisher who has filled memory.
    private func crowd(_ world: World) -> TestClient {
        leave("away", "t", in: world)
        let consumer = world.joinPersistent("c")
        consumer.subscribe("v", qos: .atLeastOnce)
        world.join("p").exchange(.publish("v", "in flight", qos: .atLeastOnce, id: 1))
        world.isStalled = true
        let crowding = world.join("crowding")
        crowding.send((1...200).map { .publish("t", "large enough", qos: .atLeastOnce, id: $0) })
        #expect(crowding.isPaused)
        return consumer
    }

    @Test func `a consumer with deliveries in flight is read behind its SUBSCRIBE, whatever waits`() throws {
        let world = try World(limits: tight())
        let consumer = crowd(world)
        let delivery = try #require(consumer.takePublishes().first)
        #expect(consumer.exchange(.subscribe("w"), .puback(delivery.packetID)) == [])
        let session = try #require(world.shards[0].sessions.values.first { $0.record.clientID == "c" })
        #expect(session.inflight.count == 0)
        world.isStalled = false
        world.pass(seconds: 1)
        #expect(consumer.take().map(\.type) == [.suback])
    }

    @Test func `what such a consumer asks for beyond a reserve is refused`() throws {
        let world = try World(limits: tight { $0.packetBytesMax = 100_000 })
        let consumer = crowd(world)
        #expect(consumer.takePublishes().count == 1)
        let filter = Text(bytes: Array(repeating: 97, count: 50_000))
        #expect(consumer.exchange(.subscribe(filter)) == [.suback(100, .quotaExceeded)])
        #expect(!consumer.isClosed)
    }

    @Test func `more answers than any client needs: it is not read, or closed if deliveries are in flight`()
        throws
    {
        let world = try World(limits: Limits { $0.waitingAnswersMax = 10 })
        leave("away", "t", in: world)
        let (idle, busy) = (world.join("idle", .v311), world.join("busy", .v311))
        busy.subscribe("v")
        idle.send(.publish("v", "in flight", qos: .atLeastOnce, id: 1))
        #expect(busy.takePublishes().count == 1 && idle.take() == [.puback(1)])
        world.isStalled = true
        for client in [idle, busy] { client.send((1...20).map { .publish("t", qos: .atLeastOnce, id: $0) }) }
        #expect(idle.isPaused && busy.isClosed)
        #expect(world.shards[0].waiters.count == 20)
        world.isStalled = false
        world.pass(seconds: 1)
        #expect(idle.take() == (1...20).map { .puback($0) } && !idle.isPaused)
    }

    @Test func `a PUBREC that is repeated without end closes the connection`() throws {
        let world = try World(limits: Limits { $0.waitingAnswersMax = 10 })
        let client = world.joinPersistent("s")
        client.subscribe("t")
        world.join("p").send(.publish("t", qos: .exactlyOnce, id: 1))
        world.settle()
        let delivery = try #require(client.takePublishes().first)
        world.isStalled = true
        client.send((1...100).map { _ in .pubrec(delivery.packetID) })
        #expect(client.isClosed && world.shards[0].waiters.count <= 10)
    }

    @Test func `QoS 0 that is refused is counted`() throws {
        let world = try World(limits: tight())
        let consumer = crowd(world)
        consumer.send(.publish("v", "lost"))
        #expect(consumer.takePublishes().texts == ["in flight"])
        let dropped = world.drops.contains {
            if case .dropped(_, 1, because: .allowance) = $0 { true } else { false }
        }
        #expect(dropped)
    }
}

/// What one tick gathers.
extension OverloadTests {
    private func burst(_ count: Int, _ name: String = "") -> ByteBuffer {
        var bytes: [UInt8] = []
        for index in 1...count { bytes += Packet.publish("t", Text("\(name)\(index)")).bytes(.v5) }
        return ByteBuffer(bytes: bytes)
    }

    @Test(arguments: [false, true])
    func `a tick is full at its limit, and the rest follows in order, even if the socket is gone`(
        isGone: Bool
    ) throws {
        let world = try World(limits: Limits { $0.tickBytesMax = 10_000 })
        let subscribers = (0..<20).map { world.join(Text("s\($0)")) }
        for subscriber in subscribers { subscriber.subscribe("t") }
        let (publisher, other) = (world.join("p"), world.join("other"))
        let shard = world.shards[0]
        shard.received(publisher.slot, burst(200), now: world.now)
        #expect(shard.tick.bytes + shard.lane.bytes < 12_000)
        shard.received(other.slot, burst(200, "other "), now: world.now)
        #expect(shard.tick.bytes + shard.lane.bytes < 12_000)
        if isGone { publisher.cut() }
        other.send()
        world.settle()
        for subscriber in subscribers {
            let texts = subscriber.takePublishes().texts.map(\.description)
            #expect(texts.filter { !$0.hasPrefix("other") } == (1...200).map { "\($0)" })
            #expect(texts.filter { $0.hasPrefix("other") } == (1...200).map { "other \($0)" })
        }
    }

    @Test func `QoS 0 takes no room for sessions that are not connected`() throws {
        let world = try World()
        for index in 0..<20 { leave(Text("s\(index)"), "t", in: world) }
        let online = world.joinPersistent("online")
        online.subscribe("t")
        let publisher = world.join("p")
        world.shards[0].received(publisher.slot, burst(10), now: world.now)
        #expect(world.shards[0].tick.receivers.count == 10)
        publisher.send()
        #expect(online.takePublishes().count == 10)
    }
}

/// What has arrived.
extension OverloadTests {
    @Test func `reads that never end with a packet are not kept`() throws {
        let world = try World()
        let client = world.join("c")
        let packet = Packet.publish("t", Text(bytes: Array(repeating: 97, count: 1_000))).bytes(.v5)
        client.send(bytes: Array(packet.prefix(10)))
        for _ in 0..<200 { client.send(bytes: Array(packet.dropFirst(10) + packet.prefix(10))) }
        let connection = try #require(world.shards[0].connection(client.slot))
        #expect(connection.inbound.readableBytes == 10 && connection.inbound.capacity < 10_000)
        client.send(bytes: Array(packet.dropFirst(10)) + Packet.pingreq.bytes(.v5))
        #expect(client.take() == [.pingresp])
    }
}

/// Sizes at their limits.
extension OverloadTests {
    @Test func `a message is sent if the packet that it makes is within the client's Maximum Packet Size`()
        throws
    {
        let world = try World()
        let payload = Text(bytes: Array(repeating: 97, count: 200))
        let bytes = Packet.publish("t", payload).bytes(.v5).count
        for limit in bytes - 2...bytes + 50 {
            let client = world.join("s") { $0.maximumPacketSize = UInt32(limit) }
            client.subscribe("t", qos: .atMostOnce)
            world.join("p").send(.publish("t", payload))
            #expect(client.takePublishes().count == (limit < bytes ? 0 : 1), "\(limit)")
        }
    }

    @Test func `no connection may be sent more than MQTT can carry`() {
        let connection = Connection(
            id: SlotID(index: 0, generation: 0), origin: Origin(listener: "", remote: ""),
            packetBytesMax: 1_000, now: 0)
        #expect(connection.packetBytesMax == Limits.protocolPacketBytesMax)
        let bytes = Limits.publicationBytesMax
        #expect(connection.surelyFits(bytes: bytes, identifiers: 0))
        #expect(!connection.surelyFits(bytes: bytes, identifiers: 1))
        let longest = PublishHead(qos: .exactlyOnce, packetID: 1, expirySeconds: 1, topicAlias: 1)
        let identifiers = [UInt32](repeating: 268_435_455, count: 3)
        let count = identifiers.withUnsafeBufferPointer {
            PublishEncoder.byteCount(
                longest, topicBytes: 1, propertyBytes: 1, payloadBytes: bytes - 17, identifiers: $0,
                version: .v5)
        }
        #expect(count <= Limits.protocolPacketBytesMax)
    }

    @Test(arguments: [nil, UInt32.max])
    func `nor may one whose client asks for more`(maximum: UInt32?) throws {
        let world = try World()
        let client = world.join("c") { $0.maximumPacketSize = maximum }
        let connection = try #require(world.shards[0].connection(client.slot))
        #expect(connection.packetBytesMax == Limits.protocolPacketBytesMax)
    }

    @Test func `the embedding program is told that a message is too large for any packet`() throws {
        let world = try World()
        let payload = [UInt8](repeating: 0, count: Limits.publicationBytesMax)
        world.publish(MessageRecord(topic: "t", payload: payload, qos: .atLeastOnce), ticket: 5)
        #expect(world.completed[5] == .packetTooLarge)
    }

    @Test func `an outbound limit beyond all measure is no limit`() throws {
        let world = try World(limits: Limits { $0.outboundBytesMax = .max })
        #expect(world.limits.faults == [])
        #expect(world.join("c").exchange(.pingreq).map(\.type) == [.pingresp])
    }
}

// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import NIOCore
import Packets
import Persistence
import StoreMemory
import Synchronization
import Testing

@testable import Engine

/// How retained messages come to many filters, slow clients, and in races.
@Suite struct RetainedDeliveryTests {
    private func retain(_ topics: [Text], payload: Text = "v", in world: World) {
        let publisher = world.join("retainer")
        for start in stride(from: 0, to: topics.count, by: 500) {
            publisher.send(
                topics[start..<min(start + 500, topics.count)].map {
                    .publish($0, payload, qos: .atLeastOnce, id: 1, retain: true)
                })
        }
        publisher.exchange(.disconnect())
        world.rest()
    }

    private func topics(_ count: Int) -> [Text] { (0..<count).map { Text("t/\($0)") } }

    private func subscribe(
        _ client: TestClient, to filters: [Text], qos: QoS = .atMostOnce, handling: [RetainHandling] = []
    ) {
        let lines = filters.enumerated().map { index, filter in
            Subscription(
                filter: filter,
                options: SubscriptionOptions(
                    qos: qos, retainHandling: index < handling.count ? handling[index] : .send))
        }
        client.send(.subscribe(Subscribe(packetID: 9, subscriptions: lines)))
    }

    /// Acknowledges for a second.
    private func publishes(_ client: TestClient, in world: World) -> [Publish] {
        var all = client.acknowledgeAll()
        for _ in 0..<10 {
            world.pass(seconds: 0.1)
            all += client.acknowledgeAll()
        }
        return all
    }

    /// Whether a shard that has nothing to do asks to be called again.
    private func isBusy(_ world: World) -> Bool {
        let shard = world.shards[0]
        shard.collect(now: world.now)
        shard.endTick(now: world.now)
        var orders: [Order] = []
        shard.takeOrders(into: &orders)
        return orders.contains { if case .wakeSelf = $0 { true } else { false } }
    }

    // MARK: Races

    @Test(arguments: [false, true])
    func `a value that is set while a SUBSCRIBE becomes visible is not lost`(collectsInItsTick: Bool) throws {
        let world = try World(shards: 2)
        let (subscriber, publisher) = (world.join("s", shard: 0), world.join("p", shard: 1))
        let (near, far) = (world.shards[0], world.shards[1])
        func end(_ shard: Shard) {
            shard.endTick(now: world.now)
            var orders: [Order] = []
            shard.takeOrders(into: &orders)
        }
        near.received(subscriber.slot, ByteBuffer(bytes: Packet.subscribe("t").bytes(.v5)), now: world.now)
        if collectsInItsTick { near.collect(now: world.now) }
        let publish = Packet.publish("t", "value", retain: true)
        far.received(publisher.slot, ByteBuffer(bytes: publish.bytes(.v5)), now: world.now)
        for _ in 0..<3 {
            end(near)
            near.collect(now: world.now)
        }
        end(far)
        for _ in 0..<6 {
            near.collect(now: world.now)
            end(near)
            far.collect(now: world.now)
            end(far)
        }
        world.drain(subscriber)
        #expect(subscriber.takePublishes().texts == ["value"])
    }

    // MARK: A filter that is repeated

    @Test func `a filter that a SUBSCRIBE repeats is subscribed once, as its last line says`() throws {
        let world = try World()
        retain(["t"], in: world)
        let client = world.joinPersistent("s")
        let changeCount = Mutex(0)
        world.store.commits { batch in
            let count = batch.changes.count { if case .subscription = $0 { true } else { false } }
            changeCount.withLock { $0 += count }
            return .applied
        }
        let lines = [QoS.atMostOnce, .exactlyOnce, .atLeastOnce].map {
            Subscription(filter: "t", options: SubscriptionOptions(qos: $0))
        }
        client.send(.subscribe(Subscribe(packetID: 9, subscriptions: lines)))
        let packets = client.take()
        let answer = Suback(packetID: 9, reasons: [.grantedQoS0, .grantedQoS2, .grantedQoS1])
        #expect(packets.first == .suback(answer))
        client.keep(Array(packets.dropFirst()))
        #expect(changeCount.withLock { $0 } == 1)
        #expect(publishes(client, in: world).texts == ["v"])
        world.join("p").send(.publish("t", "new", qos: .exactlyOnce, id: 1))
        #expect(publishes(client, in: world).map(\.qos) == [.atLeastOnce])
    }

    @Test func `retained messages that one line asks for come although the next does not`() throws {
        let world = try World()
        retain(["t"], in: world)
        for (index, handling) in [RetainHandling.send, .sendIfNew].enumerated() {
            let client = world.join(Text("s\(index)"))
            subscribe(client, to: ["t", "t"], handling: [handling, .doNotSend])
            #expect(publishes(client, in: world).texts == ["v"])
        }
    }

    @Test func `a filter that an UNSUBSCRIBE repeats is removed once`() throws {
        let world = try World()
        let client = world.joinPersistent("s")
        client.subscribe("t")
        let changeCount = Mutex(0)
        world.store.commits { batch in
            let count = batch.changes.count { if case .unsubscription = $0 { true } else { false } }
            changeCount.withLock { $0 += count }
            return .applied
        }
        let answers = client.exchange(.unsubscribe(Unsubscribe(packetID: 3, filters: ["t", "t", "u"])))
        let reasons: [ReasonCode] = [.success, .noSubscriptionExisted, .noSubscriptionExisted]
        #expect(answers == [.unsuback(Unsuback(packetID: 3, reasons: reasons))])
        #expect(changeCount.withLock { $0 } == 1, "nothing is stored of what it does not have")
    }

    // MARK: Many filters

    @Test(arguments: [QoS.atMostOnce, .atLeastOnce], [false, true])
    func `many filters get theirs in a few ticks`(qos: QoS, isPersistent: Bool) throws {
        let world = try World(limits: Limits { $0.inflightMax = 4_000 })
        let topics = topics(2_000)
        retain(topics, in: world)
        let client = isPersistent ? world.joinPersistent("s") : world.join("s")
        subscribe(client, to: topics, qos: qos)
        world.pass(seconds: 0.1)
        #expect(client.acknowledgeAll().map(\.topic) == topics && world.drops.isEmpty)
    }

    @Test func `many filters have a few reads under way, and not one each`() throws {
        let world = try World(limits: Limits { $0.retainedBytesMax = 0 })
        let topics = topics(100)
        retain(topics, in: world)
        world.pass(seconds: 1)
        world.holdsReads = true
        let client = world.join("s")
        subscribe(client, to: topics)
        world.pass(seconds: 0.1)
        #expect((1...16).contains(world.waitingReads.count))
        world.holdsReads = false
        world.settle()
        #expect(publishes(client, in: world).map(\.topic).sorted() == topics.sorted())
    }

    @Test func `what one tick sends to all filters of a session has room in its memory`() throws {
        let limits = Limits {
            $0.tailMessagesMax = 20
            $0.tailBytesMax = 5_000
        }
        let world = try World(limits: limits)
        let topics = topics(300)
        retain(topics, payload: Text(String(repeating: "x", count: 500)), in: world)
        let client = world.join("s") { $0.receiveMaximum = 3 }
        subscribe(client, to: topics + ["t/#" as Text], qos: .atLeastOnce)
        world.pass(seconds: 0.1)
        #expect(!client.isClosed)
        var received: [Publish] = []
        for _ in 0..<200 where received.count < 600 {
            received += client.acknowledgeAll()
            world.pass(seconds: 0.01)
        }
        #expect(!client.isClosed && received.count == 600 && Set(received.map(\.topic)) == Set(topics))
    }

    // MARK: Clients without room

    @Test func `a client that acknowledges nothing costs nothing, and gets the rest when it does`() throws {
        let world = try World()
        let topics = topics(1_000)
        retain(topics, in: world)
        let client = world.join("s") { $0.receiveMaximum = 5 }
        subscribe(client, to: topics, qos: .atLeastOnce)
        world.pass(seconds: 0.5)
        #expect(!isBusy(world))
        var received: [Publish] = []
        for _ in 0..<100 where received.count < topics.count {
            received += client.acknowledgeAll()
            world.pass(seconds: 0.01)
        }
        #expect(received.map(\.topic) == topics)
        #expect(!isBusy(world))
    }

    @Test(arguments: [false, true])
    func `a client that does not read costs nothing, and misses nothing when it does`(isTold: Bool) throws {
        let world = try World(limits: Limits { $0.outboundBytesMax = 10_000 })
        let topics = topics(400)
        retain(topics, payload: Text(String(repeating: "x", count: 200)), in: world)
        let client = world.join("s")
        client.takesBytes = false
        world.shards[0].writabilityChanged(client.slot, isWritable: false, now: world.now)
        subscribe(client, to: topics)
        world.pass(seconds: 0.5)
        #expect(!isBusy(world))
        world.shards[0].writabilityChanged(client.slot, isWritable: true, now: world.now)
        world.drain(client, tellingShard: isTold)
        for _ in 0..<4 { world.pass(seconds: 0.5) }
        #expect(client.takePublishes().map(\.topic) == topics && world.drops.isEmpty)
    }

    @Test func `UNSUBSCRIBE ends what is on its way for its filter, and for no other`() throws {
        let world = try World(limits: Limits { $0.tailMessagesMax = 10 })
        retain(topics(40) + ["u/1" as Text, "u/2"], in: world)
        let client = world.join("s") { $0.receiveMaximum = 5 }
        subscribe(client, to: ["t/#", "u/#"], qos: .atLeastOnce)
        world.pass(seconds: 0.1)
        client.send(.unsubscribe(Unsubscribe(packetID: 3, filters: ["t/#"])))
        let received = publishes(client, in: world).map(\.topic)
        #expect(received.count <= 5 + 10 + 2 && received.suffix(2) == ["u/1", "u/2"])
    }

    @Test func `a session that moves to another shard meanwhile gets the rest there`() throws {
        let world = try World(shards: 2)
        let topics = topics(600)
        retain(topics, in: world)
        let first = world.joinPersistent("s", shard: 0) { $0.receiveMaximum = 5 }
        subscribe(first, to: topics.suffix(300) + ["t/#" as Text], qos: .atLeastOnce)
        world.pass(seconds: 0.1)
        let second = world.joinPersistent("s", shard: 1)
        #expect(first.isClosed)
        let received = publishes(second, in: world).map(\.topic)
        #expect(Set(received) == Set(topics) && received.count == 900)
        #expect(!isBusy(world))
    }

    // MARK: No Local

    @Test(arguments: [0, 64 << 20], [false, true])
    func `No Local keeps a client's own retained message from it, and no others [MQTT-3.8.3-3]`(
        bytes: Int, isRestarted: Bool
    ) throws {
        var world = try World(limits: Limits { $0.retainedBytesMax = bytes })
        world.join("a").exchange(.publish("t/own", qos: .atLeastOnce, id: 1, retain: true), .disconnect())
        world.join("b").exchange(.publish("t/other", qos: .atLeastOnce, id: 1, retain: true), .disconnect())
        world.pass(seconds: 1)
        if isRestarted { world = try world.restarted() }
        let client = world.join("a")
        client.subscribe("t/#", noLocal: true)
        #expect(publishes(client, in: world).map(\.topic) == ["t/other"])
        client.subscribe("t/#")
        #expect(publishes(client, in: world).map(\.topic) == ["t/own", "t/other"])
    }
}

// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import Packets
import Persistence
import StoreMemory
import Testing

@testable import Engine

/// The store fails: nothing that needs it is acknowledged, the rest goes on, and work resumes by itself.
@Suite struct OutageTests {
    /// Nothing but what makes room can be stored.
    private func fill(_ world: World) {
        world.store.commits { $0.makesRoom ? .applied : .failed(.retry) }
    }

    @Test func `what needs no commit waits for its own client's commits only`() throws {
        let world = try World()
        let (away, online) = (world.joinPersistent("a"), world.joinPersistent("s"))
        away.subscribe("away")
        online.subscribe("online")
        away.cut()
        world.rest()
        fill(world)
        let (stuck, publisher) = (world.join("q"), world.join("p"))
        world.isStalled = true
        publisher.send(.publish("online", "1", qos: .atLeastOnce, id: 1))
        stuck.send(.publish("away", "2", qos: .atLeastOnce, id: 1))
        publisher.send(.publish("nobody", "3", qos: .atLeastOnce, id: 2))
        #expect(online.acknowledgeAll().texts == ["1"])
        #expect(publisher.take() == [], "it leaves behind the other one")
        world.isStalled = false
        world.pass(seconds: 5)
        #expect(publisher.take() == [.puback(1), .puback(2, .noMatchingSubscribers)])
        #expect(stuck.take() == [])
    }

    @Test func `what the store refuses of one client is not held against another`() throws {
        let world = try World()
        let (away, online) = (world.joinPersistent("a"), world.joinPersistent("s"))
        away.subscribe("away")
        online.subscribe("online")
        away.cut()
        world.rest()
        world.store.commits { batch in
            batch.changes.contains { $0.name == "message" } ? .failed(.refused) : .applied
        }
        let (bad, publisher) = (world.join("q"), world.join("p", .v311))
        world.isStalled = true
        publisher.send(.publish("online", "1", qos: .atLeastOnce, id: 1))
        bad.send(.publish("away", "2", qos: .atLeastOnce, id: 1))
        publisher.send(.publish("nobody", "3", qos: .atLeastOnce, id: 2))
        #expect(online.acknowledgeAll().texts == ["1"])
        world.isStalled = false
        world.rest()
        #expect(bad.take() == [.puback(1, .implementationSpecificError)])
        #expect(publisher.take().count == 2 && !publisher.isClosed)
    }

    @Test func `a session does not read its queue before all its changes are committed, not only the last`()
        throws
    {
        let world = try World()
        let client = world.joinPersistent("s")
        client.subscribe("t")
        let publisher = world.join("p")
        publisher.send(.publish("t", "1", qos: .atLeastOnce, id: 1))
        world.rest()
        #expect(client.takePublishes().texts == ["1"])
        world.isStalled = true
        client.send(.puback(1))
        world.store.commits { _ in .failed(.retry) }
        world.isStalled = false
        world.pass(seconds: 1)
        // Inserted and removed within one batch: done, though nothing can be stored.
        publisher.send(.publish("t", "2", qos: .atLeastOnce, id: 2))
        #expect(client.acknowledgeAll().texts == ["2"])
        world.pass(seconds: 1)
        let session = try #require(world.shards[0].sessions.values.first { $0.record.clientID == "s" })
        world.shards[0].fallBack(session)
        publisher.send(.pingreq)
        #expect(session.catchup.phase == .settling)
        world.pass(seconds: 1)
        #expect(client.takePublishes() == [], "1 is acknowledged, and still in the store")
        world.store.heal()
        world.pass(seconds: 2)
        publisher.send(.publish("t", "3", qos: .atLeastOnce, id: 3))
        world.pass(seconds: 1)
        #expect(client.acknowledgeAll().texts == ["3"])
        world.rest()
        #expect(try world.stored().deliveries == [])
    }

    @Test func `on a full disk publishes wait, and are acknowledged when there is room again`() throws {
        let world = try World()
        let away = world.joinPersistent("a")
        away.subscribe("t")
        away.cut()
        let publisher = world.join("p")
        fill(world)
        #expect(publisher.exchange(.publish("t", "1", qos: .atLeastOnce, id: 1)) == [])
        world.pass(seconds: 5)
        #expect(publisher.exchange(.publish("t", "2", qos: .atLeastOnce, id: 2)) == [])
        #expect(world.committer.health.current?.code == .retry)
        world.store.heal()
        world.pass(seconds: 2)
        #expect(publisher.take() == [.puback(1), .puback(2)] && world.committer.health.current == nil)
        #expect(world.joinPersistent("a").acknowledgeAll().texts == ["1", "2"])
    }

    @Test func `on a full disk consumers can connect, drain, and make room`() throws {
        let world = try World()
        let away = world.joinPersistent("a")
        away.subscribe("t")
        away.cut()
        let publisher = world.join("p")
        publisher.exchange(.publish("t", "1", qos: .atLeastOnce, id: 1))
        publisher.exchange(.publish("t", "2", qos: .exactlyOnce, id: 2))
        world.rest()
        fill(world)
        publisher.exchange(.publish("t", "3", qos: .atLeastOnce, id: 3))
        let back = world.joinPersistent("a", present: true)
        var received = back.acknowledgeAll()
        world.pass(seconds: 1)
        received += back.acknowledgeAll()
        #expect(Set(received.texts).isSuperset(of: ["1", "2"]))
        world.pass(seconds: 1)
        #expect(try world.stored().deliveries == [])
    }

    @Test func `on a full disk QoS 1 to healthy online sessions flows and is acknowledged`() throws {
        let world = try World()
        let away = world.joinPersistent("a")
        away.subscribe("away")
        away.cut()
        let online = world.joinPersistent("s")
        online.subscribe("t")
        let publisher = world.join("p")
        fill(world)
        world.join("blocked").send(.publish("away", qos: .atLeastOnce, id: 1))
        world.pass(seconds: 1)
        for id in 1...5 as ClosedRange<UInt16> {
            publisher.send(.publish("t", qos: .atLeastOnce, id: id))
            #expect(online.acknowledgeAll().count == 1)
            world.pass(seconds: 0.1)
            #expect(publisher.take() == [.puback(id)])
        }
    }

    @Test func `on a full disk QoS 1 flows on when more has flowed than may be uncommitted`() throws {
        let world = try World(
            limits: Limits {
                $0.packetBytesMax = 2_000
                $0.sessionUncommittedBytesMax = 50_000
                $0.batchBytesMax = 50_000
                $0.uncommittedBytesMax = 100_000
            })
        let away = world.joinPersistent("a")
        away.subscribe("away")
        away.cut()
        let online = world.joinPersistent("s")
        online.subscribe("t")
        world.rest()
        fill(world)
        let blocked = world.join("blocked")
        blocked.send(.publish("away", qos: .atLeastOnce, id: 1))
        let publisher = world.join("p")
        let large = Text(bytes: Array(repeating: 65, count: 1_000))
        for _ in 0..<300 {
            publisher.send(.publish("t", large, qos: .atLeastOnce, id: 1))
            _ = online.acknowledgeAll()
            world.pass(seconds: 0.05)
            #expect(publisher.take() == [.puback(1)] && world.commons.queuedBytes < 5_000)
        }
        #expect(blocked.take() == [])
        world.store.heal()
        world.pass(seconds: 2)
        #expect(blocked.take() == [.puback(1)] && world.commons.queuedBytes == 0)
    }

    @Test func `a client that returns on a full disk, while the end of its session waits, gets a new one`()
        throws
    {
        let world = try World()
        let watcher = world.joinPersistent("w")
        watcher.subscribe("w", qos: .atLeastOnce)
        watcher.cut()
        let first = world.join("a", will: .say("w", "first", qos: .atLeastOnce))
        world.rest()
        fill(world)
        first.cut()
        let second = world.connect("a", will: .say("w", "second", qos: .atLeastOnce))
        world.pass(seconds: 1)
        #expect(second.take() == [])
        world.store.heal()
        world.pass(seconds: 2)
        #expect(second.take().map(\.type) == [.connack])
        #expect(try world.store.client("a")?.will?.payload == Text("second").bytes)
        #expect(try world.stored().clients.count == 2)
        second.cut()
        #expect(world.joinPersistent("w").acknowledgeAll().texts == ["first", "second"])
    }

    @Test func `an answer that was lost does not store anything twice`() throws {
        let world = try World()
        let away = world.joinPersistent("a")
        away.subscribe("t")
        away.cut()
        world.rest()
        let publisher = world.join("p")
        world.store.commits { _ in .lost }
        world.isStalled = true
        publisher.send(.publish("t", "1", qos: .atLeastOnce, id: 1))
        world.commit()
        #expect(publisher.take() == [])
        world.store.heal()
        publisher.send(.publish("t", "2", qos: .atLeastOnce, id: 2))
        world.isStalled = false
        world.pass(seconds: 1)
        #expect(publisher.take() == [.puback(1), .puback(2)])
        #expect(world.joinPersistent("a").acknowledgeAll().texts == ["1", "2"])
    }

    @Test func `of thousands of publishes refused at once none is acknowledged as a success`() throws {
        let world = try World(limits: Limits { $0.receiveMaximum = 65_535 })
        let away = world.joinPersistent("a")
        away.subscribe("t")
        away.cut()
        world.rest()
        world.store.commits { batch in
            batch.changes.contains { $0.name == "message" } ? .failed(.refused) : .applied
        }
        let publisher = world.join("p")
        world.isStalled = true
        publisher.send((1...5_000).map { .publish("t", qos: .atLeastOnce, id: UInt16($0)) })
        world.isStalled = false
        world.settle()
        let answers = publisher.take()
        #expect(answers == (1...5_000).map { .puback($0, .implementationSpecificError) })
        #expect(try world.stored().deliveries == [])
    }

    @Test(arguments: [ProtocolVersion.v311, .v5])
    func `only what the store refuses is refused, with 0x83 or a closed connection`(version: ProtocolVersion)
        throws
    {
        let world = try World()
        let away = world.joinPersistent("a")
        away.subscribe("t")
        away.cut()
        let (good, bad) = (world.join("good", version), world.join("bad", version))
        world.store.commits { batch in
            for case .message(_, let record, _) in batch.changes where batch.bytes(record).contains(0xEE) {
                return .failed(.refused)
            }
            return .applied
        }
        world.isStalled = true
        good.send(.publish("t", "1", qos: .atLeastOnce, id: 1))
        bad.send(.publish("t", Text(bytes: [0xEE]), qos: .atLeastOnce, id: 2))
        good.send(.publish("t", "3", qos: .exactlyOnce, id: 3))
        world.isStalled = false
        world.settle()
        #expect(good.take() == [.puback(1), .pubrec(3)])
        let refused: [Packet] = version == .v5 ? [.puback(2, .implementationSpecificError)] : []
        #expect(bad.take() == refused && bad.isClosed == (version != .v5))
        #expect(Set(world.joinPersistent("a").acknowledgeAll().texts) == ["1", "3"])
    }

    @Test(arguments: [false, true])
    func `a retained message that the store refuses to queue is not sent, and others are`(isLate: Bool) throws
    {
        let world = try World()
        let publisher = world.join("p")
        publisher.exchange(.publish("a", "!", qos: .exactlyOnce, id: 1, retain: true), .pubrel(1))
        publisher.exchange(.publish("b", "fits", qos: .exactlyOnce, id: 1, retain: true), .pubrel(1))
        let online = world.joinPersistent("s") { $0.receiveMaximum = isLate ? 1 : 20 }
        online.subscribe("c")
        if isLate { publisher.exchange(.publish("c", "first", qos: .exactlyOnce, id: 1), .pubrel(1)) }
        world.store.commits { batch in
            for case .message(_, let record, _) in batch.changes where batch.bytes(record).contains(33) {
                return .failed(.refused)
            }
            return .applied
        }
        online.subscribe("a", "b")
        var received = online.acknowledgeAll()
        for _ in 0..<5 {
            world.pass(seconds: 0.1)
            received += online.acknowledgeAll()
        }
        #expect(received.texts == (isLate ? ["first"] : []) + ["fits"] && !online.isClosed)
        world.rest()
        #expect(try world.stored().deliveries == [])
    }

    @Test func `a QoS 2 publish that the store refuses is not delivered, and may be sent again`() throws {
        let world = try World()
        let away = world.joinPersistent("a")
        away.subscribe("t")
        away.cut()
        let (online, publisher) = (world.join("s"), world.join("p"))
        online.subscribe("t")
        world.store.commits { $0.changes.map(\.name).contains("message") ? .failed(.refused) : .applied }
        #expect(
            publisher.exchange(.publish("t", qos: .exactlyOnce, id: 1))
                == [.pubrec(1, .implementationSpecificError)])
        #expect(online.takePublishes() == [])
        world.store.heal()
        #expect(publisher.exchange(.publish("t", qos: .exactlyOnce, id: 1)) == [.pubrec(1)])
        #expect(online.takePublishes().count == 1)
    }

    @Test func `a queue that cannot be read is read later`() throws {
        let world = try World()
        let first = world.joinPersistent("a")
        first.subscribe("t")
        first.cut()
        world.join("p").exchange(.publish("t", qos: .atLeastOnce, id: 1))
        world.store.readsFail(.retry)
        let second = world.joinPersistent("a")
        world.pass(seconds: 1)
        #expect(second.take() == [] && !second.isClosed)
        world.store.heal()
        world.pass(seconds: 1)
        #expect(second.takePublishes().count == 1)
    }

    @Test
    func
        `a session has an allowance: beyond it MQTT 5 hears 0x97, or is not read while nothing is in flight`()
        throws
    {
        let world = try World(
            limits: Limits {
                $0.packetBytesMax = 2_000
                $0.uncommittedBytesMax = 20_000
                $0.sessionUncommittedBytesMax = 20_000
                $0.batchBytesMax = 20_000
            })
        let away = world.joinPersistent("a")
        away.subscribe("t")
        away.cut()
        let idle = world.join("idle")
        let busy = world.join("busy")
        busy.subscribe("v", qos: .atLeastOnce)
        idle.send(.publish("v", qos: .atLeastOnce, id: 1))
        _ = (busy.take(), idle.take())
        world.isStalled = true
        let large = Text(bytes: Array(repeating: 65, count: 1_500))
        for id in 1...30 as ClosedRange<UInt16> where !idle.isPaused {
            idle.send(.publish("t", large, qos: .atLeastOnce, id: id))
        }
        #expect(idle.isPaused && idle.take() == [])
        #expect(busy.exchange(.publish("t", qos: .atLeastOnce, id: 2)) == [.puback(2, .quotaExceeded)])
        #expect(busy.exchange(.publish("t", qos: .exactlyOnce, id: 3)) == [.pubrec(3, .quotaExceeded)])
        let old = world.join("old", .v311)
        old.subscribe("v", qos: .atLeastOnce)
        world.publish(MessageRecord(topic: "v", payload: [1]))
        #expect(old.takePublishes().count == 1)
        #expect(old.exchange(.publish("t", qos: .atLeastOnce, id: 2)) == [] && old.isClosed)
        world.pass(seconds: 100)
        #expect(!idle.isClosed)
        world.isStalled = false
        world.pass(seconds: 1)
        #expect(!idle.isPaused && !idle.take().isEmpty)
        _ = busy.take()
        #expect(busy.exchange(.publish("t", qos: .atLeastOnce, id: 2)) == [.puback(2)])
    }
}

// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import Packets
import Persistence
import StoreMemory
import Testing

@testable import Engine

/// A store that may be another broker's by now: nothing is acknowledged before a commit has asked.
@Suite struct LeaseTests {
    /// A broker that was stopped for longer than its lease.
    private func doubtful(_ limits: Limits = Limits()) throws -> (World, Lease) {
        let lease = Lease()
        lease.grant(.seconds(1000), askedAt: .now)
        let world = try World(limits: limits, lease: lease)
        return (world, lease)
    }

    private func stop(_ world: World, _ lease: Lease) {
        world.rest()
        _ = world.store.takeAttempts()
        world.isStalled = true
        lease.giveUp()
    }

    // MARK: Publishes that change nothing

    @Test(arguments: [QoS.atLeastOnce, .exactlyOnce])
    func `a publish without stored receivers is acknowledged at once while the store is certainly ours`(
        qos: QoS
    ) throws {
        let (world, _) = try doubtful()
        world.isStalled = true
        let publisher = world.join("p")
        #expect(publisher.exchange(.publish("t", qos: qos, id: 1)).count == 1)
        #expect(world.store.takeAttempts().dropFirst() == [])
    }

    @Test(arguments: [ProtocolVersion.v311, .v5])
    func `in doubt it waits for a commit, though there is nothing to commit`(version: ProtocolVersion) throws
    {
        let (world, lease) = try doubtful()
        let publisher = world.join("p", version)
        stop(world, lease)
        #expect(publisher.exchange(.publish("t", qos: .atLeastOnce, id: 1)) == [])
        #expect(publisher.exchange(.publish("t", qos: .exactlyOnce, id: 2)) == [])
        #expect(world.commit())
        let answers = publisher.take()
        #expect(answers.map(\.type) == [.puback, .pubrec])
        #expect(world.store.takeAttempts().map(\.changes) == [[]])
    }

    @Test func `QoS 0 has no acknowledgement, and asks nothing`() throws {
        let (world, lease) = try doubtful()
        let reader = world.join("r")
        reader.subscribe("t")
        let publisher = world.join("p")
        stop(world, lease)
        publisher.send(.publish("t", "1"))
        #expect(reader.takePublishes().texts == ["1"])
        world.isStalled = false
        world.rest()
        #expect(world.store.takeAttempts() == [])
    }

    @Test func `readers that are there get QoS 1 at once, and QoS 2 with the commit`() throws {
        let (world, lease) = try doubtful()
        let reader = world.join("r")
        reader.subscribe("t")
        let publisher = world.join("p")
        stop(world, lease)
        publisher.send(.publish("t", "1", qos: .atLeastOnce, id: 1))
        publisher.send(.publish("t", "2", qos: .exactlyOnce, id: 2))
        #expect(reader.takePublishes().texts == ["1"] && publisher.take() == [])
        world.commit()
        #expect(reader.takePublishes().texts == ["2"] && publisher.take().count == 2)
    }

    @Test func `a publish of the embedding program waits, too`() throws {
        let (world, lease) = try doubtful()
        stop(world, lease)
        world.publish(MessageRecord(topic: "t", payload: [1], qos: .atLeastOnce), ticket: 7)
        world.publish(MessageRecord(topic: "t", payload: [1], qos: .atMostOnce), ticket: 8)
        #expect(world.completed == [8: .success])
        world.commit()
        #expect(world.completed == [7: .success, 8: .success])
    }

    @Test func `who asked for acknowledgements before the commit gets them`() throws {
        let (world, lease) = try doubtful(Limits { $0.acknowledgesBeforeCommit = true })
        let publisher = world.join("p")
        stop(world, lease)
        #expect(publisher.exchange(.publish("t", qos: .atLeastOnce, id: 1)).count == 1)
    }

    @Test func `acknowledgements keep their order over the end of the doubt`() throws {
        let (world, lease) = try doubtful()
        let publisher = world.join("p")
        stop(world, lease)
        #expect(publisher.exchange(.publish("t", qos: .atLeastOnce, id: 1)) == [])
        lease.grant(.seconds(1000), askedAt: .now)
        #expect(publisher.exchange(.publish("t", qos: .atLeastOnce, id: 2)) == [])
        world.commit()
        #expect(publisher.take().pubacks == [1, 2])
        #expect(world.store.takeAttempts() == [], "a heartbeat has asked")
    }

    @Test func `a store that was lost is never followed by an acknowledgement`() throws {
        let (world, lease) = try doubtful()
        let publisher = world.join("p")
        stop(world, lease)
        world.store.commits { _ in .failed(.inUse) }
        world.store.opensFail([.inUse])
        publisher.send(.publish("t", qos: .atLeastOnce, id: 1))
        world.isStalled = false
        world.pass(seconds: 5)
        guard case .end = world.committer.next(now: world.now) else { throw Unexpected([]) }
        #expect(publisher.take() == [])
        world.shutDown()
        #expect(publisher.take().map(\.type) == [.disconnect])
    }

    @Test func `what waits weighs against the limits on memory`() throws {
        let (world, lease) = try doubtful(Limits { $0.uncommittedBytesMax = 2_000 })
        let publisher = world.join("p", .v311)
        stop(world, lease)
        for id in 1...200 as ClosedRange<UInt16> {
            publisher.send(.publish("t", "", qos: .atLeastOnce, id: id))
        }
        #expect(publisher.isPaused && world.commons.queuedBytes < 4_000)
        world.isStalled = false
        world.rest()
        #expect(publisher.take().pubacks == Array(1...200))
    }

    // MARK: What nets to nothing

    @Test func `what an online session acknowledged is settled by a commit in doubt`() throws {
        let (world, lease) = try doubtful()
        let online = world.joinPersistent("s")
        online.subscribe("t")
        let publisher = world.join("p")
        stop(world, lease)
        publisher.send(.publish("t", qos: .atLeastOnce, id: 1))
        #expect(online.acknowledgeAll().count == 1 && publisher.take() == [])
        world.commit()
        #expect(publisher.take() == [.puback(1)])
        #expect(world.store.takeAttempts().map(\.changes) == [[]])
    }

    @Test(arguments: [StoreError.Code.retry, .unavailable])
    func `while the store is away nothing is settled in doubt, and all of it afterwards`(
        code: StoreError.Code
    ) throws {
        let (world, lease) = try doubtful()
        let online = world.joinPersistent("s")
        online.subscribe("t")
        let publisher = world.join("p")
        stop(world, lease)
        world.store.commits { _ in .failed(code) }
        world.isStalled = false
        for id in 1...3 as ClosedRange<UInt16> {
            publisher.send(.publish("t", qos: .atLeastOnce, id: id))
            publisher.send(.publish("nobody", qos: .atLeastOnce, id: id + 10))
            #expect(online.acknowledgeAll().count == 1)
            world.pass(seconds: 1)
        }
        #expect(publisher.take() == [])
        world.store.heal()
        world.pass(seconds: 5)
        #expect(publisher.take().pubacks == [1, 11, 2, 12, 3, 13])
        #expect(world.commons.isSettled)
    }

    @Test func `an entry that is refused does not let others pass in doubt`() throws {
        let (world, lease) = try doubtful()
        let away = world.joinPersistent("a")
        away.subscribe("away")
        away.cut()
        let publisher = world.join("p")
        stop(world, lease)
        world.store.commits { $0.changes.isEmpty ? .failed(.retry) : .failed(.refused) }
        publisher.send(.publish("away", qos: .atLeastOnce, id: 1), .publish("t", qos: .atLeastOnce, id: 2))
        world.isStalled = false
        world.pass(seconds: 1)
        #expect(!publisher.take().pubacks.contains(2))
        world.store.heal()
        world.pass(seconds: 2)
        #expect(publisher.take().pubacks.contains(2))
    }
}

extension [Packet] {
    /// The packet identifiers of PUBACK packets, in order.
    fileprivate var pubacks: [UInt16] {
        compactMap { if case .puback(let puback) = $0 { puback.packetID } else { nil } }
    }
}

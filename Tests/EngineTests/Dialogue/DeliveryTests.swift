// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import Packets
import Persistence
import StoreMemory
import Testing

@testable import Engine

/// What subscribers are sent, and when.
@Suite struct DeliveryTests {
    static let versions: [ProtocolVersion] = [.v31, .v311, .v5]

    /// Publishes one message after another, each acknowledged.
    private func publish(_ texts: Text..., qos: QoS = .atLeastOnce, to topic: Text = "t", in world: World) {
        let publisher = world.join("publisher")
        for (index, text) in texts.enumerated() {
            publisher.exchange(.publish(topic, text, qos: qos, id: UInt16(index + 1)))
        }
        publisher.exchange(.disconnect())
    }

    // MARK: Queueing and resuming

    @Test(arguments: versions)
    func `what was published while the client was away comes in order when it is back [MQTT-4.6.0-1]`(
        version: ProtocolVersion
    ) throws {
        let world = try World()
        let first = world.joinPersistent("s", version)
        first.subscribe("t")
        first.cut()
        let texts = (1...20).map { Text("\($0)") }
        let publisher = world.join("p")
        for (index, text) in texts.enumerated() {
            let qos: QoS = index % 2 == 0 ? .atLeastOnce : .exactlyOnce
            publisher.exchange(.publish("t", text, qos: qos, id: UInt16(index + 1)))
        }
        let received = world.joinPersistent("s", version).acknowledgeAll()
        for qos in [QoS.atLeastOnce, .exactlyOnce] {
            let expected = texts.enumerated().filter { ($0.offset % 2 == 0) == (qos == .atLeastOnce) }
            #expect(received.filter { $0.qos == qos }.texts == expected.map(\.element))
        }
        world.rest()
        #expect(try world.stored().deliveries == [])
    }

    @Test func `QoS 0 is not kept for a client that is away`() throws {
        let world = try World()
        let first = world.joinPersistent("s")
        first.subscribe("t")
        first.cut()
        let publisher = world.join("p")
        publisher.send(.publish("t", "lost"))
        let second = world.joinPersistent("s")
        #expect(second.take() == [])
        publisher.send(.publish("t", "seen"))
        #expect(second.takePublishes().texts == ["seen"])
    }

    @Test func `QoS 0 goes to a client at once that still catches up with its queue`() throws {
        let world = try World()
        let first = world.joinPersistent("s")
        first.subscribe("t")
        first.cut()
        publish("stored", in: world)
        world.holdsReads = true
        let second = world.joinPersistent("s")
        world.join("p").send(.publish("t", "at once"))
        #expect(second.takePublishes().texts == ["at once"])
        world.holdsReads = false
        world.settle()
        #expect(second.takePublishes().texts == ["stored"])
    }

    @Test(arguments: versions)
    func `what was not acknowledged is sent again with DUP and its own identifier [MQTT-4.4.0-1]`(
        version: ProtocolVersion
    ) throws {
        let world = try World()
        let first = world.joinPersistent("s", version)
        first.subscribe("t")
        publish("a", "b", "c", in: world)
        publish("d", qos: .exactlyOnce, in: world)
        #expect(first.takePublishes().map(\.packetID) == [1, 2, 3, 4])
        first.exchange(.puback(2))
        first.cut()
        let second = world.joinPersistent("s", version)
        #expect(
            second.take() == [
                .publish("t", "a", qos: .atLeastOnce, id: 1, dup: true),
                .publish("t", "c", qos: .atLeastOnce, id: 3, dup: true),
                .publish("t", "d", qos: .exactlyOnce, id: 4, dup: true),
            ])
        publish("e", in: world)
        let next = second.takePublishes()
        #expect(next.texts == ["e"] && next.map(\.dup) == [false])
        #expect(next.allSatisfy { ![1, 3, 4].contains($0.packetID) })
    }

    @Test(arguments: versions)
    func `after PUBREC only PUBREL is sent again [MQTT-4.3.3-6] [MQTT-4.4.0-1]`(version: ProtocolVersion)
        throws
    {
        let world = try World()
        let first = world.joinPersistent("s", version)
        first.subscribe("t")
        publish("a", "b", qos: .exactlyOnce, in: world)
        #expect(first.takePublishes().texts == ["a", "b"])
        #expect(first.exchange(.pubrec(1)) == [.pubrel(1)])
        first.cut()
        let second = world.joinPersistent("s", version)
        #expect(second.take() == [.pubrel(1), .publish("t", "b", qos: .exactlyOnce, id: 2, dup: true)])
        #expect(second.exchange(.pubcomp(1), .pubrec(2)) == [.pubrel(2)])
        second.exchange(.pubcomp(2))
        world.rest()
        #expect(try world.stored().deliveries == [])
    }

    @Test func `a second PUBREC is answered with PUBREL again`() throws {
        let world = try World()
        let client = world.joinPersistent("s")
        client.subscribe("t")
        publish("a", qos: .exactlyOnce, in: world)
        _ = client.take()
        #expect(client.exchange(.pubrec(1)) == [.pubrel(1)])
        #expect(client.exchange(.pubrec(1)) == [.pubrel(1)])
        #expect(client.exchange(.pubcomp(1)) == [])
    }

    @Test(arguments: [ReasonCode.unspecifiedError, .quotaExceeded])
    func `a PUBREC with an error ends the delivery [MQTT-4.3.3-4]`(reason: ReasonCode) throws {
        let world = try World()
        let client = world.joinPersistent("s") { $0.receiveMaximum = 1 }
        client.subscribe("t")
        publish("a", "b", qos: .exactlyOnce, in: world)
        #expect(client.takePublishes().texts == ["a"])
        let answer = client.exchange(.pubrec(1, reason))
        #expect(answer == [.publish("t", "b", qos: .exactlyOnce, id: 2)])
        client.exchange(.pubrec(2, reason))
        world.rest()
        #expect(try world.stored().deliveries == [])
    }

    @Test func `a PUBREC with an error is not answered, whatever it is for [MQTT-4.3.3-4]`() throws {
        let world = try World()
        let client = world.joinPersistent("s")
        client.subscribe("t")
        publish("a", qos: .exactlyOnce, in: world)
        _ = client.take()
        #expect(client.exchange(.pubrec(1, .quotaExceeded)) == [])
        #expect(client.exchange(.pubrec(1, .quotaExceeded)) == [])
        #expect(client.exchange(.pubrec(9, .unspecifiedError)) == [])
        #expect(client.exchange(.pubrec(9)) == [.pubrel(9, .packetIdentifierNotFound)])
    }

    @Test func `a PUBACK with an error ends the delivery, too`() throws {
        let world = try World()
        let client = world.joinPersistent("s") { $0.receiveMaximum = 1 }
        client.subscribe("t")
        publish("a", "b", in: world)
        _ = client.take()
        let answer = client.exchange(.puback(1, .notAuthorized))
        #expect(answer == [.publish("t", "b", qos: .atLeastOnce, id: 2)])
    }

    @Test func `an acknowledgement of the wrong kind ends nothing`() throws {
        let world = try World()
        let client = world.joinPersistent("s")
        client.subscribe("t")
        publish("a", qos: .exactlyOnce, in: world)
        publish("b", in: world)
        _ = client.take()
        client.exchange(.puback(1), .pubcomp(1), .pubcomp(2), .pubrec(2))
        client.cut()
        let second = world.joinPersistent("s")
        #expect(second.takePublishes().texts == ["a", "b"])
    }

    // MARK: Identifiers

    @Test(arguments: versions)
    func `the identifiers of the two directions have nothing to do with each other [MQTT-2.2.1-3]`(
        version: ProtocolVersion
    ) throws {
        let world = try World()
        let client = world.joinPersistent("s", version)
        client.subscribe("in", id: 1)
        publish("a", qos: .exactlyOnce, to: "in", in: world)
        publish("b", to: "in", in: world)
        #expect(client.takePublishes().map(\.packetID) == [1, 2])
        #expect(client.exchange(.publish("in2", qos: .exactlyOnce, id: 1)).first?.type == .pubrec)
        #expect(client.exchange(.publish("in2", qos: .atLeastOnce, id: 2)).first?.type == .puback)
        client.subscribe("other", id: 1)
        #expect(client.exchange(.unsubscribe("other", id: 2)).first?.type == .unsuback)
        #expect(client.exchange(.pubrec(1)) == [.pubrel(1)])
        #expect(client.exchange(.pubrel(1)) == [.pubcomp(1)])
        #expect(client.exchange(.pubcomp(1), .puback(2)) == [])
        world.rest()
        #expect(try world.stored().deliveries == [])
    }

    @Test func `an identifier in use is not given out again while the others go round [MQTT-2.2.1-3]`() throws
    {
        let world = try World()
        let client = world.join("s")
        client.subscribe("t", qos: .atLeastOnce)
        let publisher = world.join("p")
        publisher.send(.publish("t", "held", qos: .atLeastOnce, id: 1))
        let held = client.takePublishes().map(\.packetID)
        var seen: Set<UInt16> = []
        for _ in 0..<66 {
            publisher.send((0..<1000).map { _ in .publish("t", "", qos: .atLeastOnce, id: 2) })
            let ids = client.takePublishes().map(\.packetID)
            seen.formUnion(ids)
            client.send(ids.map { .puback($0) })
            _ = publisher.take()
        }
        #expect(held == [1] && !seen.contains(1) && !seen.contains(0) && seen.count > 60_000)
    }

    // MARK: Receive Maximum

    @Test(arguments: [QoS.atLeastOnce, .exactlyOnce])
    func `no more are in flight than the client's Receive Maximum [MQTT-3.3.4-9]`(qos: QoS) throws {
        let world = try World()
        let client = world.joinPersistent("s") { $0.receiveMaximum = 2 }
        client.subscribe("t")
        publish("1", "2", "3", "4", qos: qos, in: world)
        #expect(client.takePublishes().texts == ["1", "2"])
        if qos == .exactlyOnce {
            #expect(client.exchange(.pubrec(1)) == [.pubrel(1)])
            client.send(.pubcomp(1))
        } else {
            client.send(.puback(1))
        }
        #expect(client.takePublishes().texts == ["3"])
    }

    @Test func `QoS 0 does not count in the Receive Maximum`() throws {
        let world = try World()
        let client = world.join("s") { $0.receiveMaximum = 1 }
        client.subscribe("t")
        publish("1", "2", in: world)
        let publisher = world.join("p")
        publisher.send(.publish("t", "3"), .publish("t", "4"))
        #expect(client.takePublishes().texts == ["1", "3", "4"])
    }

    @Test func `the Receive Maximum holds when a session is resumed, for what is sent again as well`() throws
    {
        let world = try World()
        let first = world.joinPersistent("s")
        first.subscribe("t")
        publish("1", "2", "3", "4", "5", "6", in: world)
        #expect(first.takePublishes().count == 6)
        first.cut()
        let second = world.joinPersistent("s") { $0.receiveMaximum = 2 }
        let sent = second.takePublishes()
        #expect(sent.texts == ["1", "2"] && sent.map(\.packetID) == [1, 2] && sent.allSatisfy(\.dup))
        second.send(.puback(2))
        let third = second.takePublishes()
        #expect(third.texts == ["3"] && third.map(\.packetID) == [3] && third.map(\.dup) == [true])
        second.send(.puback(1), .puback(3))
        #expect(second.acknowledgeAll().texts == ["4", "5", "6"])
    }

    @Test func `a window of any size gets everything, once and in order`() throws {
        let world = try World(limits: Limits { $0.windowMessagesMax = 8 })
        let first = world.joinPersistent("s")
        first.subscribe("t")
        first.cut()
        let texts = (1...100).map { Text("\($0)") }
        let publisher = world.join("p")
        publisher.send(texts.enumerated().map { .publish("t", $1, qos: .atLeastOnce, id: UInt16($0 + 1)) })
        let second = world.joinPersistent("s") { $0.receiveMaximum = 3 }
        #expect(second.acknowledgeAll().texts == texts)
    }

    @Test func `the client's own Receive Maximum is enforced with 0x93 [MQTT-3.3.4-7]`() throws {
        let world = try World(limits: Limits { $0.receiveMaximum = 2 })
        let client = world.joinPersistent("p")
        #expect(client.exchange(.publish("t", qos: .exactlyOnce, id: 1)).count == 1)
        #expect(client.exchange(.publish("t", qos: .exactlyOnce, id: 2)).count == 1)
        #expect(client.exchange(.publish("t"), .publish("t", qos: .exactlyOnce, id: 2, dup: true)).count == 1)
        let answer = client.exchange(.publish("t", qos: .atLeastOnce, id: 3))
        #expect(answer == [.disconnect(.receiveMaximumExceeded)] && client.isClosed)
    }

    @Test func `PUBREC with an error and PUBCOMP give the quota back [MQTT-4.9.0-2]`() throws {
        let world = try World(limits: Limits { $0.receiveMaximum = 1 })
        let client = world.joinPersistent("p")
        for _ in 0..<3 {
            #expect(
                client.exchange(.publish("$SYS/x", qos: .exactlyOnce, id: 1)) == [
                    .pubrec(1, .topicNameInvalid)
                ])
            #expect(client.exchange(.publish("t", qos: .exactlyOnce, id: 1)).first?.type == .pubrec)
            #expect(client.exchange(.pubrel(1)) == [.pubcomp(1)])
            #expect(client.exchange(.publish("t", qos: .atLeastOnce, id: 1)).first?.type == .puback)
        }
    }

    @Test func `MQTT 3.1.1 clients, who cannot know the broker's Receive Maximum, are not held to it`() throws
    {
        let world = try World(limits: Limits { $0.receiveMaximum = 2 })
        let client = world.join("p", .v311)
        let packets = client.exchange(
            .publish("t", qos: .exactlyOnce, id: 1), .publish("t", qos: .exactlyOnce, id: 2),
            .publish("t", qos: .exactlyOnce, id: 3))
        #expect(packets == [.pubrec(1), .pubrec(2), .pubrec(3)] && !client.isClosed)
    }
}

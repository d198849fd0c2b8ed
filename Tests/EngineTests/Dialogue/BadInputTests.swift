// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import Packets
import Persistence
import StoreMemory
import Synchronization
import Testing

@testable import Engine

/// Bytes and packets that nobody may send: the sender learns why, and nobody else notices.
@Suite struct BadInputTests {
    private struct Case: CustomTestStringConvertible {
        var name: String
        var bytes: [UInt8]
        var reason: ReasonCode
        var testDescription: String { name }
    }

    private static let cases: [Case] = [
        Case(name: "reserved type", bytes: [0x00, 0x00], reason: .malformedPacket),
        Case(name: "flags of PINGREQ", bytes: [0xC1, 0x00], reason: .malformedPacket),
        Case(name: "flags of SUBSCRIBE", bytes: [0x80, 0x02, 0, 1], reason: .malformedPacket),
        Case(name: "QoS 3", bytes: [0x36, 0x06, 0, 1, 0x61, 0, 1, 0], reason: .malformedPacket),
        Case(name: "DUP with QoS 0", bytes: [0x38, 0x04, 0, 1, 0x61, 0], reason: .protocolError),
        Case(name: "five bytes of length", bytes: [0x30, 0xFF, 0xFF, 0xFF, 0xFF], reason: .malformedPacket),
        Case(name: "packet identifier 0", bytes: [0x32, 0x06, 0, 1, 0x61, 0, 0, 0], reason: .protocolError),
        Case(name: "topic with a wildcard", bytes: [0x30, 0x04, 0, 1, 0x23, 0], reason: .topicNameInvalid),
        Case(name: "topic with U+0000", bytes: [0x30, 0x04, 0, 1, 0, 0], reason: .malformedPacket),
        Case(name: "no topic and no alias", bytes: [0x30, 0x03, 0, 0, 0], reason: .protocolError),
        Case(
            name: "truncated SUBSCRIBE", bytes: [0x82, 0x06, 0, 1, 0, 0, 1, 0x61], reason: .malformedPacket),
        Case(name: "empty SUBSCRIBE", bytes: [0x82, 0x03, 0, 1, 0], reason: .protocolError),
        Case(name: "empty UNSUBSCRIBE", bytes: [0xA2, 0x03, 0, 1, 0], reason: .protocolError),
        Case(name: "PUBACK without identifier", bytes: [0x40, 0x00], reason: .malformedPacket),
        Case(name: "alias 0", bytes: [0x30, 0x07, 0, 1, 0x61, 3, 0x23, 0, 0], reason: .topicAliasInvalid),
        Case(
            name: "subscription identifier from a client", bytes: [0x30, 0x06, 0, 1, 0x61, 2, 0x0B, 1],
            reason: .protocolError),
        Case(
            name: "unknown property", bytes: [0x30, 0x06, 0, 1, 0x61, 2, 0x7F, 1], reason: .malformedPacket),
    ]

    /// A world with a client that must not notice anything.
    private func watched() throws -> (World, TestClient) {
        let world = try World()
        let bystander = world.join("bystander")
        bystander.subscribe("#")
        return (world, bystander)
    }

    @Test(arguments: cases)
    private func `malformed bytes get the reason code that the specification names [MQTT-4.13.1-1]`(bad: Case)
        throws
    {
        let (world, bystander) = try watched()
        let client = world.join("a")
        client.send(bytes: bad.bytes)
        #expect(client.take() == [.disconnect(bad.reason)] && client.isClosed)
        #expect(bystander.take() == [] && bystander.exchange(.pingreq) == [.pingresp])
    }

    @Test(arguments: cases.filter { $0.bytes[0] != 0x30 || $0.bytes.count < 6 })
    private func `malformed bytes of a 3.1.1 client close its connection without a word [MQTT-4.8.0-1]`(
        bad: Case
    ) throws {
        let (world, bystander) = try watched()
        let client = world.join("a", .v311)
        client.send(bytes: bad.bytes.count == 2 && bad.bytes[0] == 0x40 ? [0x40, 0x01, 0x00] : bad.bytes)
        if client.isClosed { #expect(client.take() == []) }
        #expect(bystander.exchange(.pingreq).contains(.pingresp))
    }

    @Test(arguments: [
        Packet.connack(.success), .suback(1, .success), .unsuback(Unsuback(packetID: 1, reasons: [.success])),
        .pingresp,
    ])
    func `packets that only a server sends close the connection with 0x82`(packet: Packet) throws {
        let (world, bystander) = try watched()
        let client = world.join("a")
        #expect(client.exchange(packet) == [.disconnect(.protocolError)] && client.isClosed)
        #expect(bystander.take() == [])
    }

    @Test func `AUTH without an authentication method is a protocol error [MQTT-4.12.0-1]`() throws {
        let world = try World()
        let client = world.join("a")
        let auth = Auth(
            reason: .reauthenticate, properties: Properties { $0.authenticationMethod = "SCRAM" })
        #expect(client.exchange(.auth(auth)) == [.disconnect(.protocolError)] && client.isClosed)
    }

    @Test func `what came before the bad packet counts, and what follows does not`() throws {
        let (world, bystander) = try watched()
        let client = world.join("a")
        client.send(
            bytes: Packet.publish("t", "before").bytes(.v5) + [0x00, 0x00]
                + Packet.publish("t", "after").bytes(.v5))
        #expect(client.take() == [.disconnect(.malformedPacket)])
        #expect(bystander.takePublishes().texts == ["before"])
    }

    @Test func `a slot that is used again knows nothing of its last client`() throws {
        let (world, bystander) = try watched()
        let first = world.joinPersistent("a")
        first.subscribe("t")
        first.send(bytes: [0x30])
        first.cut()
        let second = world.join("b")
        #expect(second.slot.index == first.slot.index && second.slot != first.slot)
        world.join("p").send(.publish("t"))
        #expect(second.take() == [] && bystander.takePublishes().count == 1)
    }

    @Test func `random bytes behind CONNECT never harm anybody else`() throws {
        let (world, bystander) = try watched()
        bystander.send(.unsubscribe("#"))
        _ = bystander.take()
        var random = SplitMix64(seed: 3)
        for round in 0..<300 {
            let client = world.join(Text("r\(round)"), will: nil)
            let bytes = (0..<Int.random(in: 1...60, using: &random)).map { _ in
                UInt8.random(in: .min ... .max, using: &random)
            }
            client.send(bytes: bytes)
            if !client.isClosed { client.cut() }
        }
        #expect(bystander.exchange(.pingreq) == [.pingresp])
        world.rest()
        #expect(world.commons.registry.withLock { $0.count } == 1)
        #expect(world.commons.subscriptions.count == 0)
    }
}

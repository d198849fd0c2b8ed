// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import Packets
import Persistence
import StoreMemory
import Testing

@testable import Engine

@Suite struct ConnectTests {
    static let versions: [ProtocolVersion] = [.v31, .v311, .v5]

    /// What a CONNECT is answered with.
    private func answer(
        to connect: Connect, limits: Limits = Limits(), others: Int = 0
    ) throws -> (packets: [Packet], isClosed: Bool) {
        let world = try World(limits: limits)
        for _ in 0..<others { _ = world.open() }
        let client = world.open(connect.version)
        return (client.exchange(.connect(connect)), client.isClosed)
    }

    // MARK: Accepting

    @Test(arguments: versions)
    func `the first answer to CONNECT is CONNACK with success [MQTT-3.2.0-1]`(version: ProtocolVersion) throws
    {
        let world = try World()
        let client = world.connect("a", version)
        let packets = client.take()
        guard case .connack(let connack) = packets.first else { throw Unexpected(packets) }
        #expect(packets.count == 1 && connack.reason == .success && !connack.sessionPresent)
        #expect(!client.isClosed)
    }

    @Test func `CONNACK tells MQTT 5 clients the limits that are not the protocol's`() throws {
        let world = try World(
            limits: Limits {
                $0.receiveMaximum = 20
                $0.topicAliasMaximum = 3
                $0.packetBytesMax = 5_000
                $0.maximumQoS = .atLeastOnce
                $0.retainAvailable = false
                $0.wildcardSubscriptionsAvailable = false
                $0.sharedSubscriptionsAvailable = false
                $0.subscriptionIdentifiersAvailable = false
                $0.sessionExpirySecondsMax = 60
                $0.serverKeepAliveSeconds = 30
            })
        let packets = world.connect("a", clean: true, expiry: 100, keepAlive: 0).take()
        let expected = Properties {
            $0.receiveMaximum = 20
            $0.topicAliasMaximum = 3
            $0.maximumPacketSize = 5_000
            $0.maximumQoS = .atLeastOnce
            $0.retainAvailable = false
            $0.wildcardSubscriptionAvailable = false
            $0.sharedSubscriptionAvailable = false
            $0.subscriptionIdentifiersAvailable = false
            $0.sessionExpiry = 60
            $0.serverKeepAlive = 30
        }
        #expect(packets == [.connack(Connack(properties: expected))])
    }

    @Test func `a client without an identifier is told which it got [MQTT-3.2.2-16]`() throws {
        let world = try World()
        var assigned: Set<Text> = []
        for _ in 0..<3 {
            guard case .connack(let connack) = world.connect("").take().first else { throw Unexpected([]) }
            assigned.insert(connack.properties.assignedClientID ?? "")
        }
        #expect(assigned.count == 3 && !assigned.contains(""))
    }

    @Test func `a client comes back to its session under the identifier it was assigned [MQTT-3.1.3-6]`()
        throws
    {
        let world = try World()
        let first = world.connect("", clean: false, expiry: 60)
        guard case .connack(let connack) = first.take().first else { throw Unexpected([]) }
        first.cut()
        _ = world.join(connack.properties.assignedClientID ?? "", clean: false, expiry: 60, present: true)
    }

    // MARK: Session present

    @Test(arguments: [ProtocolVersion.v311, .v5])
    func `session present says whether the broker knows the session [MQTT-3.2.2-3]`(version: ProtocolVersion)
        throws
    {
        let world = try World()
        let first = world.joinPersistent("a", version, present: false)
        first.cut()
        let second = world.joinPersistent("a", version, present: true)
        second.exchange(.disconnect())
        _ = world.joinPersistent("a", version, present: true)
    }

    @Test func `MQTT 3.1 resumes the session without a flag for it`() throws {
        let world = try World()
        let first = world.joinPersistent("a", .v31)
        first.subscribe("t", qos: .atLeastOnce)
        first.cut()
        world.join("p").send(.publish("t", qos: .atLeastOnce, id: 1))
        let second = world.joinPersistent("a", .v31, present: false)
        #expect(second.takePublishes().map(\.topic) == ["t"])
    }

    @Test(arguments: versions)
    func `a clean start ends the earlier session with all it had [MQTT-3.1.2-4]`(version: ProtocolVersion)
        throws
    {
        let world = try World()
        let first = world.joinPersistent("a", version)
        first.subscribe("t", qos: .atLeastOnce)
        first.cut()
        let publisher = world.join("p")
        publisher.exchange(.publish("t", qos: .atLeastOnce, id: 1))
        let second = world.join("a", version, clean: true, present: false)
        publisher.exchange(.publish("t", qos: .atLeastOnce, id: 2))
        #expect(second.take() == [])
        world.rest()
        #expect(try world.stored().deliveries == [] && world.stored().subscriptions == [])
        #expect(try world.stored().endedSessions == [] && world.stored().clients == [])
    }

    @Test func `a session without expiry ends with its connection`() throws {
        let world = try World()
        let first = world.join("a", clean: false, expiry: 0)
        first.subscribe("t")
        first.cut()
        _ = world.join("a", clean: false, expiry: 0, present: false)
        #expect(
            world.join("p").exchange(.publish("t", qos: .atLeastOnce, id: 1)) == [
                .puback(1, .noMatchingSubscribers)
            ])
    }

    // MARK: Refusing

    @Test func `an enhanced authentication method that is not offered is refused with 0x8C [MQTT-4.12.0-1]`()
        throws
    {
        let connect = Connect(clientID: "a", properties: Properties { $0.authenticationMethod = "SCRAM" })
        let answer = try answer(to: connect)
        #expect(answer.packets == [.connack(.badAuthenticationMethod)] && answer.isClosed)
    }

    @Test(arguments: [ProtocolVersion.v31, .v311])
    func `an empty identifier that nobody could come back with is refused with 2 [MQTT-3.1.3-8]`(
        version: ProtocolVersion
    ) throws {
        let answer = try answer(to: Connect(version: version, clientID: "", cleanStart: false))
        #expect(answer.packets == [.connack(.clientIdentifierNotValid)] && answer.isClosed)
    }

    @Test(arguments: [(ProtocolVersion.v311, ReasonCode.serverUnavailable), (.v5, .quotaExceeded)])
    func `more clients than the limit are refused`(version: ProtocolVersion, reason: ReasonCode) throws {
        let limits = Limits { $0.clientsMax = 1 }
        let answer = try answer(to: Connect(version: version, clientID: "a"), limits: limits, others: 1)
        #expect(answer.packets == [.connack(reason)] && answer.isClosed)
    }

    @Test(arguments: [
        (Will.say("$SYS/broker"), ReasonCode.topicNameInvalid), (.say("a/b/c/d"), .topicNameInvalid),
        (.say("w", qos: .exactlyOnce), .qosNotSupported), (.say("w", retain: true), .retainNotSupported),
    ])
    func `a will that could not be published is refused when it is given [MQTT-3.2.2-12] [MQTT-3.2.2-13]`(
        will: Will, reason: ReasonCode
    ) throws {
        let limits = Limits {
            $0.topicLevelsMax = 3
            $0.maximumQoS = .atLeastOnce
            $0.retainAvailable = false
        }
        let answer = try answer(to: Connect(clientID: "a", will: will), limits: limits)
        #expect(answer.packets == [.connack(reason)] && answer.isClosed)
    }

    @Test func `an unknown protocol level below 5 is refused with return code 1 [MQTT-3.1.2-2]`() throws {
        let world = try World()
        let client = world.open(.v311)
        client.send(bytes: [0x10, 0x0D, 0, 4, 0x4D, 0x51, 0x54, 0x54, 2, 2, 0, 0, 0, 1, 0x61])
        #expect(client.take() == [.connack(.unsupportedProtocolVersion)] && client.isClosed)
    }

    /// A bridge of mosquitto would try the same again and again if it got the CONNACK of MQTT 5.
    @Test(arguments: [0x85, 0x86, 0xFF] as [UInt8])
    func `an unknown level of a bridge is refused with return code 1 [MQTT-3.1.2-2]`(level: UInt8) throws {
        let world = try World()
        let client = world.open(.v311)
        client.send(bytes: [0x10, 0x0D, 0, 4, 0x4D, 0x51, 0x54, 0x54, level, 2, 0, 0, 0, 1, 0x61])
        #expect(client.take() == [.connack(.unsupportedProtocolVersion)] && client.isClosed)
    }

    @Test(arguments: [ProtocolVersion.v31, .v311])
    func `a bridge gets nothing back that it has published, and retain flags as they were`(
        version: ProtocolVersion
    ) throws {
        let world = try World()
        let bridge = world.open(version)
        var connect = Connect(version: version, clientID: "b")
        connect.isBridge = true
        #expect(bridge.exchange(.connect(connect)).first?.type == .connack)
        bridge.subscribe("t", "$share/g/s")
        #expect(bridge.exchange(.publish("t", "own", retain: true)) == [])
        let other = world.join("o")
        other.send(.publish("t", "kept", retain: true), .publish("t", "not"), .publish("s", "shared"))
        #expect(
            bridge.take() == [
                .publish("t", "kept", retain: true), .publish("t", "not"), .publish("s", "shared"),
            ])
    }

    @Test(arguments: [ProtocolVersion.v31, .v311])
    func `before MQTT 5 a will below $SYS goes where such a publish goes`(version: ProtocolVersion) throws {
        let world = try World()
        let watcher = world.join("w")
        watcher.subscribe("$SYS/#")
        world.join("b", version, will: .say("$SYS/broker/connection/b/state", "0")).cut()
        world.rest()
        #expect(watcher.take() == [])
    }

    @Test func `a protocol level above 5 is refused with 0x84 [MQTT-3.1.2-2]`() throws {
        let world = try World()
        let client = world.open(.v5)
        client.send(bytes: [0x10, 0x0E, 0, 4, 0x4D, 0x51, 0x54, 0x54, 6, 2, 0, 0, 0, 0, 1, 0x61])
        #expect(client.take() == [.connack(.unsupportedProtocolVersion)] && client.isClosed)
    }

    @Test func `a malformed CONNECT of MQTT 5 is refused with 0x81 [MQTT-3.1.4-1]`() throws {
        let world = try World()
        let client = world.open(.v5)
        client.send(bytes: [0x10, 0x0E, 0, 4, 0x4D, 0x51, 0x54, 0x54, 5, 3, 0, 0, 0, 0, 1, 0x61])
        #expect(client.take() == [.connack(.malformedPacket)] && client.isClosed)
    }

    @Test func `a malformed CONNECT of MQTT 3.1.1 is closed without a word [MQTT-3.1.4-1]`() throws {
        let world = try World()
        let client = world.open(.v311)
        client.send(bytes: [0x10, 0x0D, 0, 4, 0x4D, 0x51, 0x54, 0x54, 4, 3, 0, 0, 0, 1, 0x61])
        #expect(client.take() == [] && client.isClosed)
    }

    @Test func `a CONNECT beyond the packet limit is closed before its body arrives`() throws {
        let world = try World(limits: Limits { $0.packetBytesMax = 1_000 })
        let client = world.open()
        client.send(bytes: [0x10, 0xFF, 0xFF, 0xFF, 0x7F])
        #expect(client.take() == [] && client.isClosed)
    }

    // MARK: Order of packets

    @Test(arguments: [
        Packet.pingreq, .publish("t"), .subscribe("t"), .disconnect(), .connack(.success), .puback(1),
    ])
    func `anything before CONNECT closes the connection without an answer [MQTT-3.1.0-1]`(packet: Packet)
        throws
    {
        let world = try World()
        let client = world.open()
        #expect(client.exchange(packet) == [] && client.isClosed)
    }

    @Test(arguments: versions)
    func `a second CONNECT closes the connection [MQTT-3.1.0-2]`(version: ProtocolVersion) throws {
        let world = try World()
        let client = world.join("a", version)
        let packets = client.exchange(.connect(Connect(version: version, clientID: "a")))
        #expect(packets == (version == .v5 ? [.disconnect(.protocolError)] : []) && client.isClosed)
    }

    @Test(arguments: versions)
    func `packets right behind CONNECT are answered after CONNACK, in order`(version: ProtocolVersion) throws
    {
        let world = try World()
        let client = world.open(version)
        client.send(
            .connect(Connect(version: version, clientID: "a")), .subscribe("t", qos: .atLeastOnce),
            .publish("t", "1"), .publish("t", "2", qos: .atLeastOnce, id: 7), .pingreq)
        var packets = client.take()
        guard case .connack = packets.first else { throw Unexpected(packets) }
        packets.removeFirst()
        #expect(packets.first == .suback(100, .grantedQoS1))
        #expect(
            Set(packets.dropFirst()) == [
                .publish("t", "1"), .publish("t", "2", qos: .atLeastOnce, id: 1), .puback(7), .pingresp,
            ])
        #expect(packets.count == 5)
    }

    @Test func `a packet that is cut in pieces anywhere is read as one`() throws {
        let world = try World()
        let client = world.join("a")
        client.subscribe("t")
        let bytes = Packet.publish("t", "whole", qos: .atLeastOnce, id: 3).bytes(.v5) + [0xC0, 0x00]
        for byte in bytes { client.send(bytes: [byte]) }
        #expect(
            client.take() == [.puback(3), .publish("t", "whole", qos: .atLeastOnce, id: 1), .pingresp])
    }

    @Test
    func `a client that CONNACK is too large for is refused before it takes anything over [MQTT-3.2.0-1]`()
        throws
    {
        let world = try World()
        let healthy = world.joinPersistent("a")
        for size in UInt32(1)...15 {
            let small = world.connect("a", clean: true) { $0.maximumPacketSize = size }
            #expect(small.take() == (size < 5 ? [] : [.connack(.packetTooLarge)]), "\(size)")
            #expect(small.isClosed)
        }
        #expect(!healthy.isClosed && healthy.take() == [])
        let assigned = world.connect("", clean: true) { $0.maximumPacketSize = 40 }
        #expect(assigned.take() == [.connack(.packetTooLarge)])
        #expect(world.join("b") { $0.maximumPacketSize = 100 }.take() == [])
    }

    @Test func `a CONNACK that refuses is not sent to a client that it is too large for [MQTT-3.1.2-24]`()
        throws
    {
        let world = try World()
        for size in UInt32(1)...6 {
            let client = world.connect("a") {
                $0.maximumPacketSize = size
                $0.authenticationMethod = "x"
            }
            #expect(client.take() == (size < 5 ? [] : [.connack(.badAuthenticationMethod)]), "\(size)")
            #expect(client.isClosed)
        }
    }

    @Test func `a connection that does not finish CONNECT in time is closed`() throws {
        let world = try World(limits: Limits { $0.connectSecondsMax = 5 })
        let (silent, slow) = (world.open(), world.open())
        slow.send(bytes: [0x10])
        world.pass(seconds: 4)
        #expect(!silent.isClosed && !slow.isClosed)
        world.pass(seconds: 2)
        #expect(silent.isClosed && slow.isClosed && silent.take() == [])
    }
}

/// The dialogue took another course.
struct Unexpected: Error {
    var packets: [Packet]
    init(_ packets: [Packet]) { self.packets = packets }
}

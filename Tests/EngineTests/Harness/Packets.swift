// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import NIOCore
import Packets
import Persistence
import Testing

@testable import Engine

/// Packets as the tests write them: whatever is not said is the default.
extension Packet {
    static func publish(
        _ topic: Text, _ payload: Text = "x", qos: QoS = .atMostOnce, id: UInt16 = 0, dup: Bool = false,
        retain: Bool = false, _ configure: (inout Properties) -> Void = { _ in }
    ) -> Packet {
        .publish(
            Publish(
                dup: dup, qos: qos, retain: retain, topic: topic, packetID: id, payload: payload.bytes,
                properties: Properties(configure)))
    }

    static func puback(_ id: UInt16, _ reason: ReasonCode = .success) -> Packet {
        .puback(Acknowledgement(packetID: id, reason: reason))
    }

    static func pubrec(_ id: UInt16, _ reason: ReasonCode = .success) -> Packet {
        .pubrec(Acknowledgement(packetID: id, reason: reason))
    }

    static func pubrel(_ id: UInt16, _ reason: ReasonCode = .success) -> Packet {
        .pubrel(Acknowledgement(packetID: id, reason: reason))
    }

    static func pubcomp(_ id: UInt16, _ reason: ReasonCode = .success) -> Packet {
        .pubcomp(Acknowledgement(packetID: id, reason: reason))
    }

    static func disconnect(
        _ reason: ReasonCode = .normalDisconnection, expiry: UInt32? = nil
    ) -> Packet {
        .disconnect(Disconnect(reason: reason, properties: Properties { $0.sessionExpiry = expiry }))
    }

    static func subscribe(
        _ filters: Text..., qos: QoS = .exactlyOnce, id: UInt16 = 100
    ) -> Packet {
        .subscribe(
            Subscribe(
                packetID: id,
                subscriptions: filters.map {
                    Subscription(filter: $0, options: SubscriptionOptions(qos: qos))
                }))
    }

    static func unsubscribe(_ filters: Text..., id: UInt16 = 101) -> Packet {
        .unsubscribe(Unsubscribe(packetID: id, filters: filters))
    }

    static func suback(_ id: UInt16, _ reasons: ReasonCode...) -> Packet {
        .suback(Suback(packetID: id, reasons: reasons))
    }

    static func connack(_ reason: ReasonCode, sessionPresent: Bool = false) -> Packet {
        .connack(Connack(sessionPresent: sessionPresent, reason: reason))
    }

    /// The bytes of a packet.
    func bytes(_ version: ProtocolVersion) -> [UInt8] {
        var buffer = ByteBuffer()
        #expect(encode(into: &buffer, version: version))
        return Array(buffer.readableBytesView)
    }
}

/// Short descriptions for failures.
extension Properties: CustomDebugStringConvertible {
    /// Those that are set.
    public var debugDescription: String {
        let set = Mirror(reflecting: self).children.compactMap { child -> String? in
            let text = "\(child.value)"
            guard text != "nil", text != "[]" else { return nil }
            return "\(child.label ?? ""): \(text)"
        }
        return "{\(set.joined(separator: ", "))}"
    }
}

extension Publish: CustomDebugStringConvertible {
    /// One line.
    public var debugDescription: String {
        "\(topic)=\(text) qos \(qos.rawValue) id \(packetID)\(dup ? " dup" : "")\(retain ? " retain" : "")"
            + " \(properties.debugDescription)"
    }
}

extension Publish {
    /// The payload as text.
    var text: Text { Text(bytes: payload) }
}

extension [Publish] {
    /// The payloads, in order.
    var texts: [Text] { map(\.text) }
}

extension Will {
    /// A will as the tests write it.
    static func say(
        _ topic: Text, _ payload: Text = "gone", qos: QoS = .atMostOnce, retain: Bool = false,
        delay: UInt32? = nil, _ configure: (inout Properties) -> Void = { _ in }
    ) -> Will {
        var properties = Properties(configure)
        properties.willDelay = delay
        return Will(topic: topic, payload: payload.bytes, qos: qos, retain: retain, properties: properties)
    }
}

/// CONNECT.
extension World {
    /// Connects and returns the client; its CONNACK is the first packet it has received. A 3.x client without
    /// `expiry` has a clean session.
    func connect(
        _ clientID: Text, _ version: ProtocolVersion = .v5, shard: Int = 0, clean: Bool? = nil,
        expiry: UInt32? = nil, keepAlive: UInt16 = 0, will: Will? = nil,
        _ configure: (inout Properties) -> Void = { _ in }
    ) -> TestClient {
        let client = open(version, shard: shard)
        var properties = Properties(configure)
        if version == .v5 { properties.sessionExpiry = expiry }
        client.send(
            .connect(
                Connect(
                    version: version, clientID: clientID, cleanStart: clean ?? (expiry == nil),
                    keepAlive: keepAlive, will: will, properties: properties)))
        return client
    }

    /// Connects, and looks that it is accepted; the CONNACK is taken.
    func join(
        _ clientID: Text, _ version: ProtocolVersion = .v5, shard: Int = 0, clean: Bool? = nil,
        expiry: UInt32? = nil, keepAlive: UInt16 = 0, will: Will? = nil,
        present: Bool? = nil, _ configure: (inout Properties) -> Void = { _ in },
        at location: SourceLocation = #_sourceLocation
    ) -> TestClient {
        let client = connect(
            clientID, version, shard: shard, clean: clean, expiry: expiry, keepAlive: keepAlive, will: will,
            configure)
        let packets = client.take()
        guard case .connack(let connack) = packets.first, connack.reason == .success else {
            Issue.record("\(clientID) was not accepted: \(packets)", sourceLocation: location)
            return client
        }
        if let present { #expect(connack.sessionPresent == present, sourceLocation: location) }
        client.keep(Array(packets.dropFirst()))
        return client
    }

    /// A persistent session: MQTT 5 with an hour, or a 3.1.1 session that is not clean.
    func joinPersistent(
        _ clientID: Text, _ version: ProtocolVersion = .v5, shard: Int = 0, will: Will? = nil,
        present: Bool? = nil, _ configure: (inout Properties) -> Void = { _ in },
        at location: SourceLocation = #_sourceLocation
    ) -> TestClient {
        join(
            clientID, version, shard: shard, clean: false, expiry: 3600, will: will, present: present,
            configure, at: location)
    }
}

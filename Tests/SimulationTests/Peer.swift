// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import Engine
import NIOCore
import Packets

/// A client on a stage: it says what a test tells it to, and keeps what it hears.
final class Peer {
    let stage: Stage
    let shard: Int
    let slot: SlotID
    let version: ProtocolVersion
    var written = ByteBuffer()
    var isClosed = false
    private(set) var heard: [Packet] = []
    private var decoder: Decoder

    init(_ stage: Stage, shard: Int, slot: SlotID, version: ProtocolVersion) {
        self.stage = stage
        self.shard = shard
        self.slot = slot
        self.version = version
        decoder = Decoder(packetBytesMax: .max, isServer: false, version: version)
    }

    func decode() {
        while let packet = next() { heard.append(packet) }
    }

    private func next() -> Packet? {
        var found: Packet?
        var used = 0
        do {
            try written.withUnsafeReadableBytes { bytes in
                guard let frame = try decoder.scan(bytes, from: 0) else { return }
                found = try decoder.packet(frame, in: bytes)
                used = frame.end
            }
        } catch {
            preconditionFailure("the broker wrote what nobody can read: \(error)")
        }
        written.moveReaderIndex(forwardBy: used)
        return found
    }

    /// Sends one packet; the tick goes on.
    func send(_ packet: Packet) {
        var buffer = ByteBuffer()
        let isSent = packet.encode(into: &buffer, version: version)
        precondition(isSent, "a peer sends what exists in its version")
        stage.receive(buffer, shard, slot)
    }

    // MARK: What a peer says

    func connect(_ clientID: Text, clean: Bool = false, expiry: UInt32 = .max) {
        var connect = Connect(version: version, clientID: clientID, cleanStart: clean)
        if version == .v5 && expiry > 0 { connect.properties.sessionExpiry = expiry }
        send(.connect(connect))
    }

    func subscribe(_ filter: Text, _ qos: QoS = .exactlyOnce) {
        let subscription = Subscription(filter: filter, options: SubscriptionOptions(qos: qos))
        send(.subscribe(Subscribe(packetID: 999, subscriptions: [subscription])))
    }

    func publish(
        _ topic: Text, _ payload: String, _ qos: QoS = .atLeastOnce, id: UInt16 = 1, retain: Bool = false,
        dup: Bool = false
    ) {
        send(
            .publish(
                Publish(
                    dup: dup, qos: qos, retain: retain, topic: topic, packetID: qos == .atMostOnce ? 0 : id,
                    payload: Array(payload.utf8))))
    }

    func say(_ type: PacketType, _ id: UInt16) {
        let acknowledgement = Acknowledgement(packetID: id)
        switch type {
        case .puback: send(.puback(acknowledgement))
        case .pubrec: send(.pubrec(acknowledgement))
        case .pubrel: send(.pubrel(acknowledgement))
        default: send(.pubcomp(acknowledgement))
        }
    }

    /// Leaves for good: the session ends with the connection.
    func end() {
        var disconnect = Disconnect()
        disconnect.properties.sessionExpiry = 0
        send(.disconnect(disconnect))
    }

    // MARK: What a peer has heard

    var publishes: [Publish] {
        heard.compactMap { if case .publish(let publish) = $0 { publish } else { nil } }
    }

    var payloads: [String] { publishes.map { String(decoding: $0.payload, as: UTF8.self) } }

    func count(_ type: PacketType) -> Int { heard.count { $0.type == type } }

    var connack: Connack? {
        for case .connack(let connack) in heard { return connack }
        return nil
    }
}

// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import NIOCore
import Packets
import Testing

@testable import Engine

/// The other end of a connection: sends real bytes and decodes what comes back.
final class TestClient {
    private let world: World
    let version: ProtocolVersion
    let shard: Int
    let slot: SlotID
    /// Bytes that have arrived and were not looked at.
    var inbox = ByteBuffer()
    var isClosed = false
    /// The broker does not read from the socket.
    var isPaused = false
    /// The socket takes bytes.
    var takesBytes = true
    private var decoder: Decoder
    private var seen: [Packet] = []

    init(world: World, version: ProtocolVersion, shard: Int, slot: SlotID) {
        self.world = world
        self.version = version
        self.shard = shard
        self.slot = slot
        decoder = Decoder(packetBytesMax: .max, isServer: false, version: version)
    }

    // MARK: Sending

    /// Sends packets in one piece.
    func send(_ packets: Packet...) { send(packets) }

    func send(_ packets: [Packet]) {
        var buffer = ByteBuffer()
        for packet in packets {
            #expect(packet.encode(into: &buffer, version: version), "the test's packet can be encoded")
        }
        world.receive(buffer, from: self)
    }

    func send(bytes: [UInt8]) {
        world.receive(ByteBuffer(bytes: bytes), from: self)
    }

    /// Sends packets and returns what came back.
    @discardableResult
    func exchange(_ packets: Packet...) -> [Packet] {
        send(packets)
        return take()
    }

    func cut() { world.cut(self) }

    // MARK: Receiving

    /// What has arrived since the last look.
    func take() -> [Packet] {
        receive()
        defer { seen = [] }
        return seen
    }

    /// The publishes among what has arrived; the rest is kept.
    func takePublishes() -> [Publish] {
        receive()
        var publishes: [Publish] = []
        seen.removeAll { packet in
            guard case .publish(let publish) = packet else { return false }
            publishes.append(publish)
            return true
        }
        return publishes
    }

    /// Puts packets back, to be taken later.
    func keep(_ packets: [Packet]) { seen = packets + seen }

    private func receive() {
        var buffer = inbox
        inbox = ByteBuffer()
        let used = buffer.withUnsafeReadableBytes { bytes in
            var used = 0
            do {
                while let frame = try decoder.scan(bytes, from: used) {
                    seen.append(try decoder.packet(frame, in: bytes))
                    used = frame.end
                }
            } catch {
                Issue.record("the broker sent bytes that are no packet: \(error)")
            }
            return used
        }
        buffer.moveReaderIndex(forwardBy: used)
        #expect(buffer.readableBytes == 0, "the broker writes whole packets")
    }

    // MARK: Dialogues

    /// Acknowledges everything that arrives with QoS 1 or 2, as long as something arrives; returns the publishes
    /// in order.
    func acknowledgeAll() -> [Publish] {
        var publishes: [Publish] = []
        while true {
            let packets = take()
            var answers: [Packet] = []
            for packet in packets {
                switch packet {
                case .publish(let publish):
                    publishes.append(publish)
                    if publish.qos == .atLeastOnce { answers.append(.puback(publish.packetID)) }
                    if publish.qos == .exactlyOnce { answers.append(.pubrec(publish.packetID)) }
                case .pubrel(let pubrel): answers.append(.pubcomp(pubrel.packetID))
                default: break
                }
            }
            guard !answers.isEmpty else { return publishes }
            send(answers)
        }
    }

    /// Subscribes, and returns the answer's reason codes; what else arrives is kept.
    @discardableResult
    func subscribe(
        _ filters: Text..., qos: QoS = .exactlyOnce, id: UInt16 = 100, identifier: UInt32? = nil,
        noLocal: Bool = false, retainAsPublished: Bool = false, handling: RetainHandling = .send
    ) -> [ReasonCode] {
        let options = SubscriptionOptions(
            qos: qos, noLocal: noLocal, retainAsPublished: retainAsPublished, retainHandling: handling)
        send(
            .subscribe(
                Subscribe(
                    packetID: id, subscriptions: filters.map { Subscription(filter: $0, options: options) },
                    properties: Properties { $0.subscriptionIdentifiers = identifier.map { [$0] } ?? [] })))
        receive()
        for (index, packet) in seen.enumerated() {
            guard case .suback(let suback) = packet, suback.packetID == id else { continue }
            seen.remove(at: index)
            return suback.reasons
        }
        return []
    }
}

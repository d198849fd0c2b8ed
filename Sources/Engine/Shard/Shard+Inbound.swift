// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import NIOCore
import Packets
import Persistence

/// From bytes to packets.
extension Shard {
    /// Reads packets until the bytes are used up or the connection is blocked.
    func parse(_ connection: Connection) {
        guard connection.block.isEmpty, connection.stage != .closed else { return limitInbound(connection) }
        var buffer = ByteBuffer()
        swap(&buffer, &connection.inbound)
        var used = 0
        do {
            try buffer.withUnsafeReadableBytes { bytes in
                while connection.block.isEmpty && connection.stage != .closed {
                    if connection.isCongested(limits.answerBytesMax) { congest(connection) }
                    if isTickFull { waitForTick(connection) }
                    guard connection.block.isEmpty else { break }
                    guard let frame = try connection.decoder.scan(bytes, from: used) else { break }
                    guard hasRoom(for: frame.type, on: connection) else { break }
                    guard try receive(frame, of: bytes, on: connection) else { break }
                    used = frame.end
                }
            }
        } catch let error as DecodeError {
            fail(connection, error)
        } catch {
            preconditionFailure("a decoder throws nothing but DecodeError")
        }
        buffer.moveReaderIndex(forwardBy: used)
        if connection.stage != .closed && buffer.readableBytes > 0 { connection.inbound = buffer }
        limitInbound(connection)
    }

    /// A blocked connection is not read once it has sent more than a packet's worth.
    private func limitInbound(_ connection: Connection) {
        let isBlocked = !connection.block.isEmpty && connection.inbound.readableBytes > 0
        guard isBlocked != connection.isPaused, connection.stage != .closed else { return }
        connection.isPaused = isBlocked
        orders.append(isBlocked ? .pause(connection.id) : .resume(connection.id))
    }

    /// Lifts a block and reads on.
    func unblock(_ connection: Connection, _ block: Connection.Block) {
        guard connection.block.contains(block) else { return }
        connection.block.remove(block)
        connection.receivedAt = now
        parse(connection)
    }

    /// Connections whose packets waited for this tick.
    func parseWaiting() {
        guard !waitingForTick.isEmpty else { return }
        let waiting = waitingForTick
        waitingForTick.removeAll(keepingCapacity: true)
        for connection in waiting { unblock(connection, .tick) }
    }

    /// The socket is gone, but what it had sent is here: it counts, and a DISCONNECT most of all, which keeps the
    /// will from being published even if a publish before it cannot be taken any more.
    func readRest(_ connection: Connection) {
        guard connection.inbound.readableBytes > 0, connection.session != nil else { return }
        connection.block.subtract([.tick, .congestion])
        parse(connection)
        while connection.block == .tick, connection.stage != .closed, isTickFull {
            passOn()
            connection.block.remove(.tick)
            parse(connection)
        }
        guard connection.stage != .closed, connection.inbound.readableBytes > 0 else { return }
        let buffer = connection.inbound
        buffer.withUnsafeReadableBytes { bytes in
            var offset = 0
            do throws(DecodeError) {
                while let frame = try connection.decoder.scan(bytes, from: offset) {
                    offset = frame.end
                    guard frame.type == .disconnect else { continue }
                    guard case .disconnect(let packet) = try connection.decoder.packet(frame, in: bytes)
                    else { return }
                    return receiveDisconnect(packet, on: connection)
                }
            } catch {
                // Whatever is wrong with the rest, nobody is there to be told.
            }
        }
    }

    private func congest(_ connection: Connection) {
        connection.block.insert(.congestion)
        congested.append(connection)
    }

    /// Clients that have taken their answers are read again.
    func parseCongested() {
        guard !congested.isEmpty else { return }
        let waiting = congested
        congested.removeAll(keepingCapacity: true)
        for connection in waiting where connection.stage != .closed {
            if connection.isCongested(limits.answerBytesMax) {
                congested.append(connection)
            } else {
                unblock(connection, .congestion)
            }
        }
    }

    func waitForTick(_ connection: Connection) {
        connection.block.insert(.tick)
        waitingForTick.append(connection)
    }

    /// One packet. False: it was not taken, the connection is blocked before it.
    private func receive(
        _ frame: Frame, of bytes: UnsafeRawBufferPointer, on connection: Connection
    ) throws(DecodeError) -> Bool {
        guard connection.stage == .connected else {
            try receiveFirst(frame, of: bytes, on: connection)
            return true
        }
        switch frame.type {
        case .publish:
            return receivePublish(try connection.decoder.publish(frame, in: bytes), of: bytes, on: connection)
        case .puback, .pubrec, .pubrel, .pubcomp:
            receive(try connection.decoder.acknowledgement(frame, in: bytes), on: connection)
        default:
            receive(try connection.decoder.packet(frame, in: bytes), on: connection)
        }
        return true
    }

    /// Nothing but CONNECT may come first `[MQTT-3.1.0-1]`.
    private func receiveFirst(
        _ frame: Frame, of bytes: UnsafeRawBufferPointer, on connection: Connection
    ) throws(DecodeError) {
        guard case .connect(let connect) = try connection.decoder.packet(frame, in: bytes) else {
            return drop(connection, .protocolError, "the first packet was not CONNECT", says: false)
        }
        receiveConnect(connect, on: connection)
    }

    private func receive(_ packet: Packet, on connection: Connection) {
        switch packet {
        case .subscribe(let subscribe): receiveSubscribe(subscribe, on: connection)
        case .unsubscribe(let unsubscribe): receiveUnsubscribe(unsubscribe, on: connection)
        case .pingreq: write(connection, .pingresp)
        case .disconnect(let disconnect): receiveDisconnect(disconnect, on: connection)
        case .connect: drop(connection, .protocolError, "a second CONNECT [MQTT-3.1.0-2]")
        case .auth: drop(connection, .protocolError, "AUTH without an authentication method [MQTT-4.12.0-1]")
        case .connack, .suback, .unsuback, .pingresp, .publish, .puback, .pubrec, .pubrel, .pubcomp:
            drop(connection, .protocolError, "a packet that only a server sends")
        }
    }

    /// Tells a misbehaving client why, as far as its version can, and closes.
    private func fail(_ connection: Connection, _ error: DecodeError) {
        let detail = "\(error.message) [\(error.statement)]"
        guard connection.stage == .opening else { return drop(connection, error.reason, detail) }
        // A CONNECT that is not accepted leaves the decoder without a version: its level tells who understands
        // which CONNACK. Before MQTT 5, and in bridges that set the highest bit, there is a return code for an unknown
        // level and for nothing else.
        let isV5 = (ProtocolVersion.v5.rawValue..<0x80).contains(error.clientLevel ?? 0)
        if isV5 { connection.version = .v5 }
        if isV5 || error.reason == .unsupportedProtocolVersion {
            refuse(connection, error.reason, detail)
        } else {
            drop(connection, error.reason, detail, says: false)
        }
    }
}

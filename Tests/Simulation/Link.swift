// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import Engine
import NIOCore
import Packets

/// One connection, as its client and the world see it.
final class Link {
    /// What its CONNECT asked for.
    struct Request {
        var isClean: Bool
        var expirySeconds: UInt32
        var will: Int?
        var isPersistent: Bool { expirySeconds > 0 }
    }

    /// An acknowledgement that the client has not sent yet.
    enum Answer: Hashable {
        case puback(UInt16, serial: Int?)
        case pubrec(UInt16)
        case pubcomp(UInt16, serial: Int?)
    }

    /// A SUBSCRIBE or UNSUBSCRIBE without an answer.
    enum Question {
        case subscribe(spans: [Int])
        case unsubscribe(filters: [Int], sentAt: Moment)
    }

    let id: Int
    let client: Int
    let shard: Int
    let slot: SlotID
    let version: ProtocolVersion
    let request: Request

    /// On the way to the broker.
    var toBroker: [UInt8] = []
    /// The client closes once these are through.
    var isEnding = false
    /// The client has sent DISCONNECT, which discards the will.
    var saidGoodbye = false
    /// The broker does not read.
    var isPaused = false
    /// The broker has ordered the end.
    var isOrderedClosed = false
    /// The slot is free again.
    var isClosed = false
    /// The client does not look at it any more.
    var isForgotten = false
    /// The socket takes no bytes.
    var isStopped = false

    /// What the broker has written and is not a whole packet yet.
    var written = ByteBuffer()
    var decoder: Decoder
    var aliases: [UInt16: Text] = [:]
    /// On the way to the client.
    var toClient: [Packet] = []
    let openedAt: Moment
    var closedAt: Moment?
    /// When CONNACK was written.
    var connackAt: Moment = 0
    /// CONNACK was written.
    var isConnected = false
    /// The client has seen CONNACK.
    var isOpen = false
    var incarnation: Incarnation?
    var answers: [Answer] = []
    var questions: [UInt16: Question] = [:]
    /// What was acknowledged on this connection, in order, and how much of it before each PINGREQ.
    var acknowledged: [Int] = []
    var pings: [Int] = []
    /// Serials of what was published here.
    var published: [Int] = []

    init(
        id: Int, client: Int, shard: Int, slot: SlotID, version: ProtocolVersion, request: Request,
        openedAt: Moment
    ) {
        self.openedAt = openedAt
        self.id = id
        self.client = client
        self.shard = shard
        self.slot = slot
        self.version = version
        self.request = request
        decoder = Decoder(packetBytesMax: .max, isServer: false, version: version)
    }

    /// Puts a packet on the way to the broker.
    func send(_ packet: Packet) {
        var buffer = ByteBuffer()
        let isSent = packet.encode(into: &buffer, version: version)
        precondition(isSent, "a simulated client sends what exists in its version")
        toBroker.append(contentsOf: buffer.readableBytesView)
    }

    /// The next whole packet that the broker has written.
    func nextWritten() throws(DecodeError) -> Packet? {
        var found: Packet?
        var used = 0
        let bytes = written.readableBytesView
        do {
            try bytes.withUnsafeBytes { bytes in
                guard let frame = try decoder.scan(bytes, from: 0) else { return }
                found = try decoder.packet(frame, in: bytes)
                used = frame.end
            }
        } catch let error as DecodeError {
            throw error
        } catch {
            preconditionFailure("a decoder throws nothing but DecodeError")
        }
        written.moveReaderIndex(forwardBy: used)
        return found
    }
}

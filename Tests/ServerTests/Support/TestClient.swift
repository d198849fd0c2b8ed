// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import NIOCore
import NIOPosix
import Packets
import Testing

/// One end of a dialogue with a broker: sends packets, and says which packet must come next.
final class TestClient: Sendable {
    private let channel: any Channel
    private let inbox: Inbox
    let version: ProtocolVersion

    private init(channel: any Channel, inbox: Inbox, version: ProtocolVersion) {
        self.channel = channel
        self.inbox = inbox
        self.version = version
    }

    /// Opens a socket and says nothing.
    static func open(port: Int, version: ProtocolVersion = .v5) async throws -> TestClient {
        let inbox = Inbox()
        let channel = try await ClientBootstrap(group: .singletonMultiThreadedEventLoopGroup)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(PacketReader(inbox, version: version))
                }
            }
            .connect(host: "127.0.0.1", port: port).get()
        return TestClient(channel: channel, inbox: inbox, version: version)
    }

    /// Opens a socket and connects; the CONNACK must be a success.
    static func connect(
        port: Int, _ clientID: Text, version: ProtocolVersion = .v5, cleanStart: Bool = true,
        sessionExpiry: UInt32? = nil, will: Will? = nil, sessionPresent: Bool = false,
        sourceLocation: SourceLocation = #_sourceLocation
    ) async throws -> TestClient {
        let client = try await open(port: port, version: version)
        var properties = Properties()
        if version == .v5 { properties.sessionExpiry = sessionExpiry }
        try await client.send(
            .connect(
                Connect(
                    version: version, clientID: clientID, cleanStart: cleanStart, will: will,
                    properties: properties)))
        let connack = try await client.connack(sourceLocation)
        #expect(connack.reason == .success, sourceLocation: sourceLocation)
        #expect(connack.sessionPresent == sessionPresent, sourceLocation: sourceLocation)
        return client
    }

    // MARK: Saying

    func send(_ packets: Packet...) async throws {
        var buffer = ByteBuffer()
        for packet in packets {
            let isEncoded = packet.encode(into: &buffer, version: version)
            #expect(isEncoded, "the test's own packet is wrong: \(packet)")
        }
        try await channel.writeAndFlush(buffer).get()
    }

    /// Sends each packet by itself, one right after the other.
    func sendApart(_ packets: [Packet]) async throws {
        let version = version
        try await channel.eventLoop.flatSubmit { [channel] in
            let writes = packets.map { packet in
                var buffer = ByteBuffer()
                _ = packet.encode(into: &buffer, version: version)
                return channel.writeAndFlush(buffer)
            }
            return EventLoopFuture.andAllSucceed(writes, on: channel.eventLoop)
        }.get()
    }

    func send(bytes: [UInt8]) async throws {
        try await channel.writeAndFlush(ByteBuffer(bytes: bytes)).get()
    }

    func subscribe(
        _ filter: Text, qos: QoS = .atMostOnce, id: UInt16 = 1,
        sourceLocation: SourceLocation = #_sourceLocation
    ) async throws {
        let subscription = Subscription(filter: filter, options: SubscriptionOptions(qos: qos))
        try await send(.subscribe(Subscribe(packetID: id, subscriptions: [subscription])))
        try await expect(
            .suback(Suback(packetID: id, reasons: [.granted(qos)])), sourceLocation: sourceLocation)
    }

    func publish(
        _ topic: Text, _ payload: String, qos: QoS = .atMostOnce, retain: Bool = false, id: UInt16 = 0
    ) async throws {
        try await send(
            .publish(
                Publish(qos: qos, retain: retain, topic: topic, packetID: id, payload: Array(payload.utf8))))
    }

    /// Says goodbye and waits until the broker has closed.
    func disconnect() async throws {
        try await send(.disconnect(Disconnect()))
        try await expectClosed()
    }

    /// Breaks the connection without a word.
    func vanish() async throws {
        try await channel.close().get()
    }

    // MARK: Listening

    /// The next packet; throws when the connection ends or nothing comes in time.
    func receive() async throws -> Packet { try await inbox.next(within: .seconds(60)) }

    /// Whether nothing has arrived that was not asked for.
    var hasHeardNothing: Bool { inbox.isEmpty }

    func expect(_ packet: Packet, sourceLocation: SourceLocation = #_sourceLocation) async throws {
        let received = try await receive()
        #expect(received == packet, sourceLocation: sourceLocation)
    }

    /// The next packet must be this message; returns its packet identifier.
    @discardableResult
    func expect(
        _ topic: Text, _ payload: String, qos: QoS = .atMostOnce, retain: Bool = false, dup: Bool = false,
        sourceLocation: SourceLocation = #_sourceLocation
    ) async throws -> UInt16 {
        let received = try await receive()
        guard case .publish(let publish) = received else {
            Issue.record("\(received) is not a PUBLISH", sourceLocation: sourceLocation)
            return 0
        }
        #expect(publish.topic == topic, sourceLocation: sourceLocation)
        #expect(String(decoding: publish.payload, as: UTF8.self) == payload, sourceLocation: sourceLocation)
        #expect(publish.qos == qos, sourceLocation: sourceLocation)
        #expect(publish.retain == retain, sourceLocation: sourceLocation)
        #expect(publish.dup == dup, sourceLocation: sourceLocation)
        return publish.packetID
    }

    /// Nothing is on its way: the answer to a PINGREQ is the next packet.
    func expectNothing(sourceLocation: SourceLocation = #_sourceLocation) async throws {
        try await send(.pingreq)
        try await expect(.pingresp, sourceLocation: sourceLocation)
    }

    func connack(_ sourceLocation: SourceLocation = #_sourceLocation) async throws -> Connack {
        let received = try await receive()
        guard case .connack(let connack) = received else {
            Issue.record("\(received) is not a CONNACK", sourceLocation: sourceLocation)
            return Connack(reason: .unspecifiedError)
        }
        return connack
    }

    /// The broker says DISCONNECT with this reason, and closes.
    func expectDisconnect(
        _ reason: ReasonCode, sourceLocation: SourceLocation = #_sourceLocation
    ) async throws {
        let received = try await receive()
        guard case .disconnect(let disconnect) = received else {
            Issue.record("\(received) is not a DISCONNECT", sourceLocation: sourceLocation)
            return
        }
        #expect(disconnect.reason == reason, sourceLocation: sourceLocation)
        try await expectClosed(sourceLocation: sourceLocation)
    }

    /// The broker closes without another packet.
    func expectClosed(sourceLocation: SourceLocation = #_sourceLocation) async throws {
        do {
            let packet = try await receive()
            Issue.record("\(packet) came instead of the end", sourceLocation: sourceLocation)
        } catch Inbox.Failure.closed {}
    }

    /// Stops or restarts reading, as a slow consumer does.
    func setReading(_ isReading: Bool) async throws {
        try await channel.setOption(.autoRead, value: isReading).get()
    }
}

/// Decodes what the broker sends.
private final class PacketReader: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private let inbox: Inbox
    private var decoder: Decoder
    private var buffer = ByteBuffer()

    init(_ inbox: Inbox, version: ProtocolVersion) {
        self.inbox = inbox
        decoder = Decoder(
            packetBytesMax: 268_435_460, isServer: false, version: version)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var bytes = unwrapInboundIn(data)
        buffer.writeBuffer(&bytes)
        do {
            let used = try buffer.withUnsafeReadableBytes { bytes in try decode(bytes) }
            buffer.moveReaderIndex(forwardBy: used)
            buffer.discardReadBytes()
        } catch {
            inbox.end(.malformed("\(error)"))
            context.close(promise: nil)
        }
    }

    private func decode(_ bytes: UnsafeRawBufferPointer) throws -> Int {
        var offset = 0
        while let frame = try decoder.scan(bytes, from: offset) {
            inbox.append(try decoder.packet(frame, in: bytes))
            offset = frame.end
        }
        return offset
    }

    func channelInactive(context: ChannelHandlerContext) { inbox.end(.closed) }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
}

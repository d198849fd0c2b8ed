// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import Engine
import Glibc
import NIOCore
import Packets
import Persistence

/// The only handler of a connection's channel: carries bytes between the channel and a slot of the shard.
///
/// It owns no protocol state. A connection that the shard closes is not cut off: its last bytes are written, the
/// outgoing side is closed, and what the peer still sends is thrown away until the peer closes too or the time
/// for that is over. A plain `close` would make the kernel answer late bytes with a reset, which takes the
/// DISCONNECT with its reason code away from the peer before it has read it.
///
/// Bytes go to the socket past the channel: its way costs five times the instructions of the call. Only what the
/// socket does not take is left to the channel, which knows how to wait, and until that is gone everything
/// follows it there. This holds for plain TCP only, where the handler is alone in its pipeline. The channel closes its
/// socket and calls `channelInactive` in one go, and that forgets `context`: no flush meets a socket's number that
/// another connection has got since.
final class ConnectionHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private enum State {
        case fresh
        case open(Connection)
        case lingering(until: Milliseconds, bytesLeft: Int)
        case closed
    }

    private let loop: ShardLoop
    private let listener: Text
    private var state = State.fresh
    private var context: ChannelHandlerContext?
    private var isWritable = true
    private var wasFlushed = false
    private var hasLimitedReads = false
    private var isReading = true
    /// The channel itself, where the handler is alone in its pipeline.
    private var core: (any ChannelCore)?
    /// The socket, while nothing is in the way of sending on it: never with a channel that does not show it.
    private var socket: CInt?
    private var gathering = AcknowledgementGathering()
    /// The loop will look again.
    private var isLookedFor = false
    /// Writes that the channel has taken and the socket has not.
    private var channelWrites = 0

    /// An outbound buffer above this size is not kept for the next tick.
    private static let keptBytesMax = 1 << 16
    /// How often a busy connection is read before others have their turn.
    private static let readsMax: UInt = 2
    /// What a peer may send after the broker has closed.
    private static let lingerBytesMax = 1 << 20

    init(loop: ShardLoop, listener: Text) {
        self.loop = loop
        self.listener = listener
    }

    /// The shard's side of it, until either side has closed.
    private var connection: Connection? {
        if case .open(let connection) = state { connection } else { nil }
    }

    /// Whether it is the open connection of a slot.
    func isOpen(in slot: SlotID) -> Bool {
        if case .open(let connection) = state { connection.id == slot } else { false }
    }

    // MARK: What the channel says

    func channelActive(context: ChannelHandlerContext) {
        self.context = context
        guard loop.channelOpened() else {
            state = .closed
            return context.close(promise: nil)
        }
        socket = ConnectionHandler.socket(of: context.channel)
        if socket != nil { core = context.channel._channelCore }
        // The channel remembers the address; the context would ask the system.
        let remote = context.channel.remoteAddress.map(ListenAddress.text) ?? ""
        state = .open(loop.open(self, origin: Origin(listener: listener, remote: remote)))
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let bytes = unwrapInboundIn(data)
        if bytes.writableBytes == 0 { limitReads(context) }
        switch state {
        case .open(let connection): received(bytes, on: connection)
        case .lingering(let until, let bytesLeft):
            let left = bytesLeft - bytes.readableBytes
            state = .lingering(until: until, bytesLeft: left)
            if left < 0 { context.close(promise: nil) }
        case .fresh, .closed: break
        }
    }

    @inline(__always)
    private func received(_ bytes: consuming ByteBuffer, on connection: Connection) {
        let areAcknowledgements = AcknowledgementGathering.areAcknowledgements(bytes)
        loop.received(connection, bytes)
        if areAcknowledgements || gathering.isOn { gather(areAcknowledgements, connection) }
    }

    /// Nobody stands behind this handler who wants to know. Asks for the next read, as the channel would do a moment
    /// later by way of its whole pipeline.
    func channelReadComplete(context: ChannelHandlerContext) {
        if isReading { core?.read0() }
    }

    /// Nobody stands behind this handler who wants to know.
    func channelRegistered(context: ChannelHandlerContext) {}

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        isWritable = context.channel.isWritable
        guard let connection else { return }
        loop.writabilityChanged(connection.id, isWritable: isWritable, unsentBytes: unsentBytes(context))
    }

    private func unsentBytes(_ context: ChannelHandlerContext) -> Int {
        do {
            return try context.channel.syncOptions?.getOption(.bufferedWritableBytes) ?? 0
        } catch {
            return 0  // A closed channel has dropped them.
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        let connection = connection
        if case .fresh = state { return }
        state = .closed
        self.context = nil
        core = nil
        socket = nil
        if let connection { loop.closed(connection.id) }
        loop.channelClosed()
    }

    /// The peer is gone or has broken the rules of the transport; `channelInactive` follows.
    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }

    /// A peer that fills the read buffer gets fewer reads in a row than others may have. Only those are told: to set
    /// an option takes two thousand instructions.
    private func limitReads(_ context: ChannelHandlerContext) {
        guard !hasLimitedReads else { return }
        hasLimitedReads = true
        do {
            try context.channel.syncOptions?.setOption(
                .maxMessagesPerRead, value: ConnectionHandler.readsMax)
        } catch {
            // Only a closed channel refuses an option, and it reads no more.
        }
    }

    // MARK: Acknowledgements, many at a time

    private func gather(_ areAcknowledgements: Bool, _ connection: Connection) {
        guard socket != nil, connection.mayAcknowledgeLate else { return }
        perform(gathering.read(areAcknowledgements, now: loop.time))
    }

    private func perform(_ step: AcknowledgementGathering.Step) {
        switch step {
        case .stay: break
        case .begin:
            setBytesMin(AcknowledgementGathering.bytesMin)
            if !isLookedFor { loop.gather(self) }
            isLookedFor = true
        case .end: setBytesMin(1)
        }
    }

    /// How much must have come before the loop is woken (socket(7)). The kernel wakes it at once when it has.
    private func setBytesMin(_ count: CInt) {
        guard let socket else { return }
        var count = count
        // It cannot fail on a socket that is open, and `channelInactive` forgets one that is not.
        setsockopt(socket, SOL_SOCKET, SO_RCVLOWAT, &count, socklen_t(MemoryLayout<CInt>.size))
    }

    /// Looks for packets that the loop was not woken for; false when it need not look again.
    func readGathered() -> Bool {
        isLookedFor = gathering.isOn && look()
        return isLookedFor
    }

    private func look() -> Bool {
        guard let socket, let connection else { return false }
        let bytes = withUnsafeTemporaryAllocation(
            byteCount: Int(AcknowledgementGathering.bytesMin), alignment: 1
        ) { target -> ByteBuffer? in
            let count = recv(socket, target.baseAddress, target.count, CInt(MSG_DONTWAIT))
            return count > 0 ? ByteBuffer(bytes: UnsafeRawBufferPointer(rebasing: target[..<count])) : nil
        }
        if let bytes {
            received(bytes, on: connection)
        } else {
            perform(gathering.lookedInVain())
        }
        return gathering.isOn
    }

    // MARK: What the shard orders

    /// Writes what the slot holds; while the channel is not writable the bytes stay where the engine counts them.
    func flush() {
        guard isWritable, let context, let connection else { return }
        wasFlushed = true
        if channelWrites == 0, let socket, ConnectionHandler.send(&connection.outbound, to: socket) { return }
        flushThroughChannel(context, connection)
    }

    private func flushThroughChannel(_ context: ChannelHandlerContext, _ connection: Connection) {
        var outgoing = takeOutbound(connection)
        guard outgoing.readableBytes > 0 else { return giveBack(&outgoing, to: connection) }
        context.writeAndFlush(wrapOutboundOut(outgoing), promise: promiseOfWrite(context))
        let isReusable: Void? = outgoing.modifyIfUniquelyOwned { $0.clear() }
        if isReusable != nil, outgoing.capacity <= ConnectionHandler.keptBytesMax {
            giveBack(&outgoing, to: connection)
        }
    }

    /// Sends what the socket takes without waiting; true when that is all. An error is left to the channel, which
    /// meets it again and closes.
    private static func send(_ buffer: inout ByteBuffer, to socket: CInt) -> Bool {
        let count = buffer.withUnsafeReadableBytes { bytes in
            Glibc.send(socket, bytes.baseAddress, bytes.count, CInt(MSG_NOSIGNAL))
        }
        if count > 0 { buffer.moveReaderIndex(forwardBy: count) }
        guard buffer.readableBytes == 0 else { return false }
        if buffer.capacity <= keptBytesMax { buffer.clear() } else { buffer = ByteBuffer() }
        return true
    }

    /// Asks the channel itself, as the pipeline would: its own question names the type of the answer, and that cast
    /// takes fourteen thousand instructions, more than all else that a connection costs here.
    private static func socket(of channel: any Channel) -> CInt? {
        guard let core = channel._channelCore as? any NIOTransportAccessibleChannelCore else { return nil }
        do {
            return try handle(of: core)
        } catch {
            // Only a closed channel refuses, and nothing is sent on one.
            return nil
        }
    }

    private static func handle(of core: some NIOTransportAccessibleChannelCore) throws -> CInt? {
        try core.withUnsafeTransport { $0 as? NIOBSDSocket.Handle }
    }

    /// Counts a write of the channel until it is done, where others would go past it.
    private func promiseOfWrite(_ context: ChannelHandlerContext) -> EventLoopPromise<Void>? {
        guard socket != nil else { return nil }
        channelWrites += 1
        let promise = context.eventLoop.makePromise(of: Void.self)
        promise.futureResult.assumeIsolated().whenComplete { [self] _ in channelWrites -= 1 }
        return promise
    }

    /// Writes what is left and closes; called once, when the shard has forgotten the connection.
    func end() {
        guard let context, let connection else { return }
        perform(gathering.end())
        let last = takeOutbound(connection)
        state = .lingering(until: loop.linger(self), bytesLeft: ConnectionHandler.lingerBytesMax)
        if last.readableBytes > 0 { context.writeAndFlush(wrapOutboundOut(last), promise: nil) }
        if !isReading { setReading(true) }
        context.close(mode: .output, promise: nil)
    }

    /// Stops or restarts reading from the socket.
    func setReading(_ isReading: Bool) {
        self.isReading = isReading
        perform(gathering.end())
        do {
            try context?.channel.syncOptions?.setOption(.autoRead, value: isReading)
        } catch {
            // Only a closed channel refuses an option, and a closed channel neither reads nor pauses.
            context?.close(promise: nil)
        }
    }

    /// Closes for good when the time to linger is over; true when there is nothing left to wait for.
    func hasLingered(until now: Milliseconds) -> Bool {
        guard case .lingering(let until, _) = state else { return true }
        guard now >= until else { return false }
        context?.close(promise: nil)
        return true
    }

    /// Frees the slot's outbound buffer if nothing was written since the last call.
    func releaseIdleBuffer() {
        guard !wasFlushed, let connection else { return wasFlushed = false }
        if connection.outbound.readableBytes == 0, connection.outbound.capacity > 0 {
            connection.outbound = ByteBuffer()
        }
    }

    private func takeOutbound(_ connection: Connection) -> ByteBuffer {
        var outgoing = ByteBuffer()
        swap(&connection.outbound, &outgoing)
        return outgoing
    }

    /// A write can make the channel unwritable, and what the shard then appends is not to be replaced.
    private func giveBack(_ buffer: inout ByteBuffer, to connection: Connection) {
        if connection.outbound.readableBytes == 0 { swap(&connection.outbound, &buffer) }
    }
}

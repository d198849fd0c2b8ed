// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import Glibc
import NIOCore
import NIOPosix
import Packets

/// Opens the ports and gives every accepted connection to a loop.
enum Acceptor {
    private static let backlog: Int32 = 1024
    private static let acceptsPerRead: UInt = 16

    /// Listens on `address`; accepted connections are spread over `loops` in turn.
    static func bind(
        _ listener: Listener, at address: SocketAddress, group: MultiThreadedEventLoopGroup,
        loops: [ShardLoop]
    ) async throws(BrokerError) -> any Channel {
        let name = Text(listener.name)
        // Accepted sockets inherit TCP_NODELAY from the listening one (tcp(7)): set there, it costs nobody a call.
        let bootstrap = ServerBootstrap(group: group)
            .serverChannelOption(.backlog, value: backlog)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .serverChannelOption(.tcpOption(.tcp_nodelay), value: 1)
            .serverChannelOption(.maxMessagesPerRead, value: acceptsPerRead)
            .serverChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(
                        AcceptShortcut { try prepare($0, loops, listener: name) })
                }
            }
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture { try prepare(channel, loops, listener: name) }
            }
        do {
            return try await bootstrap.bind(to: address).get()
        } catch {
            throw refusal(error, address)
        }
    }

    /// Options that are set here, on the channel's own loop, cost no future each.
    private static func prepare(_ channel: any Channel, _ loops: [ShardLoop], listener: Text) throws {
        guard let loop = loops.first(where: { $0.eventLoop === channel.eventLoop }) else {
            preconditionFailure("a connection came to an event loop without a shard")
        }
        try channel.syncOptions?.setOption(.recvAllocator, value: ReadAllocator())
        try channel.pipeline.syncOperations.addHandler(ConnectionHandler(loop: loop, listener: listener))
    }

    /// Whether `address` could be bound now; leaves nothing behind. Asked before the store is opened, so that a
    /// port that is taken leaves the data untouched.
    static func probe(_ address: SocketAddress) throws(BrokerError) {
        guard address.port != 0 else { return }
        let family: CInt = if case .v6 = address { AF_INET6 } else { AF_INET }
        let socket = Glibc.socket(family, CInt(SOCK_STREAM.rawValue), 0)
        guard socket >= 0 else { return }
        defer { close(socket) }
        var yes: CInt = 1
        setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &yes, socklen_t(MemoryLayout<CInt>.size))
        let result = address.withSockAddr { pointer, count in Glibc.bind(socket, pointer, socklen_t(count)) }
        if result != 0 { throw refusal(IOError(errnoCode: errno, reason: "bind"), address) }
    }

    private static func refusal(_ error: any Error, _ address: SocketAddress) -> BrokerError {
        let place = ListenAddress.text(address)
        switch (error as? IOError)?.errnoCode {
        case EADDRINUSE:
            return BrokerError(
                .addressInUse,
                "Another process listens on \(place) already; stop it, or choose another port with --listen.")
        case EACCES, EPERM:
            return BrokerError(
                .addressUnavailable,
                "Listening on \(place) is not permitted; choose a port from 1024 on, or grant the privilege.")
        case EADDRNOTAVAIL, EAFNOSUPPORT:
            return BrokerError(
                .addressUnavailable,
                "This machine has no address \(place); choose one of its own addresses with --listen.")
        default:
            return BrokerError(.addressUnavailable, "Listening on \(place) failed: \(error).")
        }
    }
}

// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import NIOCore

/// Prepares accepted connections whose event loop is the listening socket's own, without the bootstrap.
///
/// The bootstrap makes half a dozen futures per connection, because a channel may live on another loop and its
/// initializer may take its time; where neither holds, they are a quarter of what a connection costs. This handler
/// stands before the bootstrap's, and hands what it has prepared to whatever comes after that one. Connections for
/// other loops go the bootstrap's way.
final class AcceptShortcut: ChannelInboundHandler {
    typealias InboundIn = any Channel
    typealias InboundOut = any Channel

    private let prepare: (any Channel) throws -> Void
    private var bootstrap: ChannelHandlerContext?

    /// The name under which `ServerBootstrap` adds its handler; where there is none, everything goes its way.
    private static let bootstrapName = "AcceptHandler"

    init(prepare: @escaping (any Channel) throws -> Void) {
        self.prepare = prepare
    }

    func channelActive(context: ChannelHandlerContext) {
        do {
            bootstrap = try context.pipeline.syncOperations.context(name: AcceptShortcut.bootstrapName)
        } catch {
            bootstrap = nil
        }
        context.fireChannelActive()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let channel = unwrapInboundIn(data)
        guard let bootstrap, channel.eventLoop === context.eventLoop else {
            return context.fireChannelRead(data)
        }
        do {
            try prepare(channel)
            bootstrap.fireChannelRead(data)
        } catch {
            channel.close(promise: nil)
        }
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        bootstrap = nil
    }
}

// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import NIOCore
import Synchronization

/// What waits in memory for clients that are slower than their messages.
///
/// Each may have a window of its queue, a tail of what came since, and what its socket does not take; a broker has room for
/// that many times over, but not for as often as it has clients. When all devices of a house come back after a restart, on
/// slow links and with long queues, their windows come out of one budget, `deliveryBytesMax`, of which each may have an
/// eighth of what is left. When nothing is left each still has a little, so nobody waits for somebody who does not read.
extension Shard {
    /// How many bytes one client may have, of `most` if there is plenty.
    func share(of most: Int) -> Int {
        let left = limits.deliveryBytesMax - commons.deliveryBytes.load(ordering: .relaxed)
        return min(most, max(limits.deliveryBytesMin, left / 8))
    }

    /// Whether nothing more may be queued for the socket.
    @inline(__always)
    func isCongested(_ connection: Connection) -> Bool {
        connection.outbound.readableBytes >= limits.outboundBytesMax || isClogged(connection)
    }

    /// Whether the socket takes nothing, and as much waits for it as may. It will say when it takes something again.
    @inline(__always)
    func isClogged(_ connection: Connection) -> Bool {
        !connection.isWritable && hasItsShare(connection)
    }

    private func hasItsShare(_ connection: Connection) -> Bool {
        connection.unsentBytes + connection.outbound.readableBytes >= share(of: limits.outboundBytesMax)
    }

    /// Counts what a session has in memory now.
    @inline(__always)
    func countHeld(_ session: Session) {
        let bytes = session.catchup.windowBytes &+ session.catchup.askedBytes &+ session.tailBytes
        guard bytes != session.catchup.heldBytes else { return }
        commons.deliveryBytes.add(bytes - session.catchup.heldBytes, ordering: .relaxed)
        session.catchup.heldBytes = bytes
    }

    /// Counts what waits for a socket that takes nothing.
    func countHeld(_ connection: Connection) {
        let waits = !connection.isWritable && connection.stage != .closed
        let bytes = waits ? connection.outbound.readableBytes + connection.unsentBytes : 0
        guard bytes != connection.heldBytes else { return }
        commons.deliveryBytes.add(bytes - connection.heldBytes, ordering: .relaxed)
        connection.heldBytes = bytes
    }
}

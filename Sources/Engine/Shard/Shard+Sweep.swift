// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import Packets
package import Persistence
import Synchronization

/// An ended session whose rows are being removed.
struct Sweep {
    enum Phase {
        /// Waits until the end is handed over.
        case fresh
        /// Waits until every tick that may have matched it is over.
        case barrier(Barrier)
        case reading
        /// Waits until the last slice is removed, all of it: what is read again is moved again.
        case removing(ClosedRange<UInt64>)
        /// Found nothing, but something that was handed over before the barrier may still come.
        case settling
    }

    var session: SessionNumber
    var clientID: Text = ""
    /// The entry that ends the session, until it is known to be committed.
    var endTicket: UInt64?
    var phase = Phase.fresh
    /// The last position given out when the barrier had passed.
    var end: UInt64 = 0
    /// Everything up to `end` was committed before the read under way.
    var isFinal = false
}

/// What an ended session leaves is removed in bounded slices, or given to another member of its share.
extension Shard {
    /// Takes over the sweep of a session that ended before the start.
    package func resumeSweep(_ session: SessionNumber) {
        sweeps.append(Sweep(session: session))
    }

    func advanceSweeps() {
        guard !sweeps.isEmpty else { return }
        for position in sweeps.indices { advance(&sweeps[position]) }
    }

    private func advance(_ sweep: inout Sweep) {
        settleEnd(&sweep)
        switch sweep.phase {
        case .fresh:
            guard lane.isEmpty else { return }
            sweep.phase = .barrier(commons.barrier())
        case .barrier(let barrier):
            // The end may need room, for a will, that the removals do not: they must not overtake it.
            guard commons.hasPassed(barrier, asking: index), lane.isEmpty, sweep.endTicket == nil else {
                return
            }
            commons.underHandOver { _, position in sweep.end = position }
            read(&sweep)
        case .removing(let tickets) where tickets.allSatisfy({ ledger.isDone($0) }): read(&sweep)
        case .settling where sweep.end <= commons.committedPosition: read(&sweep)
        case .reading, .removing, .settling: break
        }
    }

    /// The end is committed: who connects now need not wait for it.
    private func settleEnd(_ sweep: inout Sweep, isCommitted: Bool = false) {
        guard let ticket = sweep.endTicket, isCommitted || ledger.isDone(ticket) else { return }
        sweep.endTicket = nil
        let (clientID, session) = (sweep.clientID, sweep.session)
        commons.registry.withLock { $0.settle(clientID, ended: session) }
    }

    private func read(_ sweep: inout Sweep) {
        sweep.phase = .reading
        sweep.isFinal = sweep.end <= commons.committedPosition
        let kind = ReadRequest.Kind.sweep(limit: Shard.sweepSlice)
        ask(ReadRequest(session: sweep.session, kind: kind))
    }

    /// One slice: removes its deliveries, moves those of shares. When nothing is left, and nothing can come any
    /// more, the rest goes.
    func takeSweep(_ page: DeliveryPage, of session: SessionNumber) {
        guard let position = sweeps.firstIndex(where: { $0.session == session }) else { return }
        if !page.deliveries.isEmpty {
            let first = ticket + 1
            for delivery in page.deliveries { remove(delivery) }
            sweeps[position].phase = .removing(first...ticket)
        } else if sweeps[position].isFinal {
            beginEntry()
            lane.append(.sessionSwept(session: session))
            settleEnd(&sweeps[position], isCommitted: true)
            sweeps.remove(at: position)
        } else {
            sweeps[position].phase = .settling
        }
    }

    /// `[MQTT-4.8.2-5]`: QoS 1, and QoS 2 never sent, go to another member as messages of their own; QoS 2 that
    /// was sent is discarded. Removal and insertion are one commit.
    private func remove(_ delivery: DeliveryRecord) {
        beginEntry()
        lane.append(.removal(session: delivery.session, number: delivery.number, ordinal: 0))
        let moves = !delivery.share.isEmpty && (delivery.qos == .atLeastOnce || delivery.state == .queued)
        guard moves, delivery.message.expiresAt == 0 || delivery.message.expiresAt > now else { return }
        move(delivery)
    }

    private func move(_ delivery: DeliveryRecord) {
        let message = delivery.message
        withPublication(topic: message.topic, properties: message.properties, payload: message.payload) {
            $0.qos = message.qos
            $0.expiresAt = message.expiresAt
            $0.publisher = message.publisher
            publish($0, toShare: delivery.share, isOpened: true)
        }
    }

    static let sweepSlice = 1000
}

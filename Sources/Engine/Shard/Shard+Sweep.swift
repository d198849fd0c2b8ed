// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import Packets
package import Persistence

/// An ended session whose rows are being removed.
struct Sweep {
    enum Phase {
        /// Waits until every tick that may have matched it is over.
        case fresh
        case barrier(Barrier)
        /// Waits until everything handed over before is committed.
        case settling(position: UInt64)
        case reading
    }

    var session: SessionNumber
    var subscriptions: [Text: SubscriptionRecord]
    var phase = Phase.fresh
}

/// What an ended session leaves is removed in bounded slices, or given to another member of its share.
extension Shard {
    /// Takes over the sweep of a session that ended before the start.
    package func resumeSweep(_ session: SessionNumber) {
        sweeps.append(Sweep(session: session, subscriptions: [:]))
    }

    func advanceSweeps() {
        guard !sweeps.isEmpty else { return }
        for position in sweeps.indices { advance(&sweeps[position]) }
    }

    private func advance(_ sweep: inout Sweep) {
        switch sweep.phase {
        case .fresh:
            // The end itself must be handed over before the barrier means anything.
            guard lane.isEmpty else { return }
            sweep.phase = .barrier(commons.barrier())
        case .barrier(let barrier):
            guard commons.hasPassed(barrier, asking: index), lane.isEmpty else { return }
            settle(&sweep)
        case .settling(let position):
            guard position <= commons.committedPosition else { return }
            sweep.phase = .reading
            let kind = ReadRequest.Kind.sweep(limit: Shard.sweepSlice)
            orders.append(.read(ReadRequest(session: sweep.session, kind: kind)))
        case .reading: break
        }
    }

    private func settle(_ sweep: inout Sweep) {
        var last: UInt64 = 0
        commons.underHandOver { _, position in last = position }
        sweep.phase = .settling(position: last)
    }

    /// One slice: removes its deliveries, moves those of shares; the last slice removes the rest.
    func takeSweep(_ page: DeliveryPage, of session: SessionNumber) {
        guard let position = sweeps.firstIndex(where: { $0.session == session }) else { return }
        for delivery in page.deliveries { remove(delivery) }
        if page.isLast {
            // Nothing can come after the barrier, so this slice was the last one.
            beginEntry()
            lane.append(.sessionSwept(session: session))
            sweeps.remove(at: position)
        } else {
            sweeps[position].phase = .fresh
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
            publish($0, toShare: delivery.share)
        }
    }

    func retrySweep(_ session: SessionNumber) {
        guard let position = sweeps.firstIndex(where: { $0.session == session }) else { return }
        sweeps[position].phase = .fresh
        orders.append(.wakeSelf(afterMilliseconds: Shard.readRetryMilliseconds))
    }

    static let sweepSlice = 1000
}

// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

package import DequeModule
package import Packets
package import Persistence

/// What the broker remembers of one client, connected or not.
///
/// A session belongs to one shard at a time, connected or not, and only that shard touches it; it moves to
/// another shard through a mailbox when its client connects there. It holds no queued messages while offline:
/// those are in the store, and `Catchup` brings them when the client is back.
///
/// What waits for a commit outlives the connection and moves with the session: the packet identifiers of
/// QoS 2 messages received (`receptions`) and the posts held back behind them (`holds`).
package final class Session: @unchecked Sendable {
    // Proof of Sendable: a session is given away only through `Control.granted`, by a shard that drops its own
    // reference in the same tick; nobody touches it in between.

    // What each message needs stands first, together: of a session that was quiet for a while nothing is in the
    // processor's cache.
    package let number: SessionNumber
    package let seat: UInt32
    /// The slot of the connection, if there is one.
    package var slot: UInt32?
    package var inflight = Inflight()
    /// Publishes whose posting waits for a commit, in order.
    package var holds: Deque<Hold> = []
    package var holdBytes = 0
    /// The last tick in which a publish of the session had to be held.
    package var heldTick: UInt64 = 0
    /// What its publishes have handed over that is not yet committed, a tick at a time, oldest first.
    package var uncommitted: Deque<UncommittedBytes> = []
    package var uncommittedBytes = 0
    /// Messages that wait in memory for the receive window, in order of arrival.
    package var tail: Deque<Parcel> = []
    package var tailBytes = 0
    package var catchup = Catchup.live
    /// QoS 2 packet identifiers received and not yet released.
    package var receptions: Set<UInt16> = []
    /// Whether `receptions` and `inflight` know which packet identifiers the store has; not before the first
    /// connection after a start.
    package var knowsReceptions = true
    /// Whether the store has a client record for it.
    package var isStored = false
    package var subscriptions: [Text: SubscriptionRecord] = [:]
    /// What the store holds, or would hold if the session were persistent.
    package var record: ClientRecord
    /// The changes of its queue and record that are not known to be committed, oldest first: when there is none, the
    /// store shows what the session is. A later one may be done before an earlier one.
    package var changes: Deque<HoldWait> = []
    /// Retained messages on their way, while it is connected.
    var retained: RetainedLine?
    /// The last time it forgot a packet identifier of `receptions`: whoever asks for that again may be answered when it is
    /// committed.
    package var lastRelease: HoldWait?
    /// The last time it forgot a subscription.
    package var lastUnsubscription: HoldWait?

    package init(record: ClientRecord, seat: UInt32) {
        number = record.session
        self.record = record
        self.seat = seat
    }

    /// QoS 1 deliveries with numbers up to this one go out with DUP: the broker died while the session was
    /// connected, so they may have been sent. Kept in the record, since the session may be gone again before it has
    /// sent them.
    package var dupThrough: MessageNumber { record.dupThrough }

    package var isPersistent: Bool { record.isPersistent }

    package var hasShare: Bool { subscriptions.keys.contains { $0.isShared } }

    /// Whether messages wait in memory to be sent.
    package var hasWaiting: Bool { !tail.isEmpty || !catchup.window.isEmpty }

    package func pushTail(_ parcel: Parcel) {
        tailBytes += parcel.bytes.count
        tail.append(parcel)
    }

    package func popTail() -> Parcel? {
        guard let parcel = tail.popFirst() else { return nil }
        tailBytes -= parcel.bytes.count
        return parcel
    }

    package func dropTail() {
        tail.removeAll()
        tailBytes = 0
    }
}

extension Text {
    /// Whether a topic filter is that of a shared subscription.
    package var isShared: Bool { bytes.starts(with: "$share/".utf8) }
}

/// Publishes of one session that wait to be posted: for the commit of a QoS 2 publish, or behind one.
package struct Hold: Sendable {
    /// What it waits for; `nil` if it only waits for its turn.
    package var wait: HoldWait?
    /// The reception that becomes durable with it.
    package var packetID: UInt16
    package var mail: Mail
    /// The connection that has sent it again, after the session had moved: its PUBREC follows the commit.
    package var resentBy: SlotID?
}

/// Bytes of one tick that wait for a commit: they count against the session's allowance.
package struct UncommittedBytes: Sendable {
    package var wait: HoldWait
    package var bytes: Int
    package var tick: UInt64
}

/// What a held publish waits for: an entry of this shard's, or a position after the session has moved.
package enum HoldWait: Sendable, Hashable {
    case ticket(UInt64)
    case position(UInt64)
}

/// How far a connected persistent session is with its queue (DESIGN: resuming is one procedure).
///
/// *settling* → *reading* → *goingLive* → *live*, and back to *settling* when the client is slower than its
/// messages, or something was lost on the way. Only *goingLive* and *live* are visible as online.
package struct Catchup: Sendable {
    package enum Phase: Sendable, Hashable {
        /// Everything for this session arrives by mail.
        case live
        /// Waits until the session's own removals and states are committed: its `changes`.
        case settling
        /// Reads its queue from the store, window by window.
        case reading
        /// Online since `lastNumber` was given out: what is at or below it comes from the store, once
        /// `position` is committed; what is above it comes by mail and waits in the tail.
        case goingLive(lastNumber: MessageNumber, position: UInt64)
    }

    package var phase: Phase
    /// Everything up to here came from the store. Mail at or below it may still be on its way when the session is
    /// live.
    package var liveAfter: MessageNumber = 0
    /// Everything up to here has been read, or is in flight.
    package var cursor: MessageNumber = 0
    /// What was in flight on this connection when it began: already sent.
    package var skips: Set<MessageNumber> = []
    /// Read and not yet sent.
    package private(set) var window: Deque<Parcel> = []
    package private(set) var windowBytes = 0
    /// What the read that is under way may give back; zero when none is.
    package var askedBytes = 0
    /// What the session counts for in `Commons.deliveryBytes`.
    package var heldBytes = 0
    /// The last read found nothing beyond it.
    package var reachedEnd = false
    /// After an overflow while going live: not again before the committer has moved past this.
    package var notBefore: UInt64 = 0
    /// Tells a late answer of an earlier catch-up from one of this.
    package var round: UInt32 = 0

    package static let live = Catchup(phase: .live)

    package var isLive: Bool { phase == .live }

    package var isReading: Bool { askedBytes > 0 }

    package mutating func append(_ parcel: Parcel) {
        windowBytes += parcel.bytes.count
        window.append(parcel)
    }

    package mutating func popFirst() -> Parcel? {
        guard let parcel = window.popFirst() else { return nil }
        windowBytes -= parcel.bytes.count
        return parcel
    }

    package mutating func restart(skipping skips: Set<MessageNumber>) {
        self = Catchup(phase: .settling, skips: skips, heldBytes: heldBytes, round: round &+ 1)
    }

    /// Without a connection there is nothing to catch up with.
    package mutating func end() {
        self = Catchup(phase: .live, heldBytes: heldBytes, round: round &+ 1)
    }
}

// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import DequeModule
package import NIOCore
import Packets
package import Persistence
import Synchronization

/// One event loop's part of the broker: connections, their sessions, and everything that happens to them.
///
/// A shard is driven by inputs (`open`, `received`, `collect`, `readFinished`, ...) and answers with bytes in
/// its connections' outbound buffers and with `Order`s. It knows no socket, thread or clock; time is an
/// argument. What it shares with other shards is in `Commons`.
///
/// Inputs between two calls of `endTick` are one *tick*. In a tick publishes are matched, and appended to the
/// lane and to the tick's mail; at its end the lane is handed over, and only then is the mail posted, so that
/// nothing is visible before it has its place in the order of commits. Acknowledgements wait for their ticket.
///
/// The strange case: posting can itself make changes (a QoS 2 delivery gets its packet identifier), so the end
/// of a tick repeats hand-over and posting until the lane stays empty; no publish is made in a repetition.
package final class Shard {
    package let index: Int
    let commons: Commons
    let limits: Limits
    /// The number of this start of the broker.
    package var boot: UInt64 = 1
    var now: Milliseconds = 0
    var isInTick = false
    /// Whether anybody reads reports of level debug; there are several for each connection.
    package var reportsDetails = true
    /// A shutdown has begun: connections that end now are left as a crash would leave them.
    var isStopping = false

    var lane = Lane()
    var tick = Mail()
    var tickHolds: [TickHold] = []
    var retainedUpdates: [RetainedUpdate] = []
    var staging: [Mail]
    var isStuck = false
    var mailbox = Mailbox()
    var orders: [Order] = []

    var connections: [Connection?] = []
    var generations: [UInt32] = []
    var freeSlots: [UInt32] = []
    package internal(set) var connectionCount = 0
    var dirty: [Connection] = []
    var sessions: [SessionNumber: Session] = [:]

    var ledger = TicketLedger()
    var waiters: Deque<Waiter> = []
    /// Whether some stand behind others of later tickets.
    var waitersAreMixed = false
    var sends: [UInt64: Parcel] = [:]
    var inlineTickets: [UInt64: UInt64] = [:]
    var holding: [Session] = []
    var catchingUp: [Session] = []
    var afterHandOver: [AfterHandOver] = []
    var waitingForTick: [Connection] = []
    var overloaded: [Connection] = []
    var congested: [Connection] = []
    /// Connections whose messages wait for the bytes before them to leave in this tick's flush.
    var refilling: [Connection] = []
    var drops: [DropKey: Int] = [:]
    /// Counts ticks, to know what was held in this one.
    var tickSerial: UInt64 = 1
    var retainedLines = RetainedLines()
    /// Refused values for which the store is asked what it has instead, by round.
    var takenBack: [UInt64: (topic: Text, number: MessageNumber)] = [:]
    var sweeps: [Sweep] = []
    var deadlines = DeadlineQueue()
    var matchCache = MatchCache()
    var shareTurn: UInt64 = 0
    var random: SplitMix64
    var wantsSelfWake = false
    /// Set under the hand-over lock by a session that goes live.
    var commitWanted: UInt64 = 0
    var lastScan: Milliseconds = 0
    /// Sessions whose stored queues are still to be counted.
    var uncounted: [SessionNumber] = []
    var isCounting = false
    var tombstones: TombstonePurge?
    /// Questions that the store has not answered, and those asked since; they are asked again at `askAgainAt`.
    var unanswered: [ReadRequest] = []
    var askAgainAt: Milliseconds = 0
    var unreadableReportedAt: Milliseconds = -.max / 2

    package init(index: Int, commons: Commons, seed: UInt64) {
        self.index = index
        self.commons = commons
        limits = commons.limits
        staging = Array(repeating: Mail(), count: commons.shardCount)
        random = SplitMix64(seed: seed ^ UInt64(index) &* 0x9E37_79B9_7F4A_7C15)
        lane.shard = index
    }

    // MARK: Inputs

    /// A socket was accepted.
    package func open(_ origin: Origin, now: Milliseconds) -> SlotID {
        begin(now)
        let slot = freeSlots.popLast() ?? addSlot()
        generations[Int(slot)] &+= 1
        let id = SlotID(index: slot, generation: generations[Int(slot)])
        connections[Int(slot)] = Connection(
            id: id, origin: origin, packetBytesMax: limits.packetBytesMax, now: now)
        connectionCount += 1
        commons.connectionCount.add(1, ordering: .relaxed)
        return id
    }

    /// Bytes arrived.
    package func received(_ slot: SlotID, _ bytes: consuming ByteBuffer, now: Milliseconds) {
        guard let connection = connection(slot) else { return }
        received(connection, bytes, now: now)
    }

    /// Bytes arrived on a connection that is open.
    package func received(_ connection: Connection, _ bytes: consuming ByteBuffer, now: Milliseconds) {
        begin(now)
        connection.receivedAt = now
        if connection.inbound.readableBytes == 0 {
            connection.inbound = bytes
        } else {
            // In a stream whose reads never end with a packet nothing else gives room back.
            if connection.inbound.readerIndex >= connection.inbound.readableBytes {
                connection.inbound.discardReadBytes()
            }
            connection.inbound.writeImmutableBuffer(bytes)
        }
        parse(connection)
    }

    /// The socket is gone: end of stream, an error, or an order to close. Frees the slot.
    package func closed(_ slot: SlotID, now: Milliseconds) {
        begin(now)
        guard let connection = connection(slot) else { return }
        if connection.stage != .closed { readRest(connection) }
        if connection.stage != .closed { lose(connection) }
        connections[Int(slot.index)] = nil
        freeSlots.append(slot.index)
        connectionCount -= 1
        commons.connectionCount.subtract(1, ordering: .relaxed)
    }

    /// The socket takes bytes again, or does not.
    ///
    /// `unsentBytes` have been given to it, and it has not taken them yet.
    package func writabilityChanged(
        _ slot: SlotID, isWritable: Bool, unsentBytes: Int = 0, now: Milliseconds
    ) {
        begin(now)
        guard let connection = connection(slot) else { return }
        connection.isWritable = isWritable
        connection.unsentBytes = unsentBytes
        countHeld(connection)
        guard isWritable, connection.outbound.readableBytes > 0 || connection.session != nil else { return }
        markDirty(connection)
        if let session = connection.session, connection.stage == .connected { pump(session, connection) }
    }

    /// Another shard or the committer has news.
    package func collect(now: Milliseconds) {
        begin(now)
        let position = commons.committedPosition
        commons.emptyMailbox(of: index, into: &mailbox)
        takeControls()
        deliver(mailbox.mail)
        takeLosses()
        progress(to: position)
        releaseHolds()
        advanceCatchups()
        advanceWaiting()
    }

    /// Time has passed; call at least a few times a second.
    package func advance(now: Milliseconds) {
        begin(now)
        passDeadlines()
        if now - lastScan >= 500 {
            lastScan = now
            scanConnections()
            tidyRetained()
            unparkRetained()
            countNext()
        }
        advanceWaiting()
    }

    /// Publishes on behalf of the embedding program; `ticket` comes back with `Order.completed`.
    package func publish(_ message: MessageRecord, retain: Bool, ticket: UInt64, now: Milliseconds) {
        begin(now)
        publishInline(message, retain: retain, ticket: ticket)
    }

    /// Ends the tick: hands over, posts, and asks for what must be done outside.
    package func endTick(now: Milliseconds) {
        begin(now)
        passOn()
        sendStaging()
        askAgain()
        flushDirty()
        reportDrops()
        tickSerial += 1
        setInterest()
        commons.countTick(index)
        isInTick = false
    }

    /// Swaps the orders out.
    package func takeOrders(into taken: inout [Order]) {
        if !taken.isEmpty { taken.removeAll(keepingCapacity: true) }
        swap(&orders, &taken)
    }

    /// Gives access to the bytes that wait to be written; the caller takes or clears them.
    package func withOutbound(_ slot: SlotID, _ body: (inout ByteBuffer) -> Void) {
        guard let connection = connection(slot) else { return }
        body(&connection.outbound)
    }

    // MARK: Helpers

    func begin(_ now: Milliseconds) {
        self.now = now
        guard !isInTick else { return }
        isInTick = true
        commons.countTick(index)
        parseWaiting()
        parseCongested()
        refill()
    }

    /// A socket that took everything says nothing: what had no room behind it goes on in the next tick.
    private func refill() {
        guard !refilling.isEmpty else { return }
        let waiting = refilling
        refilling.removeAll(keepingCapacity: true)
        for connection in waiting where connection.stage == .connected {
            if let session = connection.session { pump(session, connection) }
        }
    }

    /// The connection of a slot, from its opening until the socket is gone.
    package func connection(_ id: SlotID) -> Connection? {
        guard let connection = connections[Int(id.index)], connection.id == id else { return nil }
        return connection
    }

    func markDirty(_ connection: Connection) {
        guard !connection.isDirty else { return }
        connection.isDirty = true
        dirty.append(connection)
    }

    /// Notes a message that is not delivered; reported once per tick.
    func noteDrop(_ session: SessionNumber, _ reason: DropReason, count: Int = 1) {
        drops[DropKey(session: session, reason: reason), default: 0] += count
    }

    /// Reports what is of level debug.
    func reportDetail(_ report: @autoclosure () -> Report) {
        if reportsDetails { orders.append(.report(report())) }
    }

    private func reportDrops() {
        guard !drops.isEmpty else { return }
        for (key, count) in drops {
            orders.append(.report(.dropped(session: key.session, count: count, because: key.reason)))
        }
        drops.removeAll(keepingCapacity: true)
    }

    private func addSlot() -> UInt32 {
        connections.append(nil)
        generations.append(0)
        return UInt32(connections.count - 1)
    }

    private func flushDirty() {
        // Taken from its end the list is empty afterwards for nothing; turned round first, it keeps its order.
        dirty.reverse()
        while let connection = dirty.popLast() {
            connection.isDirty = false
            guard connection.stage != .closed else { continue }
            if !connection.isWritable {
                countHeld(connection)
            } else if connection.outbound.readableBytes > 0 {
                orders.append(.flush(connection.id))
                let isCongested = connection.isCongested(limits.outboundBytesMax)
                if isCongested, let session = connection.session,
                    session.hasWaiting || session.retained != nil
                {
                    refilling.append(connection)
                }
            }
        }
        if !refilling.isEmpty { wantsSelfWake = true }
    }
}

/// Whose messages were dropped, and why.
struct DropKey: Hashable {
    var session: SessionNumber
    var reason: DropReason
}

/// A publish of this tick whose posting waits.
struct TickHold {
    var posts: Range<Int>
    var session: Session
    /// The entry it waits for; `nil` when it only waits behind others.
    var ticket: UInt64?
    var packetID: UInt16
}

/// A retained value that becomes visible after the hand-over.
struct RetainedUpdate {
    var post: Int
    var change: RetainedChange
    var publisher: Text
    var qos: QoS
}

/// What is done once the lane has been handed over, in order.
enum AfterHandOver {
    case subscribe(TopicFilter, Subscriber, SubscriptionRecord)
    case grant(Claim, Session?, ended: SessionNumber?)
    case forget(Session)
}

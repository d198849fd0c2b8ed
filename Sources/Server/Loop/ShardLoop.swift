// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import Engine
import NIOCore
import Packets
import Persistence

/// One shard on its event loop: turns what the loop sees into calls of the shard, and the shard's orders into
/// writes, wake-ups and reads.
///
/// Everything that happens in one iteration of the event loop is one *tick*. The first event of an iteration
/// puts the end of the tick behind it in the loop's task queue, which NIO runs once all ready sockets have been
/// read. There the shard makes up its mind, and all its orders are performed in one pass: one write per
/// connection, one wake-up per other shard.
final class ShardLoop: @unchecked Sendable {
    // Proof of Sendable: made on the committer's thread and given to its event loop before the loop sees the
    // first event; from then on everything but `wake`, `eventLoop` and `index` is touched on that loop only.
    let index: Int
    let eventLoop: any EventLoop
    let shard: Shard
    private let clock: BrokerClock
    private var machinery: Machinery?
    /// The open connections, by the index of their slot.
    private var connections: [ConnectionHandler?] = []
    /// Connections of which acknowledgements are read many at a time.
    private var gathering: [ConnectionHandler] = []
    private var looksLater = false
    /// Connections that are over and wait for their peer to close.
    private var lingering: [ConnectionHandler] = []
    private var performing: [Order] = []
    private var tickTask: @Sendable () -> Void = {}
    private var collectTask: @Sendable () -> Void = {}
    private var isInTick = false
    private var now: Milliseconds = 0
    private var nextCollect: Milliseconds = .max
    private var sweptIndex = 0
    private var clockWatch: ClockWatch
    private var drops = DropLog()
    private var advanceCount = 0
    private var ticker: RepeatedTask?
    private var channelCount = 0
    private var emptied: EventLoopPromise<Void>?
    private(set) var isShutDown = false
    private var publications: [UInt64: CheckedContinuation<ReasonCode?, Never>] = [:]
    private var lastTicket: UInt64 = 0

    /// How often timers are looked at.
    static let advanceMilliseconds: Int64 = 250
    /// How many of those looks lie between two lines about dropped messages.
    private static let advancesPerLine = 4
    /// How long a connection that was closed by the broker waits for its peer to close too.
    static let lingerMillisecondsMax: Milliseconds = 2000

    init(index: Int, eventLoop: any EventLoop, shard: Shard, clock: BrokerClock) {
        self.index = index
        self.eventLoop = eventLoop
        self.shard = shard
        self.clock = clock
        clockWatch = ClockWatch(drift: clock.drift)
    }

    // MARK: Life

    /// Gives the loop its surroundings and starts its timer; before the first connection.
    func start(in machinery: Machinery) {
        eventLoop.assertInEventLoop()
        self.machinery = machinery
        HeapReserve.make()
        tickTask = { [unowned self] in endTick() }
        collectTask = { [weak self] in self?.collect() }
        let delay = TimeAmount.milliseconds(ShardLoop.advanceMilliseconds)
        ticker = eventLoop.scheduleRepeatedTask(initialDelay: delay, delay: delay) { [weak self] _ in
            self?.advance()
        }
        // Restoring may have left work: sessions that ended with the crash, and their wills.
        advance()
    }

    /// Closes every connection with DISCONNECT 0x8B; the future succeeds when the last channel is gone.
    func shutDown() -> EventLoopFuture<Void> {
        eventLoop.assertInEventLoop()
        let promise = eventLoop.makePromise(of: Void.self)
        emptied = promise
        isShutDown = true
        beginTick()
        shard.shutDown(now: now)
        reportIfEmpty()
        return promise.futureResult
    }

    /// Lets go of everything; inline publications that still wait are told so.
    func stop() {
        eventLoop.assertInEventLoop()
        logDrops()
        ticker?.cancel()
        ticker = nil
        for (_, continuation) in publications { continuation.resume(returning: nil) }
        publications.removeAll()
        machinery = nil
    }

    // MARK: Events of connections

    func open(_ connection: ConnectionHandler, origin: Origin) -> Connection {
        beginTick()
        let slot = shard.open(origin, now: now)
        guard let opened = shard.connection(slot) else {
            preconditionFailure("a slot without connection was opened")
        }
        let index = Int(slot.index)
        while connections.count <= index { connections.append(nil) }
        connections[index] = connection
        return opened
    }

    @inline(__always)
    func received(_ connection: Connection, _ bytes: consuming ByteBuffer) {
        beginTick()
        shard.received(connection, bytes, now: now)
    }

    func closed(_ slot: SlotID) {
        beginTick()
        connections[Int(slot.index)] = nil
        shard.closed(slot, now: now)
    }

    func writabilityChanged(_ slot: SlotID, isWritable: Bool, unsentBytes: Int) {
        beginTick()
        shard.writabilityChanged(slot, isWritable: isWritable, unsentBytes: unsentBytes, now: now)
    }

    /// Counts a channel in; false when the broker is shutting down and the channel must close at once.
    func channelOpened() -> Bool {
        channelCount += 1
        return !isShutDown
    }

    func channelClosed() {
        channelCount -= 1
        reportIfEmpty()
    }

    func linger(_ connection: ConnectionHandler) -> Milliseconds {
        lingering.append(connection)
        return now + (isShutDown ? ShardLoop.lingerMillisecondsMax / 4 : ShardLoop.lingerMillisecondsMax)
    }

    // MARK: Acknowledgements, many at a time

    /// When the tick began.
    var time: Milliseconds { now }

    /// Looks from now on for what the kernel does not wake the loop for.
    func gather(_ connection: ConnectionHandler) {
        gathering.append(connection)
        lookLater()
    }

    /// How many there are.
    var gatheringCount: Int { gathering.count }

    private func lookLater() {
        guard !looksLater, !gathering.isEmpty else { return }
        looksLater = true
        eventLoop.scheduleTask(in: .milliseconds(AcknowledgementGathering.milliseconds)) { [weak self] in
            self?.look()
        }
    }

    private func look() {
        looksLater = false
        let connections = gathering
        gathering.removeAll(keepingCapacity: true)
        for connection in connections where connection.readGathered() { gathering.append(connection) }
        lookLater()
    }

    // MARK: Events from elsewhere

    /// Makes the shard look at its mailbox and at the committer's progress. Called on any thread.
    func wake() {
        eventLoop.execute(collectTask)
    }

    private func collect() {
        beginTick()
        shard.collect(now: now)
    }

    private func readFinished(_ reply: ReadReply) {
        beginTick()
        shard.readFinished(reply, now: now)
    }

    func publish(
        _ message: MessageRecord, retain: Bool, continuation: CheckedContinuation<ReasonCode?, Never>
    ) {
        guard machinery != nil, !isShutDown else { return continuation.resume(returning: nil) }
        beginTick()
        lastTicket += 1
        publications[lastTicket] = continuation
        shard.publish(message, retain: retain, ticket: lastTicket, now: now)
    }

    private func advance() {
        beginTick()
        shard.reportsDetails = machinery?.readsDetails ?? false
        shard.advance(now: now)
        endLingering()
        releaseIdleBuffers()
        if index == 0 { watchClock() }
        advanceCount += 1
        if advanceCount % ShardLoop.advancesPerLine == 0 { logDrops() }
    }

    // MARK: The tick

    /// Reads the clock and puts the end of the tick behind everything that is ready now, once per tick.
    @inline(__always)
    private func beginTick() {
        if isInTick { return }
        isInTick = true
        now = clock.now
        eventLoop.execute(tickTask)
    }

    private func endTick() {
        isInTick = false
        shard.endTick(now: now)
        shard.takeOrders(into: &performing)
        for index in performing.indices {
            // Almost all orders are flushes; one that is looked at in its place is not copied, which would count
            // references.
            if case .flush(let slot) = performing[index] {
                connection(slot)?.flush()
            } else {
                perform(performing[index])
            }
        }
        if !performing.isEmpty { performing.removeAll(keepingCapacity: true) }
    }

    private func perform(_ order: Order) {
        switch order {
        case .flush(let slot): connection(slot)?.flush()
        case .close(let slot): close(slot)
        case .pause(let slot): connection(slot)?.setReading(false)
        case .resume(let slot): connection(slot)?.setReading(true)
        case .wake(let shard): machinery?.loops[shard].wake()
        case .wakeCommitter: machinery?.commitSignal.signal()
        case .read(let request): read(request)
        case .wakeSelf(let milliseconds): collect(afterMilliseconds: milliseconds)
        case .completed(let ticket, let reason):
            publications.removeValue(forKey: ticket)?.resume(returning: reason)
        case .report(let report): log(report)
        }
    }

    @inline(__always)
    private func connection(_ slot: SlotID) -> ConnectionHandler? {
        let index = Int(slot.index)
        guard index < connections.count, let connection = connections[index], connection.isOpen(in: slot)
        else {
            return nil
        }
        return connection
    }

    private func close(_ slot: SlotID) {
        guard let connection = connection(slot) else { return }
        connection.end()
        closed(slot)
    }

    private func read(_ request: ReadRequest) {
        machinery?.readers.submit(request) { [self] reply in
            eventLoop.execute { self.readFinished(reply) }
        }
    }

    /// Makes the shard look again; zero means behind the tasks that are queued now.
    private func collect(afterMilliseconds milliseconds: Int) {
        guard milliseconds > 0 else { return eventLoop.execute(collectTask) }
        let time = now + Milliseconds(milliseconds)
        guard time < nextCollect else { return }
        nextCollect = time
        eventLoop.scheduleTask(in: .milliseconds(Int64(milliseconds))) { [weak self] in
            self?.nextCollect = .max
            self?.collect()
        }
    }

    private func log(_ report: Report) {
        if case .dropped(let session, let count, let reason) = report {
            drops.add(count, for: session, because: reason.rawValue)
        } else {
            machinery?.log(report)
        }
    }

    // MARK: Slow work of the timer

    private func endLingering() {
        guard !lingering.isEmpty else { return }
        let time = now
        lingering.removeAll { $0.hasLingered(until: time) }
    }

    /// Gives back the memory of outbound buffers that were not used since the last look, a slice at a time.
    private func releaseIdleBuffers() {
        guard !connections.isEmpty else { return }
        for _ in 0...connections.count / 32 {
            sweptIndex = (sweptIndex + 1) % connections.count
            connections[sweptIndex]?.releaseIdleBuffer()
        }
    }

    private func logDrops() {
        for line in drops.takeLines() { machinery?.warn(line) }
    }

    private func watchClock() {
        guard let jump = clockWatch.jump(to: clock.drift) else { return }
        machinery?.log(clockJump: jump)
    }

    private func reportIfEmpty() {
        guard channelCount == 0, let promise = emptied else { return }
        emptied = nil
        promise.succeed(())
    }
}

// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import NIOCore
import Packets
import Persistence
import Synchronization

/// Clears with numbers up to `number` are forgotten once the barrier has passed.
struct TombstonePurge {
    var number: MessageNumber
    var barrier: Barrier
}

/// Setting, and sending, retained messages.
extension Shard {
    /// Makes the retained values of this tick visible: right after the hand-over, the greater number winning.
    func applyRetained() {
        guard !retainedUpdates.isEmpty else { return }
        let updates = retainedUpdates
        retainedUpdates.removeAll(keepingCapacity: true)
        for update in updates {
            let post = tick.posts[update.post]
            let body = update.change == .set ? RetainedBody(message(of: post, update)) : nil
            tick.arena.withUnsafeBytes { bytes in
                let topic = UnsafeRawBufferPointer(rebasing: bytes[post.topic.range])
                commons.retained.withLock { index in
                    if let body {
                        _ = index.set(
                            topic: topic, number: post.number, body: body, expiresAt: post.expiresAt)
                    } else {
                        _ = index.clear(topic: topic, number: post.number)
                    }
                }
            }
        }
    }

    private func message(of post: Post, _ update: RetainedUpdate) -> MessageRecord {
        MessageRecord(
            topic: Text(bytes: Array(tick.arena[post.topic.range])),
            payload: Array(tick.arena[post.payload.range]),
            properties: Array(tick.arena[post.properties.range]), publisher: update.publisher,
            qos: update.qos,
            publishedAt: now, expiresAt: post.expiresAt)
    }

    /// A value that the store refused was visible since it was handed over; what was before is only in the store.
    func takeBack(_ topic: Text, _ number: MessageNumber) {
        let round = retainedLines.makeRound()
        takenBack[round] = (topic, number)
        ask(
            ReadRequest(
                session: 0,
                kind: .retained([topic], bytesMax: limits.windowBytesMax, round: round)))
    }

    // MARK: Requests

    /// The retained messages of the new subscriptions of one SUBSCRIBE.
    func requestRetained(_ filters: [TopicFilter], _ session: Session, after ticket: UInt64?) {
        guard !filters.isEmpty else { return }
        let gate = RetainedGate(ticket: ticket, tick: tickSerial)
        for filter in filters {
            cancelRetained(filter.text, session)
            append(RetainedRequest(filter: filter, gate: gate), session)
        }
        session.retained?.gates.append(gate)
    }

    /// A session is back whose retained messages were not all queued.
    func resumeRetained(_ session: Session) {
        let gate = RetainedGate(ticket: nil, tick: tickSerial)
        for record in session.subscriptions.values where record.retainedSent < record.retainedEnd {
            guard let filter = TopicFilter(record.filter) else { continue }
            var request = RetainedRequest(filter: filter, gate: gate)
            request.sent = record.retainedSent
            if record.retainedEnd != .max { request.knownEnd = record.retainedEnd }
            append(request, session)
        }
        session.retained?.gates.append(gate)
    }

    private func append(_ request: RetainedRequest, _ session: Session) {
        let line = session.retained ?? RetainedLine(session)
        session.retained = line
        line.append(request)
        retainedLines.wake(line)
    }

    /// A subscription is gone, or replaced.
    func cancelRetained(_ filter: Text, _ session: Session) {
        guard let request = session.retained?.remove(filter), request.round != 0 else { return }
        _ = retainedLines.endRead(request.round)
    }

    /// A connection is gone, or nothing is left to be sent.
    func endRetained(_ session: Session) {
        guard let line = session.retained.take() else { return }
        retainedLines.end(line)
    }

    /// Something was sent: there may be room for more.
    func unparkRetained(_ line: RetainedLine, _ session: Session, _ connection: Connection) {
        guard !line.isReady, hasRoom(session, connection) else { return }
        retainedLines.wake(line)
    }

    /// Looks at all parked lines, should one have missed that there is room.
    func unparkRetained() {
        for line in retainedLines.parked.values {
            guard let session = line.session, let slot = session.slot,
                let connection = connections[Int(slot)]
            else { continue }
            unparkRetained(line, session, connection)
        }
    }

    // MARK: Sending

    /// Sends to each session that is ready, one after another, as much as it has room for and the tick allows.
    func advanceRetained() {
        guard !retainedLines.ready.isEmpty else { return }
        retainedLines.beginTick(tickSerial)
        for _ in 0..<retainedLines.ready.count {
            guard retainedLines.effort > 0, let line = retainedLines.next() else { break }
            retainedLines.spend(1)
            guard let session = line.session, let slot = session.slot,
                let connection = connections[Int(slot)], connection.stage == .connected
            else { continue }
            switch advance(line, session, connection) {
            case .isReady: retainedLines.wake(line)
            case .waits: retainedLines.park(line)
            case .isDone: endRetained(session)
            }
        }
        if retainedLines.effort <= 0 { wantsSelfWake = true }
    }

    private enum LineStep {
        case isReady, waits, isDone
    }

    private enum RequestStep {
        case isDone, hasMore, reads, lacksRoom
    }

    /// Sends what one session has room for.
    private func advance(_ line: RetainedLine, _ session: Session, _ connection: Connection) -> LineStep {
        openGates(of: line)
        guard connection.waiting[.reply] == 0 else { return .isReady }
        guard hasRoom(session, connection) else { return line.gates.isEmpty ? .waits : .isReady }
        line.allow(
            min(Shard.retainedWindow, limits.tailMessagesMax - session.tail.count),
            min(
                limits.tailBytesMax - session.tailBytes,
                limits.outboundBytesMax - connection.outbound.readableBytes),
            in: tickSerial)
        while line.readCount < Shard.retainedReadsMax, var request = line.next() {
            guard let end = request.end, line.messageCount > 0, retainedLines.effort > 0 else {
                line.putBack(request)
                return .isReady
            }
            switch advance(&request, upTo: end, line, session, connection) {
            case .isDone: break
            case .hasMore: line.putBack(request)
            case .reads: line.wait(request)
            case .lacksRoom:
                line.putBack(request)
                return line.isFresh && line.gates.isEmpty ? .waits : .isReady
            }
        }
        if line.isEmpty { return .isDone }
        return line.gates.isEmpty ? .waits : .isReady
    }

    /// Finds the end of requests. The barrier is not taken in the tick that asked for it: until its end no other
    /// shard sees the subscription, and a tick begun meanwhile would neither be waited for nor deliver.
    private func openGates(of line: RetainedLine) {
        guard !line.gates.isEmpty else { return }
        var fresh: Barrier?
        for gate in line.gates {
            if let barrier = gate.barrier {
                guard commons.hasPassed(barrier, asking: index) else { continue }
                commons.underHandOver { number, _ in gate.end = number }
            } else if gate.tick != tickSerial, gate.ticket.map({ ledger.isDone($0) }) ?? true {
                let barrier = fresh ?? commons.barrier()
                fresh = barrier
                gate.barrier = barrier
                wantsSelfWake = true
            } else {
                break
            }
        }
        line.gates.removeAll { $0.end != nil }
    }

    /// One window of one request.
    private func advance(
        _ request: inout RetainedRequest, upTo end: MessageNumber, _ line: RetainedLine, _ session: Session,
        _ connection: Connection
    ) -> RequestStep {
        guard let subscription = session.subscriptions[request.filter.text] else { return .isDone }
        let limit = line.messageCount
        let page = commons.retained.withLock {
            $0.matching(request.filter, after: request.sent, upTo: end, limit: limit)
        }
        retainedLines.spend(page.visitCount + 16 * (page.values.count + 1))
        let before = request.sent
        var step = sendValues(of: page, &request, subscription, line, session, connection)
        if step == .hasMore {
            request.sent = page.isLast ? end : page.through
            if page.isLast { step = .isDone }
        }
        if step == .isDone || request.sent != before {
            recordProgress(request, session, end: end, isLast: step == .isDone)
        }
        return step
    }

    /// Sends as many values as the session has room for and bodies are at hand, and asks for the bodies of the
    /// next.
    private func sendValues(
        of page: RetainedPage, _ request: inout RetainedRequest, _ subscription: SubscriptionRecord,
        _ line: RetainedLine, _ session: Session, _ connection: Connection
    ) -> RequestStep {
        for (index, value) in page.values.enumerated() {
            guard value.body != nil || request.answers.keys.contains(value.topic) else {
                askForBodies(page.values[index...], &request, line, session)
                return .reads
            }
            if let message = message(of: value, request, subscription, session) {
                let bytes = message.topic.bytes.count + message.properties.count + message.payload.count
                let size = bytes + Shard.retainedHeadBytesMax
                // A value for which there is never room goes alone.
                let goesAlone = line.isFresh && session.tail.isEmpty && canSend(session, connection)
                guard line.messageCount > 0, size <= line.byteCount || goesAlone else { return .lacksRoom }
                line.spend(size)
                send(message, session, subscription)
            }
            request.answers[value.topic] = nil
            request.sent = value.number
        }
        return .hasMore
    }

    /// The message of a value, if the session is to have it: it may be gone, or expired, or be the client's own, and
    /// the subscription No Local `[MQTT-3.8.3-3]`.
    private func message(
        of value: RetainedValue, _ request: RetainedRequest, _ subscription: SubscriptionRecord,
        _ session: Session
    ) -> MessageRecord? {
        let answer = request.answers[value.topic] ?? nil
        guard
            let message = value.body?.message ?? (answer?.number == value.number ? answer?.message : nil),
            message.expiresAt == 0 || message.expiresAt > now
        else { return nil }
        let isHidden = subscription.options.noLocal && message.publisher == session.record.clientID
        return isHidden ? nil : message
    }

    private func askForBodies(
        _ values: ArraySlice<RetainedValue>, _ request: inout RetainedRequest, _ line: RetainedLine,
        _ session: Session
    ) {
        request.round = retainedLines.makeRound()
        retainedLines.read(request.round, for: line, request.filter.text)
        let topics = values.filter { $0.body == nil }.map(\.topic)
        let kind = ReadRequest.Kind.retained(topics, bytesMax: limits.windowBytesMax, round: request.round)
        ask(ReadRequest(session: session.number, kind: kind))
    }

    private func hasRoom(_ session: Session, _ connection: Connection) -> Bool {
        session.catchup.isLive && session.tail.count < min(Shard.retainedWindow, limits.tailMessagesMax)
            && !isCongested(connection)
    }

    /// One retained message for one session: a message of its own, with a new number if it is stored.
    private func send(_ message: MessageRecord, _ session: Session, _ subscription: SubscriptionRecord) {
        withPublication(topic: message.topic, properties: message.properties, payload: message.payload) {
            $0.qos = message.qos
            $0.expiresAt = message.expiresAt
            $0.publisher = message.publisher
            publish($0, to: session, subscription)
        }
    }

    /// What a session's subscription still has to queue is kept in its record, in the commit that queues it.
    private func recordProgress(
        _ request: RetainedRequest, _ session: Session, end: MessageNumber, isLast: Bool
    ) {
        guard var record = session.subscriptions[request.filter.text] else { return }
        record.retainedSent = isLast ? 0 : request.sent
        record.retainedEnd = isLast ? 0 : end
        guard record != session.subscriptions[request.filter.text] else { return }
        session.subscriptions[request.filter.text] = record
        guard session.isPersistent else { return }
        beginEntry()
        append(record)
    }

    /// Bodies came from the store. They go to who asked for them, however few the cache can keep: else a cache
    /// smaller than a window would have them read for ever.
    func takeRetained(_ records: [RetainedRecord], of topics: ArraySlice<Text>, round: UInt64) {
        if let refused = takenBack.removeValue(forKey: round) {
            return refused.topic.bytes.withUnsafeBytes { topic in
                commons.retained.withLock {
                    $0.takeBack(topic: topic, number: refused.number, stored: records.first)
                }
            }
        }
        commons.retained.withLock { index in
            for record in records {
                record.message.topic.bytes.withUnsafeBytes {
                    index.restoreBody(topic: $0, number: record.number, body: RetainedBody(record.message))
                }
            }
        }
        guard let reader = retainedLines.endRead(round) else { return }
        reader.line.answer(reader.filter, round: round, topics: topics, records: records)
        retainedLines.wake(reader.line)
    }

    /// Clears retained messages that have expired, forgets clears that nothing older can follow any more, and
    /// drops bodies that only the store needs to have. The first shard sees to it.
    func tidyRetained() {
        guard index == 0 else { return }
        expireRetained()
        commons.retained.withLock { $0.evictBodies(committed: commons.committedNumber) }
        if let purge = tombstones {
            guard commons.hasPassed(purge.barrier, asking: index) else { return }
            commons.retained.withLock { $0.purgeTombstones(upTo: purge.number) }
            tombstones = nil
        } else {
            var last: MessageNumber = 0
            commons.underHandOver { number, _ in last = number }
            tombstones = TombstonePurge(number: last, barrier: commons.barrier())
        }
    }

    private func expireRetained() {
        let expired = commons.retained.withLock { $0.expire(now: now, limit: Shard.retainedWindow) }
        for value in expired {
            beginEntry()
            let topic = lane.append(bytes: value.topic.bytes)
            lane.append(.retainedRemoval(topic: topic, number: value.number))
        }
    }

    /// How many messages one tick sends to one session.
    static let retainedWindow = 256
    /// How many bytes of a PUBLISH are not its topic, properties or payload.
    private static let retainedHeadBytesMax = 24
    /// How many reads one session may have under way.
    private static let retainedReadsMax = 16
}

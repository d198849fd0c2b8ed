// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import DequeModule
import Packets
import Persistence
import Synchronization

/// Retained messages of one new subscription, on their way.
struct RetainedRequest {
    var session: Session
    var slot: SlotID
    var filter: TopicFilter
    /// The SUBACK they follow.
    var ticket: UInt64?
    /// Taken once the subscription is visible.
    var barrier: Barrier?
    /// Sent so far, and where it ends; the end is known once the barrier has passed.
    var sent: MessageNumber = 0
    var end: MessageNumber?
    /// The bodies that are being read, zero for none, and what the store has answered: nil where it has none.
    var round: UInt64 = 0
    var answers: [Text: RetainedRecord?] = [:]
}

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
        retainedRound += 1
        takenBack[retainedRound] = (topic, number)
        ask(
            ReadRequest(
                session: 0,
                kind: .retained([topic], bytesMax: limits.windowBytesMax, round: retainedRound)))
    }

    // MARK: Sending

    func requestRetained(
        _ filter: TopicFilter, _ session: Session, _ connection: Connection, after ticket: UInt64?
    ) {
        retainedRequests.removeAll { $0.session === session && $0.filter.text == filter.text }
        retainedRequests.append(
            RetainedRequest(session: session, slot: connection.id, filter: filter, ticket: ticket))
    }

    /// A session is back whose retained messages were not all queued.
    func resumeRetained(_ session: Session) {
        guard let slot = session.slot, let connection = connections[Int(slot)] else { return }
        for record in session.subscriptions.values where record.retainedSent < record.retainedEnd {
            guard let filter = TopicFilter(record.filter) else { continue }
            var request = RetainedRequest(session: session, slot: connection.id, filter: filter)
            request.sent = record.retainedSent
            if record.retainedEnd != .max { request.end = record.retainedEnd }
            retainedRequests.append(request)
        }
    }

    /// Sends a window of each request whose SUBACK is out and whose barrier has passed.
    func advanceRetained() {
        guard !retainedRequests.isEmpty else { return }
        var requests: [RetainedRequest] = []
        swap(&requests, &retainedRequests)
        for request in requests {
            var request = request
            if !advance(&request) { retainedRequests.append(request) }
        }
    }

    /// One step; true: done.
    private func advance(_ request: inout RetainedRequest) -> Bool {
        guard let connection = connection(request.slot), connection.session === request.session,
            connection.stage == .connected, request.session.subscriptions[request.filter.text] != nil
        else { return true }
        if let ticket = request.ticket, !ledger.isDone(ticket) { return false }
        if connection.waiting[.reply] > 0 { return false }
        guard let end = findEnd(&request) else { return false }
        guard request.round == 0, hasRoom(request.session, connection) else { return false }
        let page = commons.retained.withLock {
            $0.matching(request.filter, after: request.sent, upTo: end, limit: Shard.retainedWindow)
        }
        let before = request.sent
        let isComplete = sendValues(of: page, &request, connection)
        if isComplete { request.sent = page.isLast ? end : page.through }
        let isDone = isComplete && page.isLast
        if isDone || request.sent != before { recordProgress(request, end: end, isLast: isDone) }
        return isDone
    }

    /// Sends as many values as the session has room for and bodies are at hand, and asks for the bodies of the
    /// next; true: all of them.
    private func sendValues(
        of page: RetainedPage, _ request: inout RetainedRequest, _ connection: Connection
    ) -> Bool {
        let session = request.session
        var count = limits.tailMessagesMax - session.tail.count
        var bytes = limits.tailBytesMax - session.tailBytes
        for (index, value) in page.values.enumerated() {
            guard value.body != nil || request.answers.keys.contains(value.topic) else {
                askForBodies(page.values[index...], &request)
                return false
            }
            let answer = request.answers[value.topic] ?? nil
            let message = value.body?.message ?? (answer?.number == value.number ? answer?.message : nil)
            let size = message.map { $0.topic.bytes.count + $0.properties.count + $0.payload.count } ?? 0
            // A value for which there is never room goes alone.
            let goesAlone = bytes == limits.tailBytesMax && canSend(session, connection)
            guard count > 0, size <= bytes || goesAlone else { return false }
            bytes -= size
            count -= 1
            request.answers[value.topic] = nil
            request.sent = value.number
            session.retainedTick = tickSerial
            if let message { send(message, request) }
        }
        return true
    }

    private func askForBodies(_ values: ArraySlice<RetainedValue>, _ request: inout RetainedRequest) {
        retainedRound += 1
        request.round = retainedRound
        let topics = values.filter { $0.body == nil }.map(\.topic)
        let kind = ReadRequest.Kind.retained(topics, bytesMax: limits.windowBytesMax, round: retainedRound)
        ask(ReadRequest(session: request.session.number, kind: kind))
    }

    /// The last number given out when the barrier had passed: later values come by the subscription itself.
    private func findEnd(_ request: inout RetainedRequest) -> MessageNumber? {
        if let end = request.end { return end }
        guard let barrier = request.barrier else {
            request.barrier = commons.barrier()
            wantsSelfWake = true
            return nil
        }
        guard commons.hasPassed(barrier, asking: index) else { return nil }
        var last: MessageNumber = 0
        commons.underHandOver { number, _ in last = number }
        request.end = last
        return last
    }

    private func hasRoom(_ session: Session, _ connection: Connection) -> Bool {
        session.catchup.isLive && session.tail.count < Shard.retainedWindow
            && session.retainedTick != tickSerial && !connection.isCongested(limits.outboundBytesMax)
    }

    /// One retained message for one session: a message of its own, with a new number if it is stored.
    private func send(_ message: MessageRecord, _ request: RetainedRequest) {
        guard message.expiresAt == 0 || message.expiresAt > now,
            let subscription = request.session.subscriptions[request.filter.text]
        else { return }
        withPublication(topic: message.topic, properties: message.properties, payload: message.payload) {
            $0.qos = message.qos
            $0.expiresAt = message.expiresAt
            $0.publisher = message.publisher
            publish($0, to: request.session, subscription)
        }
    }

    /// What a session's subscription still has to queue is kept in its record, in the commit that queues it.
    private func recordProgress(_ request: RetainedRequest, end: MessageNumber, isLast: Bool) {
        guard var record = request.session.subscriptions[request.filter.text] else { return }
        record.retainedSent = isLast ? 0 : request.sent
        record.retainedEnd = isLast ? 0 : end
        guard record != request.session.subscriptions[request.filter.text] else { return }
        request.session.subscriptions[request.filter.text] = record
        guard request.session.isPersistent else { return }
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
        for position in retainedRequests.indices where retainedRequests[position].round == round {
            retainedRequests[position].round = 0
            for topic in topics { retainedRequests[position].answers[topic] = .some(nil) }
            for record in records { retainedRequests[position].answers[record.message.topic] = record }
        }
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

    static let retainedWindow = 256
}

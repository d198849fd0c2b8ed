// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import Engine
import Packets
import Persistence
import StoreConformance
import Synchronization

/// The end of a run: no more faults, everybody comes back, and everything must be delivered.
extension World {
    func end() {
        isHostile = false
        note("no more faults")
        disk.faulty.clearDisk()
        disk.failingReads = 0
        rest("after the faults")
        guard failure == nil else { return }
        checkDelivered()
        checkRoom()
        checkRetained()
        checkStore()
        guard failure == nil else { return }
        expire()
    }

    /// Rounds in which everything that can happen does, until nothing can.
    private func rest(_ when: String) {
        var quietRounds = 0
        for _ in 0..<World.roundsMax where failure == nil {
            moment += 1
            now += 20
            quietRounds = round() ? quietRounds + 1 : 0
            if quietRounds > World.quietRounds { return }
        }
        fail("the broker does not come to rest \(when): \(unrest())")
    }

    /// One round; true if nothing is left to do.
    private func round() -> Bool {
        for client in clients where client.link == nil || client.link?.isClosed == true { connect(client) }
        for link in links {
            setStopped(link, false)
            for _ in 0..<4 { carry(link) }
        }
        // Ticks count moments, too: all loops look at their timers, or none.
        let advances = moment % 7 == 0
        for loop in loops {
            loop.passTimers(now)
            while let link = loop.closing.first { close(link) }
            while !loop.reads.isEmpty { read(loop) }
            while !loop.replies.isEmpty { answerRead(loop, 0) }
            if loop.collects > 0 { collect(loop) }
            if advances { advance(loop) }
            endTick(loop)
        }
        for link in links { hear(link, all: true) }
        for client in clients {
            guard let link = client.link else { continue }
            while !link.answers.isEmpty && !link.isClosed { acknowledge(client, link) }
        }
        for _ in 0..<6 { stepCommitter() }
        return unrest().isEmpty
    }

    /// What keeps the world from resting.
    private func unrest() -> [String] {
        var reasons: [String] = []
        if !commons.isSettled { reasons.append("the committer is behind") }
        let held = commons.deliveryBytes.load(ordering: .relaxed)
        if held != 0 { reasons.append("\(held) bytes are counted for clients that have everything") }
        if commons.queuedBytes > 0 { reasons.append("\(commons.queuedBytes) bytes are uncommitted") }
        for client in clients {
            guard let link = client.link, link.isOpen else {
                reasons.append("client \(client.index) has no connection")
                continue
            }
            if !link.toBroker.isEmpty || !link.toClient.isEmpty {
                reasons.append("bytes of client \(client.index) are on their way")
            }
            if !client.outgoing.isEmpty {
                reasons.append("client \(client.index) waits for \(client.outgoing.map(\.serial))")
            }
            if !link.questions.isEmpty { reasons.append("client \(client.index) waits for a SUBACK") }
        }
        for (number, rows) in disk.mirror.deliveries where !rows.isEmpty {
            let rows = rows.map { "\($0.key) \($0.value)" }.sorted()
            reasons.append("session \(number) has the deliveries \(rows.joined(separator: ", "))")
        }
        if !disk.mirror.ended.isEmpty { reasons.append("sessions are not swept") }
        for loop in loops where !loop.reads.isEmpty || !loop.replies.isEmpty || !loop.closing.isEmpty {
            reasons.append("shard \(loop.shard.index) has work")
        }
        return reasons
    }

    // MARK: Checks

    /// All queues are empty, so none is at its limit.
    private func checkRoom() {
        guard plan.boundsQueues else { return }
        for seat in 0..<World.seatsMax where commons.seats[seat].isFull {
            fail("the empty queue of seat \(seat) is full")
        }
    }

    /// More sessions than there are at a time.
    private static let seatsMax: UInt32 = 64

    private func checkDelivered() {
        for client in clients {
            guard let session = client.incarnation else { continue }
            for message in ledger.messages where session.isOwed(message) {
                let isHeard = session.receipts[message.serial]?.isHeard == true
                if !isHeard, !session.mayBeDropped(message.serial) {
                    fail("message \(message.serial) is lost for client \(client.index)")
                }
            }
        }
        checkGroups()
    }

    /// A QoS 1 group with a member that has been there from before a publish until now, without having been about
    /// to end meanwhile, has received it; a group with one QoS gets a QoS 2 message once.
    private func checkGroups() {
        for message in ledger.messages where message.isOwed {
            for (filter, value) in Geography.filters.enumerated() {
                guard let group = value.group, value.topics.contains(message.topic), group != 3 else {
                    continue
                }
                check(message, group, filter)
            }
        }
    }

    private func check(_ message: SentMessage, _ group: Int, _ filter: Int) {
        let qos = min(message.qos, Geography.groupQoS(group))
        let hasSteadyMember = clients.contains { client in
            guard let session = client.incarnation, session.isPersistent, !session.mayHaveMissed(message),
                !(plan.narrows && message.isWide), !plan.boundsQueues
            else { return false }
            return session.spans.contains {
                $0.filter == filter && ($0.acknowledgedAt ?? .max) < message.sentAt
                    && $0.unsubscribedAt == nil
            }
        }
        let isReceived = ledger.incarnations.contains { $0.receipts[message.serial]?.isHeard == true }
        if hasSteadyMember && qos == .atLeastOnce && !isReceived {
            fail("message \(message.serial) is lost for group \(group)")
        }
    }

    private func checkRetained() {
        for topic in Geography.retainedTopics {
            let value = disk.mirror.retained[Geography.topics[topic].text]
            if !ledger.isPlausible(value.map { $0.serial ?? -1 }, topic: topic) {
                fail("\(Geography.topics[topic].text) retains \(value?.serial.map(String.init) ?? "nothing")")
            }
            checkIndex(topic, value?.number)
        }
    }

    /// What a subscriber would get is what the store would give after a crash.
    private func checkIndex(_ topic: Int, _ number: MessageNumber?) {
        guard let filter = TopicFilter(Geography.topics[topic].text) else { return }
        let page = commons.retained.withLock { $0.matching(filter, after: 0, upTo: .max, limit: 10) }
        if page.values.first?.number != number {
            fail(
                "\(filter.text) retains \(number ?? 0) in the store, \(page.values.first?.number ?? 0) in memory"
            )
        }
    }

    private func checkStore() {
        do throws(StoreError) {
            for sentence in try disk.verify() { fail(sentence) }
        } catch {
            fail("the store cannot be verified: \(error)")
        }
        for sentence in disk.mirror.leftovers() { fail(sentence) }
    }

    /// Everybody goes for good, and sessions that end leave nothing.
    private func expire() {
        note("everybody goes")
        for client in clients {
            guard let link = client.link else { continue }
            var disconnect = Disconnect()
            let isLast =
                link.version == .v5 && client.index % 2 == 0 && client.incarnation?.expirySeconds ?? 0 > 0
            if isLast { disconnect.properties.sessionExpiry = 1 }
            link.send(.disconnect(disconnect))
            link.isEnding = true
            leave(client)
        }
        for _ in 0..<100 where failure == nil {
            moment += 1
            now += 500
            for link in links { carry(link) }
            for loop in loops {
                loop.passTimers(now)
                while let link = loop.closing.first { close(link) }
                while !loop.reads.isEmpty { read(loop) }
                while !loop.replies.isEmpty { answerRead(loop, 0) }
                if loop.collects > 0 { collect(loop) }
                advance(loop)
                endTick(loop)
            }
            for _ in 0..<6 { stepCommitter() }
        }
        checkGone()
        checkStore()
    }

    private func checkGone() {
        for client in clients {
            let isStored = disk.mirror.client(client.name) != nil
            let link = client.incarnation
            if isStored && link?.isPersistent == false {
                fail("volatile client \(client.index) is still stored")
            }
        }
        if !commons.isSettled { fail("the committer is behind after everybody has gone") }
    }

    private static let roundsMax = 1500
    private static let quietRounds = 12
}

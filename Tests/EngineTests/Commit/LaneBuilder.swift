// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import Packets
import Persistence
import Testing

@testable import Engine

/// Lanes as the tests write them.
extension Lane {
    init(shard: Int = 0, isUrgent: Bool = true, _ fill: (inout Lane) -> Void) {
        self.init()
        self.shard = shard
        fill(&self)
        self.isUrgent = isUrgent
    }

    /// An entry with one publish to these sessions.
    mutating func publish(_ payload: Text = "x", to sessions: SessionNumber..., retain: Bool = false) {
        begin()
        addPublish(payload, to: sessions, retain: retain)
    }

    /// A publish in the entry that is being filled.
    mutating func addPublish(_ payload: Text = "x", to sessions: [SessionNumber], retain: Bool = false) {
        let message = LaneMessage(
            topic: append(bytes: Text("t").bytes), properties: .empty, payload: append(bytes: payload.bytes),
            publisher: .empty, qos: .atLeastOnce, publishedAt: 1, expiresAt: 0,
            retained: !retain ? .none : payload.isEmpty ? .clear : .set)
        _ = append(message)
        for session in sessions {
            let delivery = LaneDelivery(
                session: session, seat: UInt32(session), qos: .atLeastOnce, retain: false)
            _ = append(delivery) as UInt32
        }
    }

    mutating func remove(_ session: SessionNumber, _ number: MessageNumber, ordinal: UInt32 = 0) {
        begin()
        append(.removal(session: session, number: number, ordinal: ordinal))
    }

    mutating func state(
        _ session: SessionNumber, _ number: MessageNumber, ordinal: UInt32 = 0, packetID: UInt16,
        _ state: DeliveryState
    ) {
        begin()
        append(
            .state(session: session, number: number, ordinal: ordinal, packetID: packetID, state: state))
    }

    mutating func client(_ session: SessionNumber, _ clientID: Text) {
        begin()
        addClient(session, clientID)
    }

    mutating func addClient(_ session: SessionNumber, _ clientID: Text) {
        var bytes: [UInt8] = []
        RecordCoding.append(ClientRecord(session: session, clientID: clientID), to: &bytes)
        let id = append(bytes: clientID.bytes)
        append(.client(session: session, clientID: id, record: append(bytes: bytes)))
    }

    mutating func addEnd(_ session: SessionNumber, _ clientID: Text) {
        append(.sessionEnd(session: session, clientID: append(bytes: clientID.bytes)))
    }
}

/// A committer, its queue and its store, without shards.
final class CommitterBench {
    let store = ScriptedStore()
    let commons: Commons
    var committer: Committer
    var now: Milliseconds = 1_000

    init(shards: Int = 1, limits: Limits = Limits(), lease: Lease? = nil) throws {
        commons = Commons(shardCount: shards, limits: limits, lease: lease)
        commons.startNumbers(session: 50, message: 100)
        // Seats for the sessions that the tests name.
        for _ in 0..<16 { _ = commons.seats.take(Seat(shard: 0)) }
        try store.open()
        committer = Committer(commons: commons, after: try store.sysInfo())
        for session in 1...9 as ClosedRange<SessionNumber> {
            handOver(Lane { $0.client(session, Text("c\(session)")) })
        }
        run()
        _ = store.takeAttempts()
    }

    @discardableResult
    func handOver(_ lane: Lane) -> (number: MessageNumber, position: UInt64) {
        var lane = lane
        return commons.handOver(&lane)
    }

    /// One step, done; returns what it was.
    @discardableResult
    func step() -> Committer.Step {
        let step = committer.next(now: now)
        switch step {
        case .commit:
            do {
                try store.commit(committer.batch)
                committer.committed(now: now)
            } catch {
                committer.failed(error, now: now)
            }
        case .reopen:
            do {
                store.close()
                try store.open()
                committer.reopened(now: now)
            } catch {
                committer.failed(error, now: now)
            }
        case .wait, .end: break
        }
        return step
    }

    /// Steps until there is nothing to do at this time; returns how many there were.
    @discardableResult
    func run() -> Int {
        var count = 0
        while count < 1_000, case .commit = step() { count += 1 }
        return count
    }

    /// Lets the time pass until the committer has nothing more to wait for.
    func drain() {
        for _ in 0..<200 {
            switch step() {
            case .wait(nil), .end: return
            case .wait(let milliseconds?): now += Milliseconds(milliseconds)
            case .commit, .reopen: break
            }
        }
        Issue.record("the committer does not come to rest")
    }

    /// What a shard's mailbox says is settled, and refused.
    func controls(of shard: Int = 0) -> (settled: [UInt64], refused: [UInt64]) {
        var mailbox = Mailbox()
        commons.emptyMailbox(of: shard, into: &mailbox)
        var (settled, refused): ([UInt64], [UInt64]) = ([], [])
        for control in mailbox.controls {
            if case .settled(let ranges) = control { settled += ranges.joined() }
            if case .refused(let position, _) = control { refused.append(position) }
        }
        return (settled, refused)
    }
}

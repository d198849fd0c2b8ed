// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import Packets
import Persistence

/// The contents of the migration ring: of ten records one is a session, two are subscriptions, six are deliveries and
/// one is a retained message.
///
/// Each session has six deliveries, scattered over all messages: three of messages of its own and three of messages
/// that ten sessions share. Everything follows from the count, so two fillings of one count hold the same.
struct Filling: ~Copyable {
    private static let changesMax = 5_000
    private static let sharers: UInt64 = 10

    private let store: any Store
    private let sessions: UInt64
    private let now: Milliseconds
    private var batch = ChangeBatch()

    /// `records` is a multiple of 10,000; `now` is when everything happened.
    init(_ store: any Store, records: UInt64, now: Milliseconds) {
        precondition(records % 10_000 == 0, "the sharers of a message are different sessions only then")
        self.store = store
        self.now = now
        sessions = records / 10
        batch.number = 1
        batch.time = now
    }

    /// Commits a session for every ten records, all subscribed to one topic, and a message that all of them wait for.
    mutating func runFanOut() throws {
        batch.append(.boot(number: 1, startedAt: now))
        for session in 1...sessions {
            try append(client: session)
            try append(filter: "fill/all", of: session)
        }
        append("fill/all", to: Array(1...sessions))
        try commit()
    }

    /// Commits everything to the store, which is open and empty.
    mutating func run() throws {
        batch.append(.boot(number: 1, startedAt: now))
        for session in 1...sessions { try append(session: session) }
        for group in 0..<sessions * 3 / Self.sharers { try appendMessages(group) }
        for topic in 1...sessions { try append(retained: topic) }
        try commit()
    }

    private mutating func append(client session: SessionNumber) throws {
        batch.add(
            ClientRecord(
                session: session, clientID: Text("ring-client-\(session)"), version: .v5, username: "ring",
                listener: "tcp", remote: "192.0.2.1:50000", boot: 1, disconnectedAt: now))
        try commitIfDue()
    }

    private mutating func append(session: SessionNumber) throws {
        try append(client: session)
        for text in ["fill/own/\(session)/#", "fill/shared/\(session % 100)/+"] {
            try append(filter: text, of: session)
        }
    }

    private mutating func append(filter text: String, of session: SessionNumber) throws {
        batch.add(
            SubscriptionRecord(
                session: session, filter: Text(text), options: SubscriptionOptions(qos: .exactlyOnce)))
        try commitIfDue()
    }

    /// Ten messages with a receiver each, and one that ten sessions share.
    private mutating func appendMessages(_ group: UInt64) throws {
        let indices = group * Self.sharers..<(group + 1) * Self.sharers
        for index in indices {
            // A fiftieth has been sent; the packet identifier counts the messages of the session's own.
            let packetID = index % 50 == 0 ? UInt16(index / sessions + 1) : 0
            append("fill/own/\(index)/value", to: [scattered(index, 7_919)], packetID)
        }
        append("fill/shared/\(group % 100)/value", to: indices.map { scattered($0, 9_973) })
        try commitIfDue()
    }

    /// The factor is a prime that does not divide the count of sessions, so each session comes equally often.
    private func scattered(_ index: UInt64, _ factor: UInt64) -> SessionNumber {
        index * factor % sessions + 1
    }

    private mutating func append(_ topic: String, to receivers: [SessionNumber], _ packetID: UInt16 = 0) {
        batch.message += 1
        let number = batch.message
        let message = message(topic, number)
        let body = batch.append(message)
        batch.append(.message(number: number, record: body, references: UInt32(receivers.count)))
        for session in receivers {
            let delivery = DeliveryRecord(
                session: session, number: number, qos: number % 3 == 0 ? .exactlyOnce : .atLeastOnce,
                state: packetID == 0 ? .queued : .sent, packetID: packetID, message: message)
            let record = batch.append(delivery)
            batch.append(.delivery(session: session, number: number, record: record))
        }
    }

    private mutating func append(retained topic: UInt64) throws {
        let number = batch.message + 1
        batch.add(RetainedRecord(number: number, message: message("kept/\(topic % 1_000)/\(topic)", number)))
        try commitIfDue()
    }

    /// 20 to 219 bytes of payload.
    private func message(_ topic: String, _ number: MessageNumber) -> MessageRecord {
        let payload = (0..<20 + Int(number % 200)).map { UInt8(truncatingIfNeeded: Int(number) + $0) }
        return MessageRecord(
            topic: Text(topic), payload: payload, publisher: "ring-publisher", qos: .exactlyOnce,
            publishedAt: now)
    }

    private mutating func commitIfDue() throws {
        if batch.changes.count >= Self.changesMax { try commit() }
    }

    private mutating func commit() throws {
        try store.commit(batch)
        batch.removeAll()
        batch.number += 1
    }
}

// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import Packets
import Persistence

/// What the frames so far have left.
struct Contents: Sendable {
    struct Rows: Sendable {
        var subscriptions: [Text: SubscriptionRecord] = [:]
        var deliveries: [MessageNumber: DeliveryRecord] = [:]
        var receptions: Set<UInt16> = []
    }

    var clients: [SessionNumber: ClientRecord] = [:]
    var sessions: [Text: SessionNumber] = [:]
    var ended: Set<SessionNumber> = []
    var rows: [SessionNumber: Rows] = [:]
    /// How many deliveries share a message. The messages themselves are in the deliveries, which share their bytes.
    var references: [MessageNumber: UInt64] = [:]
    var retained: [Text: RetainedRecord] = [:]
    var boots: [UInt64: BootRecord] = [:]
    var info = SysInfoRecord()

    mutating func apply(_ frame: Frame) {
        for entry in frame.entries { apply(entry) }
        info.batch = frame.number
        info.session = max(info.session, frame.session)
        info.message = max(info.message, frame.message)
        info.time = max(info.time, frame.time)
        info.clientCount = UInt64(clients.count)
        info.messageCount = UInt64(references.count)
        info.retainedCount = UInt64(retained.count)
    }

    private mutating func apply(_ entry: Entry) {
        switch entry {
        case .client(let record):
            clients[record.session] = record
            sessions[record.clientID] = record.session
        case .sessionEnd(let session): end(session)
        case .sessionSwept(let session): sweep(session)
        case .subscription(let record): set(record.session, record.filter, record)
        case .unsubscription(let session, let filter): set(session, filter, nil)
        case .message(let number, _, let references): self.references[number] = references
        case .delivery(let record):
            rows[record.session, default: Rows()].deliveries[record.number] = record
            info.deliveryCount += 1
        case .deliveryState(let session, let number, let packetID, let state):
            rows[session]?.deliveries[number]?.packetID = packetID
            rows[session]?.deliveries[number]?.state = state
        case .removal(let session, let number): remove(session, number)
        case .reception(let session, let packetID):
            if rows[session, default: Rows()].receptions.insert(packetID).inserted {
                info.receptionCount += 1
            }
        case .release(let session, let packetID):
            if rows[session]?.receptions.remove(packetID) != nil { info.receptionCount -= 1 }
        case .retained(let record): retain(record.message.topic, record.number, record)
        case .retainedRemoval(let topic, let number): retain(topic, number, nil)
        case .boot(let record): boots[record.number] = record
        case .bootRemoval(let number): boots[number] = nil
        }
    }

    private mutating func end(_ session: SessionNumber) {
        guard let client = clients.removeValue(forKey: session) else { return }
        sessions[client.clientID] = nil
        ended.insert(session)
    }

    private mutating func sweep(_ session: SessionNumber) {
        guard ended.remove(session) != nil else { return }
        for number in rows[session]?.deliveries.keys.sorted() ?? [] { remove(session, number) }
        guard let swept = rows.removeValue(forKey: session) else { return }
        info.subscriptionCount -= UInt64(swept.subscriptions.count)
        info.receptionCount -= UInt64(swept.receptions.count)
    }

    private mutating func set(_ session: SessionNumber, _ filter: Text, _ record: SubscriptionRecord?) {
        let before = rows[session]?.subscriptions.count ?? 0
        rows[session, default: Rows()].subscriptions[filter] = record
        let after = rows[session]?.subscriptions.count ?? 0
        info.subscriptionCount += UInt64(after)
        info.subscriptionCount -= UInt64(before)
    }

    private mutating func remove(_ session: SessionNumber, _ number: MessageNumber) {
        guard rows[session]?.deliveries.removeValue(forKey: number) != nil else { return }
        info.deliveryCount -= 1
        let left = (references[number] ?? 1) - 1
        references[number] = left == 0 ? nil : left
    }

    private mutating func retain(_ topic: Text, _ number: MessageNumber, _ record: RetainedRecord?) {
        if let old = retained[topic], old.number > number { return }
        retained[topic] = record
    }

    /// One sentence for each message whose count is wrong.
    func faults() -> [String] {
        var counted: [MessageNumber: UInt64] = [:]
        for rows in rows.values {
            for number in rows.deliveries.keys { counted[number, default: 0] += 1 }
        }
        return Set(counted.keys).union(references.keys).sorted()
            .filter { counted[$0] != references[$0] }
            .map { "Message \($0) counts \(references[$0] ?? 0) deliveries and has \(counted[$0] ?? 0)." }
    }
}

// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import Packets
import Persistence

/// What the operations so far should have left: lists of records, nothing cleverer.
struct Model {
    struct SubscriptionKey: Hashable {
        var session: SessionNumber
        var filter: Text
    }

    struct DeliveryKey: Hashable {
        var session: SessionNumber
        var number: MessageNumber
    }

    struct ReceptionKey: Hashable {
        var session: SessionNumber
        var packetID: UInt16
    }

    var clients: [SessionNumber: ClientRecord] = [:]
    var ended: Set<SessionNumber> = []
    var subscriptions: [SubscriptionKey: SubscriptionRecord] = [:]
    var deliveries: [DeliveryKey: DeliveryRecord] = [:]
    var receptions: Set<ReceptionKey> = []
    var retained: [Text: RetainedRecord] = [:]
    var boots: [UInt64: Milliseconds] = [:]
    var sysInfo = SysInfoRecord()

    mutating func apply(_ operation: Operation) {
        switch operation {
        case .client(let record): clients[record.session] = record
        case .sessionEnd(let session):
            if clients.removeValue(forKey: session) != nil { ended.insert(session) }
        case .sessionSwept(let session):
            if ended.remove(session) != nil { removeRows(of: session) }
        case .subscription(let record):
            subscriptions[SubscriptionKey(session: record.session, filter: record.filter)] = record
        case .unsubscription(let session, let filter):
            subscriptions[SubscriptionKey(session: session, filter: filter)] = nil
        case .publish(let records):
            for record in records {
                deliveries[DeliveryKey(session: record.session, number: record.number)] = record
            }
        case .deliveryState(let session, let number, let packetID, let state):
            let key = DeliveryKey(session: session, number: number)
            deliveries[key]?.packetID = packetID
            deliveries[key]?.state = state
        case .removal(let session, let number):
            deliveries[DeliveryKey(session: session, number: number)] = nil
        case .reception(let session, let packetID):
            receptions.insert(ReceptionKey(session: session, packetID: packetID))
        case .release(let session, let packetID):
            receptions.remove(ReceptionKey(session: session, packetID: packetID))
        case .retained(let record): retain(record.message.topic, record.number, record)
        case .retainedRemoval(let topic, let number): retain(topic, number, nil)
        case .boot(let number, let startedAt): boots[number] = startedAt
        case .bootRemoval(let number): boots[number] = nil
        }
    }

    private mutating func retain(_ topic: Text, _ number: MessageNumber, _ record: RetainedRecord?) {
        if let old = retained[topic], old.number > number { return }
        retained[topic] = record
    }

    private mutating func removeRows(of session: SessionNumber) {
        subscriptions = subscriptions.filter { $0.key.session != session }
        deliveries = deliveries.filter { $0.key.session != session }
        receptions = receptions.filter { $0.session != session }
    }

    /// Every session that has a record, has ended, or has rows.
    var sessions: Set<SessionNumber> {
        ended.union(clients.keys).union(subscriptions.keys.map(\.session))
            .union(deliveries.keys.map(\.session)).union(receptions.map(\.session))
    }

    /// What a store should answer.
    var contents: StoreContents {
        var contents = StoreContents()
        contents.clients = clients.values.sorted { $0.session < $1.session }
        contents.ended = ended.sorted()
        let subscriptions = ordered(subscriptions.values) { $0.filter }.sorted { $0.session < $1.session }
        contents.subscriptions = subscriptions.filter { !ended.contains($0.session) }
        contents.subscriptionsBySession = Dictionary(grouping: subscriptions, by: \.session)
        contents.deliveries = Dictionary(grouping: deliveries.values, by: \.session)
            .mapValues { $0.sorted { $0.number < $1.number } }
        contents.receptions = Dictionary(grouping: receptions, by: \.session)
            .mapValues { $0.map(\.packetID).sorted() }
        contents.retained = ordered(retained.values) { $0.message.topic }
        contents.boots = boots.map { BootRecord(number: $0.key, startedAt: $0.value) }
            .sorted { $0.number < $1.number }
        contents.sysInfo = counted
        return contents
    }

    private func ordered<Record>(_ records: some Sequence<Record>, by text: (Record) -> Text) -> [Record] {
        records.map { (key: TextKey(text($0)), record: $0) }.sorted { $0.key < $1.key }.map(\.record)
    }

    private var counted: SysInfoRecord {
        var info = sysInfo
        info.clientCount = UInt64(clients.count)
        info.subscriptionCount = UInt64(subscriptions.count)
        info.deliveryCount = UInt64(deliveries.count)
        info.messageCount = UInt64(Set(deliveries.keys.map(\.number)).count)
        info.receptionCount = UInt64(receptions.count)
        info.retainedCount = UInt64(retained.count)
        return info
    }
}

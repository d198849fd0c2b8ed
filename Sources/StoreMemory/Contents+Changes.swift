// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import Packets
import Persistence

/// What each change does.
extension Contents {
    /// Applies a batch; the caller has compared its number.
    mutating func apply(_ batch: borrowing ChangeBatch) {
        batch.requireContract()
        for change in batch.changes { apply(change, of: batch) }
        info.batch = batch.number
        info.session = max(info.session, batch.session)
        info.message = max(info.message, batch.message)
        info.time = max(info.time, batch.time)
    }

    private mutating func apply(_ change: Change, of batch: borrowing ChangeBatch) {
        switch change {
        case .client(let session, let clientID, let record):
            set(session, Text(bytes: batch.bytes(clientID)), batch.bytes(record))
        case .sessionEnd(let session): end(session)
        case .sessionSwept(let session): sweep(session)
        case .subscription(let session, let filter, let record):
            set(session, filter: TextKey(Text(bytes: batch.bytes(filter))), batch.bytes(record))
        case .unsubscription(let session, let filter):
            set(session, filter: TextKey(Text(bytes: batch.bytes(filter))), nil)
        case .message(let number, let record, let references):
            insert(number, batch.bytes(record), references: references)
        case .delivery(let session, let number, let record):
            insert(session, number, batch.bytes(record))
        case .deliveryState(let session, let number, let packetID, let state):
            sessions[session]?.deliveries[number]?.packetID = packetID
            sessions[session]?.deliveries[number]?.state = state
        case .removal(let session, let number): remove(session, number)
        case .reception(let session, let packetID): receive(session, packetID)
        case .release(let session, let packetID): release(session, packetID)
        case .retained(let topic, let number, let record):
            set(topic: TextKey(Text(bytes: batch.bytes(topic))), number, batch.bytes(record))
        case .retainedRemoval(let topic, let number):
            set(topic: TextKey(Text(bytes: batch.bytes(topic))), number, nil)
        case .boot(let number, let startedAt): boots[number] = startedAt
        case .bootRemoval(let number): boots[number] = nil
        }
    }

    private mutating func set(_ session: SessionNumber, _ clientID: Text, _ record: [UInt8]) {
        let owner = sessionsByClientID.updateValue(session, forKey: clientID)
        precondition(ended[session] == nil, "no client record is set for a session that has ended")
        precondition(owner == nil || owner == session, "a client identifier leads to one session at a time")
        if let old = clients[session] {
            precondition(old.clientID == clientID, "a session keeps its client identifier")
        } else {
            info.clientCount += 1
        }
        clients[session] = Client(clientID: clientID, record: record)
    }

    private mutating func end(_ session: SessionNumber) {
        guard let client = clients[session] else { return }
        clients[session] = nil
        sessionsByClientID[client.clientID] = nil
        ended[session] = true
        info.clientCount -= 1
    }

    private mutating func sweep(_ session: SessionNumber) {
        guard ended[session] != nil else { return }
        ended[session] = nil
        guard let rows = sessions[session] else { return }
        for (number, _) in rows.deliveries.entries(after: nil) { remove(session, number) }
        info.subscriptionCount -= UInt64(rows.subscriptions.count)
        info.receptionCount -= UInt64(rows.receptions.count)
        sessions[session] = nil
    }

    private mutating func set(_ session: SessionNumber, filter: TextKey, _ record: [UInt8]?) {
        let isStored = sessions[session]?.subscriptions[filter] != nil
        if let record {
            if !isStored { info.subscriptionCount += 1 }
            sessions[session, default: Session()].subscriptions[filter] = record
        } else if isStored {
            info.subscriptionCount -= 1
            sessions[session]?.subscriptions[filter] = nil
            forgetIfEmpty(session)
        }
    }

    private mutating func insert(_ number: MessageNumber, _ record: [UInt8], references: UInt32) {
        let old = bodies.updateValue(Body(references: references, record: record), forKey: number)
        precondition(old == nil, "a message number is used once")
        info.messageCount += 1
    }

    private mutating func insert(_ session: SessionNumber, _ number: MessageNumber, _ record: [UInt8]) {
        let start = start(of: record)
        let row = Delivery(state: start.state, packetID: start.packetID, record: record)
        precondition(sessions[session]?.deliveries[number] == nil, "a session has a message once")
        sessions[session, default: Session()].deliveries[number] = row
        info.deliveryCount += 1
    }

    private func start(of record: [UInt8]) -> RecordCoding.DeliveryStart {
        do {
            return try record.withUnsafeBytes { (bytes) throws(StoreError) in
                try RecordCoding.deliveryStart(bytes)
            }
        } catch {
            preconditionFailure("a delivery record is made by RecordCoding: \(error)")
        }
    }

    private mutating func remove(_ session: SessionNumber, _ number: MessageNumber) {
        guard sessions[session]?.deliveries[number] != nil else { return }
        sessions[session]?.deliveries[number] = nil
        forgetIfEmpty(session)
        info.deliveryCount -= 1
        bodies[number]?.references -= 1
        guard bodies[number]?.references == 0 else { return }
        bodies[number] = nil
        info.messageCount -= 1
    }

    private mutating func receive(_ session: SessionNumber, _ packetID: UInt16) {
        guard sessions[session]?.receptions[packetID] == nil else { return }
        sessions[session, default: Session()].receptions[packetID] = true
        info.receptionCount += 1
    }

    private mutating func release(_ session: SessionNumber, _ packetID: UInt16) {
        guard sessions[session]?.receptions[packetID] != nil else { return }
        sessions[session]?.receptions[packetID] = nil
        forgetIfEmpty(session)
        info.receptionCount -= 1
    }

    private mutating func set(topic: TextKey, _ number: MessageNumber, _ record: [UInt8]?) {
        let old = retained[topic]
        if let old, old.number > number { return }
        retained[topic] = record.map { Retained(number: number, record: $0) }
        info.retainedCount += (record == nil ? 0 : 1)
        info.retainedCount -= (old == nil ? 0 : 1)
    }

    private mutating func forgetIfEmpty(_ session: SessionNumber) {
        if sessions[session]?.isEmpty == true { sessions[session] = nil }
    }
}

// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import Packets
import Persistence

/// What the store holds, kept by watching the batches that it applied: independent of the store's own code, and
/// with a memory of what was there before.
struct Mirror {
    struct Row {
        var serial: Int?
        var packetID: UInt16
        var state: DeliveryState
        var qos: QoS
    }

    /// A message for a session.
    struct Key: Hashable {
        var session: SessionNumber
        var serial: Int
    }

    struct Retained {
        var number: MessageNumber
        var serial: Int?
    }

    private(set) var clients: [SessionNumber: ClientRecord] = [:]
    private(set) var sessionsByID: [Text: SessionNumber] = [:]
    private(set) var ended: Set<SessionNumber> = []
    private(set) var everEnded: Set<SessionNumber> = []
    private(set) var subscriptions: [SessionNumber: [Text: SubscriptionRecord]] = [:]
    private(set) var deliveries: [SessionNumber: [MessageNumber: Row]] = [:]
    private(set) var receptions: [SessionNumber: Set<UInt16>] = [:]
    private(set) var retained: [Text: Retained] = [:]
    private(set) var everInserted: Set<Key> = []
    private(set) var batch: UInt64 = 0
    private var lastMessage: MessageNumber = 0
    private var serial: Int?
    /// Rules that a batch broke.
    private(set) var faults: [String] = []

    func client(_ clientID: Text) -> ClientRecord? {
        sessionsByID[clientID].flatMap { clients[$0] }
    }

    mutating func apply(_ batch: borrowing ChangeBatch) {
        if batch.number != self.batch + 1 {
            faults.append("batch \(batch.number) was applied after batch \(self.batch)")
        }
        self.batch = batch.number
        for change in batch.changes { apply(change, of: batch) }
    }

    private mutating func apply(_ change: Change, of batch: borrowing ChangeBatch) {
        switch change {
        case .client(let session, _, let record): set(session, batch.bytes(record))
        case .sessionEnd(let session): end(session)
        case .sessionSwept(let session): sweep(session)
        case .subscription(let session, let filter, let record):
            subscriptions[session, default: [:]][Text(bytes: batch.bytes(filter))] =
                decoded(batch.bytes(record), RecordCoding.decodeSubscription)
        case .unsubscription(let session, let filter):
            subscriptions[session]?[Text(bytes: batch.bytes(filter))] = nil
        case .message(let number, let record, _): begin(number, batch.bytes(record))
        case .delivery(let session, let number, let record): insert(session, number, batch.bytes(record))
        case .deliveryState(let session, let number, let packetID, let state):
            deliveries[session]?[number]?.packetID = packetID
            deliveries[session]?[number]?.state = state
        case .removal(let session, let number): deliveries[session]?[number] = nil
        case .reception(let session, let packetID): receptions[session, default: []].insert(packetID)
        case .release(let session, let packetID): receptions[session]?.remove(packetID)
        case .retained(let topic, let number, let record):
            retain(Text(bytes: batch.bytes(topic)), number, serial(of: batch.bytes(record)))
        case .retainedRemoval(let topic, let number):
            let text = Text(bytes: batch.bytes(topic))
            if let old = retained[text], old.number <= number { retained[text] = nil }
        case .boot, .bootRemoval: break
        }
    }

    private mutating func set(_ session: SessionNumber, _ bytes: [UInt8]) {
        guard let record = decoded(bytes, RecordCoding.decodeClient) else { return }
        if everEnded.contains(session) { faults.append("session \(session) came back after its end") }
        clients[session] = record
        sessionsByID[record.clientID] = session
    }

    private mutating func end(_ session: SessionNumber) {
        guard let record = clients.removeValue(forKey: session) else { return }
        if sessionsByID[record.clientID] == session { sessionsByID[record.clientID] = nil }
        ended.insert(session)
        everEnded.insert(session)
    }

    private mutating func sweep(_ session: SessionNumber) {
        guard ended.remove(session) != nil else { return }
        subscriptions[session] = nil
        deliveries[session] = nil
        receptions[session] = nil
    }

    private mutating func begin(_ number: MessageNumber, _ record: [UInt8]) {
        if number <= lastMessage { faults.append("message \(number) was stored after \(lastMessage)") }
        lastMessage = number
        serial = serial(of: record)
    }

    private mutating func insert(_ session: SessionNumber, _ number: MessageNumber, _ record: [UInt8]) {
        do throws(StoreError) {
            let start = try record.span.bytes.withUnsafeBytes { (bytes) throws(StoreError) in
                try RecordCoding.deliveryStart(bytes)
            }
            let message = MessageRecord(topic: "", payload: [])
            let delivery = try record.span.bytes.withUnsafeBytes { (bytes) throws(StoreError) in
                try RecordCoding.decodeDelivery(bytes, session: session, number: number, message: message)
            }
            deliveries[session, default: [:]][number] = Row(
                serial: serial, packetID: start.packetID, state: start.state, qos: delivery.qos)
        } catch {
            faults.append("a delivery record cannot be read: \(error)")
        }
        if let serial { everInserted.insert(Key(session: session, serial: serial)) }
        if clients[session] == nil && !ended.contains(session) {
            faults.append("a delivery of message \(number) for session \(session), which is not stored")
        }
    }

    private mutating func retain(_ topic: Text, _ number: MessageNumber, _ serial: Int?) {
        if let old = retained[topic], old.number > number { return }
        retained[topic] = Retained(number: number, serial: serial)
    }

    private mutating func serial(of record: [UInt8]) -> Int? {
        decoded(record, RecordCoding.decodeMessage).flatMap { Payload.serial($0.payload) }
    }

    private mutating func decoded<Record>(
        _ bytes: [UInt8], _ decode: (UnsafeRawBufferPointer) throws(StoreError) -> Record
    ) -> Record? {
        do throws(StoreError) {
            return try bytes.span.bytes.withUnsafeBytes { (bytes) throws(StoreError) in try decode(bytes) }
        } catch {
            faults.append("a record cannot be read: \(error)")
            return nil
        }
    }

    /// What should not be there when nothing is left to do.
    func leftovers() -> [String] {
        var found: [String] = []
        if !ended.isEmpty { found.append("ended sessions \(ended.sorted()) were not swept") }
        for (session, rows) in deliveries where !rows.isEmpty && clients[session] == nil {
            found.append("session \(session) is gone and has \(rows.count) deliveries")
        }
        for (session, rows) in subscriptions where !rows.isEmpty && clients[session] == nil {
            found.append("session \(session) is gone and has \(rows.count) subscriptions")
        }
        for (session, ids) in receptions where !ids.isEmpty && clients[session] == nil {
            found.append("session \(session) is gone and has \(ids.count) receptions")
        }
        return found.sorted()
    }
}

// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

public import Packets
public import Persistence

extension Contents {
    func client(_ client: Client) throws(StoreError) -> ClientRecord {
        try decoded(client.record, RecordCoding.decodeClient)
    }

    func subscription(_ record: [UInt8]) throws(StoreError) -> SubscriptionRecord {
        try decoded(record, RecordCoding.decodeSubscription)
    }

    func retained(_ value: Retained) throws(StoreError) -> RetainedRecord {
        RetainedRecord(number: value.number, message: try decoded(value.record, RecordCoding.decodeMessage))
    }

    func delivery(
        _ session: SessionNumber, _ number: MessageNumber, _ row: Delivery
    ) throws(StoreError) -> DeliveryRecord {
        guard let body = bodies[number] else {
            throw StoreError(.corrupt, "Delivery \(number) of session \(session) has no message.")
        }
        let message = try decoded(body.record, RecordCoding.decodeMessage)
        var record = try decoded(row.record) { (bytes) throws(StoreError) in
            try RecordCoding.decodeDelivery(bytes, session: session, number: number, message: message)
        }
        record.state = row.state
        record.packetID = row.packetID
        return record
    }

    private func decoded<Record>(
        _ bytes: [UInt8], _ decode: (UnsafeRawBufferPointer) throws(StoreError) -> Record
    ) throws(StoreError) -> Record {
        try bytes.span.bytes.withUnsafeBytes { (bytes) throws(StoreError) in try decode(bytes) }
    }
}

extension MemoryStore {
    /// See `StoredClients`.
    public func clients(after session: SessionNumber, limit: Int) throws(StoreError) -> [ClientRecord] {
        try read { (contents) throws(StoreError) -> [ClientRecord] in
            try contents.clients.entries(after: session, limit: limit)
                .map { (entry) throws(StoreError) in try contents.client(entry.value) }
        }
    }

    /// See `StoredClients`.
    public func client(_ clientID: Text) throws(StoreError) -> ClientRecord? {
        try read { (contents) throws(StoreError) -> ClientRecord? in
            guard let session = contents.sessionsByClientID[clientID] else { return nil }
            guard let client = contents.clients[session] else { return nil }
            return try contents.client(client)
        }
    }

    /// See `StoredClients`.
    public func endedSessions(after session: SessionNumber, limit: Int) throws(StoreError) -> [SessionNumber]
    {
        try read { (contents) throws(StoreError) -> [SessionNumber] in
            contents.ended.entries(after: session, limit: limit).map(\.key)
        }
    }

    /// See `StoredSubscriptions`. Costs a walk over the subscriptions of all sessions from `session` on.
    public func subscriptions(
        after session: SessionNumber, filter: Text, limit: Int
    ) throws(StoreError) -> [SubscriptionRecord] {
        try read { (contents) throws(StoreError) -> [SubscriptionRecord] in
            var found: [[UInt8]] = []
            if let rows = contents.sessions[session], contents.ended[session] == nil {
                found = rows.subscriptions.entries(after: TextKey(filter), limit: limit).map(\.value)
            }
            contents.sessions.walk(after: session) { session, rows in
                guard found.count < limit else { return false }
                guard contents.ended[session] == nil else { return true }
                found += rows.subscriptions.entries(after: nil, limit: limit - found.count).map(\.value)
                return true
            }
            return try found.map { (record) throws(StoreError) in try contents.subscription(record) }
        }
    }

    /// See `StoredSubscriptions`.
    public func subscriptions(of session: SessionNumber) throws(StoreError) -> [SubscriptionRecord] {
        try read { (contents) throws(StoreError) -> [SubscriptionRecord] in
            try (contents.sessions[session]?.subscriptions.entries(after: nil) ?? [])
                .map { (entry) throws(StoreError) in try contents.subscription(entry.value) }
        }
    }

    /// See `StoredInflightMessages`.
    public func deliveries(
        of session: SessionNumber, after number: MessageNumber, limit: Int, bytesMax: Int
    ) throws(StoreError) -> DeliveryPage {
        try read { (contents) throws(StoreError) -> DeliveryPage in
            let rows = contents.sessions[session]?.deliveries.entries(after: number, limit: limit + 1) ?? []
            var page = DeliveryPage(deliveries: [], isLast: true)
            var bytes = 0
            for (number, row) in rows {
                let delivery = try contents.delivery(session, number, row)
                bytes += delivery.message.payload.count + delivery.message.topic.bytes.count
                page.isLast = page.deliveries.isEmpty || (bytes <= bytesMax && page.deliveries.count < limit)
                guard page.isLast else { break }
                page.deliveries.append(delivery)
            }
            return page
        }
    }

    /// See `StoredInflightMessages`.
    public func receptions(of session: SessionNumber) throws(StoreError) -> [UInt16] {
        try read { (contents) throws(StoreError) -> [UInt16] in
            contents.sessions[session]?.receptions.entries(after: nil).map(\.key) ?? []
        }
    }

    /// See `StoredInflightMessages`. Costs a walk over the queue, without the messages.
    public func packetIDs(of session: SessionNumber) throws(StoreError) -> [UInt16] {
        try read { (contents) throws(StoreError) -> [UInt16] in
            let rows = contents.sessions[session]?.deliveries.entries(after: nil) ?? []
            return rows.map(\.value.packetID).filter { $0 != 0 }.sorted()
        }
    }

    /// See `StoredInflightMessages`; needs no count here.
    public func deliveryCount(of session: SessionNumber) throws(StoreError) -> Int {
        try read { (contents) throws(StoreError) in contents.sessions[session]?.deliveries.count ?? 0 }
    }

    /// See `StoredRetainedMessages`.
    public func retainedMessages(after topic: Text, limit: Int) throws(StoreError) -> [RetainedRecord] {
        try read { (contents) throws(StoreError) -> [RetainedRecord] in
            try contents.retained.entries(after: TextKey(topic), limit: limit)
                .map { (entry) throws(StoreError) in try contents.retained(entry.value) }
        }
    }

    /// See `StoredRetainedMessages`.
    public func retainedMessage(_ topic: Text) throws(StoreError) -> RetainedRecord? {
        try read { (contents) throws(StoreError) -> RetainedRecord? in
            guard let value = contents.retained[TextKey(topic)] else { return nil }
            return try contents.retained(value)
        }
    }

    /// See `StoredSysInfo`.
    public func sysInfo() throws(StoreError) -> SysInfoRecord {
        try read { (contents) throws(StoreError) in contents.info }
    }

    /// See `StoredSysInfo`.
    public func boots() throws(StoreError) -> [BootRecord] {
        try read { (contents) throws(StoreError) -> [BootRecord] in
            contents.boots.entries(after: nil).map { BootRecord(number: $0.key, startedAt: $0.value) }
        }
    }
}

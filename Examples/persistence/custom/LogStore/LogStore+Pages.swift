// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

public import Packets
public import Persistence

/// The pages. Each sorts what it chooses from: simple, and slow when there is much.
extension LogStore {
    /// See `Store`.
    public func clients(after session: SessionNumber, limit: Int) throws(StoreError) -> [ClientRecord] {
        try read { contents in
            let numbers = contents.clients.keys.filter { $0 > session }.sorted().prefix(limit)
            return numbers.compactMap { contents.clients[$0] }
        }
    }

    /// See `Store`.
    public func client(_ clientID: Text) throws(StoreError) -> ClientRecord? {
        try read { contents in contents.sessions[clientID].flatMap { contents.clients[$0] } }
    }

    /// See `Store`.
    public func endedSessions(after session: SessionNumber, limit: Int) throws(StoreError) -> [SessionNumber]
    {
        try read { contents in Array(contents.ended.filter { $0 > session }.sorted().prefix(limit)) }
    }

    /// See `Store`.
    public func subscriptions(
        after session: SessionNumber, filter: Text, limit: Int
    ) throws(StoreError) -> [SubscriptionRecord] {
        try read { contents in
            var found: [SubscriptionRecord] = []
            for number in contents.rows.keys.filter({ $0 >= session }).sorted() {
                guard found.count < limit else { break }
                guard !contents.ended.contains(number) else { continue }
                let lower = number == session ? filter : nil
                found += contents.rows[number]?.sorted(after: lower) ?? []
            }
            return Array(found.prefix(limit))
        }
    }

    /// See `Store`.
    public func subscriptions(of session: SessionNumber) throws(StoreError) -> [SubscriptionRecord] {
        try read { contents in contents.rows[session]?.sorted(after: nil) ?? [] }
    }

    /// See `Store`.
    public func deliveries(
        of session: SessionNumber, after number: MessageNumber, limit: Int, bytesMax: Int
    ) throws(StoreError) -> DeliveryPage {
        try read { contents in
            let queue = contents.rows[session]?.deliveries ?? [:]
            var page = DeliveryPage(deliveries: [], isLast: true)
            var bytes = 0
            for number in queue.keys.filter({ $0 > number }).sorted() {
                guard let record = queue[number] else { continue }
                bytes += record.message.payload.count + record.message.topic.bytes.count
                page.isLast = page.deliveries.isEmpty || (bytes <= bytesMax && page.deliveries.count < limit)
                guard page.isLast else { break }
                page.deliveries.append(record)
            }
            return page
        }
    }

    /// See `Store`.
    public func receptions(of session: SessionNumber) throws(StoreError) -> [UInt16] {
        try read { contents in contents.rows[session]?.receptions.sorted() ?? [] }
    }

    /// See `Store`.
    public func deliveryCount(of session: SessionNumber) throws(StoreError) -> Int {
        try read { contents in contents.rows[session]?.deliveries.count ?? 0 }
    }

    /// See `Store`.
    public func retainedMessages(after topic: Text, limit: Int) throws(StoreError) -> [RetainedRecord] {
        try read { contents in
            let lower = TextKey(topic)
            let found = contents.retained.map { (key: TextKey($0.key), record: $0.value) }
                .filter { $0.key > lower }.sorted { $0.key < $1.key }
            return found.prefix(limit).map(\.record)
        }
    }

    /// See `Store`.
    public func retainedMessage(_ topic: Text) throws(StoreError) -> RetainedRecord? {
        try read { contents in contents.retained[topic] }
    }

    /// See `Store`.
    public func sysInfo() throws(StoreError) -> SysInfoRecord {
        try read { contents in contents.info }
    }

    /// See `Store`.
    public func boots() throws(StoreError) -> [BootRecord] {
        try read { contents in contents.boots.values.sorted { $0.number < $1.number } }
    }
}

extension Contents.Rows {
    /// The subscriptions whose keys are above that of `filter`, in rising order.
    func sorted(after filter: Text?) -> [SubscriptionRecord] {
        let lower = filter.map { TextKey($0) }
        return subscriptions.map { (key: TextKey($0.key), record: $0.value) }
            .filter { entry in lower.map { entry.key > $0 } ?? true }
            .sorted { $0.key < $1.key }.map(\.record)
    }
}

// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

public import Packets
public import Persistence

/// The pages. Each is one read transaction, which sees one committed state from its first row to its last.
extension LMDBStore {
    /// See `StoredClients`.
    public func clients(after session: SessionNumber, limit: Int) throws(StoreError) -> [ClientRecord] {
        guard session < .max else { return [] }
        return try page(\.client, from: NumberKey(session + 1), limit: limit) {
            (_, value) throws(StoreError) -> ClientRecord in
            try RecordCoding.decodeClient(value)
        }
    }

    /// See `StoredClients`.
    public func client(_ clientID: Text) throws(StoreError) -> ClientRecord? {
        try read { (transaction, tables) throws(LMDBFailure) -> ClientRecord? in
            guard let name = try transaction.get(tables.name, StringKey(clientID)) else { return nil }
            let session = decoded("The session of client \(clientID)") { () throws(StoreError) in
                try SealedNumber.read(name)
            }
            guard let session, let value = try transaction.get(tables.client, NumberKey(session)) else {
                return nil
            }
            return decoded("The record of client \(clientID)") { () throws(StoreError) -> ClientRecord in
                try RecordCoding.decodeClient(value)
            }
        }
    }

    /// See `StoredClients`.
    public func endedSessions(after session: SessionNumber, limit: Int) throws(StoreError) -> [SessionNumber]
    {
        guard session < .max else { return [] }
        return try page(\.ended, from: NumberKey(session + 1), limit: limit) {
            (key, _) throws(StoreError) -> SessionNumber in
            key.number()
        }
    }

    /// See `StoredSubscriptions`. The rows of an ended session are passed over in one step.
    public func subscriptions(
        after session: SessionNumber, filter: Text, limit: Int
    ) throws(StoreError) -> [SubscriptionRecord] {
        try read { (transaction, tables) throws(LMDBFailure) -> [SubscriptionRecord] in
            var records: [SubscriptionRecord] = []
            var cursor = try Cursor(transaction, tables.subscription)
            let start = StringKey(session, filter)
            var isThere = limit > 0 ? try cursor.seek(start) : false
            if isThere, cursor.key.elementsEqual(start.bytes) { isThere = try cursor.next() }
            var living: SessionNumber?
            while isThere {
                let owner = cursor.key.number()
                if owner != living, try transaction.get(tables.ended, NumberKey(owner)) != nil {
                    isThere = owner < .max ? try cursor.seek(NumberKey(owner + 1)) : false
                    continue
                }
                living = owner
                if let record = subscription(owner, cursor.value) { records.append(record) }
                isThere = records.count < limit ? try cursor.next() : false
            }
            return records
        }
    }

    /// See `StoredSubscriptions`.
    public func subscriptions(of session: SessionNumber) throws(StoreError) -> [SubscriptionRecord] {
        try page(\.subscription, from: NumberKey(session), limit: .max, while: { $0.number() == session }) {
            (_, value) throws(StoreError) -> SubscriptionRecord in
            try RecordCoding.decodeSubscription(value)
        }
    }

    /// See `StoredInflightMessages`.
    public func receptions(of session: SessionNumber) throws(StoreError) -> [UInt16] {
        try page(\.reception, from: NumberKey(session), limit: .max, while: { $0.number() == session }) {
            (key, _) throws(StoreError) -> UInt16 in
            key.packetID
        }
    }

    /// See `StoredRetainedMessages`.
    public func retainedMessages(after topic: Text, limit: Int) throws(StoreError) -> [RetainedRecord] {
        // The key after a key is the same with a zero byte more.
        let start = StringKey(bytes: StringKey(topic).bytes + [0])
        return try page(\.retained, from: start, limit: limit) {
            (_, value) throws(StoreError) -> RetainedRecord in
            try Self.retained(value)
        }
    }

    /// See `StoredRetainedMessages`.
    public func retainedMessage(_ topic: Text) throws(StoreError) -> RetainedRecord? {
        try read { (transaction, tables) throws(LMDBFailure) -> RetainedRecord? in
            guard let value = try transaction.get(tables.retained, StringKey(topic)) else { return nil }
            return decoded("The retained message of \(topic)") { () throws(StoreError) -> RetainedRecord in
                try Self.retained(value)
            }
        }
    }

    /// See `StoredSysInfo`.
    public func sysInfo() throws(StoreError) -> SysInfoRecord {
        try lend { (environment) throws(StoreError) -> SysInfoRecord in try environment.sysInfo() }
    }

    /// See `StoredSysInfo`.
    public func boots() throws(StoreError) -> [BootRecord] {
        try page(\.boot, from: NumberKey(0), limit: .max) { (key, value) throws(StoreError) -> BootRecord in
            BootRecord(
                number: key.number(), startedAt: Milliseconds(bitPattern: try SealedNumber.read(value)))
        }
    }

    static func retained(_ value: UnsafeRawBufferPointer) throws(StoreError) -> RetainedRecord {
        let number = try SealedNumber.read(value)
        let record = UnsafeRawBufferPointer(rebasing: value[SealedNumber.bytes...])
        return RetainedRecord(number: number, message: try RecordCoding.decodeMessage(record))
    }

    private func subscription(
        _ session: SessionNumber, _ value: UnsafeRawBufferPointer
    ) -> SubscriptionRecord? {
        decoded("A subscription of session \(session)") { () throws(StoreError) -> SubscriptionRecord in
            try RecordCoding.decodeSubscription(value)
        }
    }
}

// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

public import Packets
public import Persistence

/// The pages are the inner store's.
extension FaultyStore {
    /// The inner store's page.
    public func clients(after session: SessionNumber, limit: Int) throws(StoreError) -> [ClientRecord] {
        try inner.clients(after: session, limit: limit)
    }

    /// The inner store's record.
    public func client(_ clientID: Text) throws(StoreError) -> ClientRecord? {
        try inner.client(clientID)
    }

    /// The inner store's page.
    public func endedSessions(after session: SessionNumber, limit: Int) throws(StoreError) -> [SessionNumber]
    {
        try inner.endedSessions(after: session, limit: limit)
    }

    /// The inner store's page.
    public func subscriptions(
        after session: SessionNumber, filter: Text, limit: Int
    ) throws(StoreError) -> [SubscriptionRecord] {
        try inner.subscriptions(after: session, filter: filter, limit: limit)
    }

    /// The inner store's records.
    public func subscriptions(of session: SessionNumber) throws(StoreError) -> [SubscriptionRecord] {
        try inner.subscriptions(of: session)
    }

    /// The inner store's page.
    public func deliveries(
        of session: SessionNumber, after number: MessageNumber, limit: Int, bytesMax: Int
    ) throws(StoreError) -> DeliveryPage {
        try inner.deliveries(of: session, after: number, limit: limit, bytesMax: bytesMax)
    }

    /// The inner store's identifiers.
    public func receptions(of session: SessionNumber) throws(StoreError) -> [UInt16] {
        try inner.receptions(of: session)
    }

    /// See `StoredInflightMessages`.
    public func packetIDs(of session: SessionNumber) throws(StoreError) -> [UInt16] {
        try inner.packetIDs(of: session)
    }

    /// The inner store's count.
    public func deliveryCount(of session: SessionNumber) throws(StoreError) -> Int {
        try inner.deliveryCount(of: session)
    }

    /// The inner store's page.
    public func retainedMessages(after topic: Text, limit: Int) throws(StoreError) -> [RetainedRecord] {
        try inner.retainedMessages(after: topic, limit: limit)
    }

    /// The inner store's record.
    public func retainedMessage(_ topic: Text) throws(StoreError) -> RetainedRecord? {
        try inner.retainedMessage(topic)
    }

    /// The inner store's counters.
    public func sysInfo() throws(StoreError) -> SysInfoRecord {
        try inner.sysInfo()
    }

    /// The inner store's boots.
    public func boots() throws(StoreError) -> [BootRecord] {
        try inner.boots()
    }
}

// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

public import Persistence

/// Everything a memory store held at one moment, decoded and in order of key; equal contents are equal
/// values.
public struct Snapshot: Hashable, Sendable {
    /// One client's subscription, delivery and reception rows are in the lists below, not here.
    public var clients: [ClientRecord] = []
    /// Sessions that have ended and are not swept.
    public var endedSessions: [SessionNumber] = []
    /// Subscriptions, those of ended sessions included.
    public var subscriptions: [SubscriptionRecord] = []
    /// Deliveries with their messages, those of ended sessions included.
    public var deliveries: [DeliveryRecord] = []
    /// Packet identifiers received and not released, by session.
    public var receptions: [SessionNumber: [UInt16]] = [:]
    /// Retained messages.
    public var retainedMessages: [RetainedRecord] = []
    /// Starts of the broker.
    public var boots: [BootRecord] = []
    /// The counters.
    public var sysInfo = SysInfoRecord()

    init(_ contents: Contents) throws(StoreError) {
        for (_, client) in contents.clients.entries(after: nil) {
            clients.append(try contents.client(client))
        }
        endedSessions = contents.ended.entries(after: nil).map(\.key)
        for (session, rows) in contents.sessions.entries(after: nil) { try add(session, rows, of: contents) }
        for (_, value) in contents.retained.entries(after: nil) {
            retainedMessages.append(try contents.retained(value))
        }
        boots = contents.boots.entries(after: nil).map { BootRecord(number: $0.key, startedAt: $0.value) }
        sysInfo = contents.info
    }

    private mutating func add(
        _ session: SessionNumber, _ rows: Contents.Session, of contents: Contents
    ) throws(StoreError) {
        for (_, record) in rows.subscriptions.entries(after: nil) {
            subscriptions.append(try contents.subscription(record))
        }
        for (number, row) in rows.deliveries.entries(after: nil) {
            deliveries.append(try contents.delivery(session, number, row))
        }
        if !rows.receptions.isEmpty { receptions[session] = rows.receptions.entries(after: nil).map(\.key) }
    }
}

// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import Packets
import Persistence

/// A store whose disk is full after some batches, or that shows boots nobody has given it; everything else is that of another.
final class FailingStore: Store {
    private let store: any Store
    private let last: UInt64
    private let falseBoots: [BootRecord]

    init(_ store: any Store, after batches: Int = .max, falseBoots: [BootRecord] = []) {
        self.store = store
        self.falseBoots = falseBoots
        last = UInt64(batches)
    }

    var name: String { store.name }
    var location: String { store.location }
    var durability: Durability { store.durability }

    func open() throws(StoreError) { try store.open() }

    func commit(_ batch: borrowing ChangeBatch) throws(StoreError) {
        guard batch.number <= last else { throw StoreError(.retry, "The disk is full.") }
        try store.commit(batch)
    }

    func verify() throws(StoreError) -> [String] { try store.verify() }

    func close() { store.close() }

    func clients(after session: SessionNumber, limit: Int) throws(StoreError) -> [ClientRecord] {
        try store.clients(after: session, limit: limit)
    }

    func client(_ clientID: Text) throws(StoreError) -> ClientRecord? { try store.client(clientID) }

    func endedSessions(after session: SessionNumber, limit: Int) throws(StoreError) -> [SessionNumber] {
        try store.endedSessions(after: session, limit: limit)
    }

    func subscriptions(
        after session: SessionNumber, filter: Text, limit: Int
    ) throws(StoreError) -> [SubscriptionRecord] {
        try store.subscriptions(after: session, filter: filter, limit: limit)
    }

    func subscriptions(of session: SessionNumber) throws(StoreError) -> [SubscriptionRecord] {
        try store.subscriptions(of: session)
    }

    func deliveries(
        of session: SessionNumber, after number: MessageNumber, limit: Int, bytesMax: Int
    ) throws(StoreError) -> DeliveryPage {
        try store.deliveries(of: session, after: number, limit: limit, bytesMax: bytesMax)
    }

    func receptions(of session: SessionNumber) throws(StoreError) -> [UInt16] {
        try store.receptions(of: session)
    }

    func deliveryCount(of session: SessionNumber) throws(StoreError) -> Int {
        try store.deliveryCount(of: session)
    }

    func retainedMessages(after topic: Text, limit: Int) throws(StoreError) -> [RetainedRecord] {
        try store.retainedMessages(after: topic, limit: limit)
    }

    func retainedMessage(_ topic: Text) throws(StoreError) -> RetainedRecord? {
        try store.retainedMessage(topic)
    }

    func sysInfo() throws(StoreError) -> SysInfoRecord { try store.sysInfo() }

    func boots() throws(StoreError) -> [BootRecord] { try store.boots() + falseBoots }
}

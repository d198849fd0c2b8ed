// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import Packets
import Persistence
import StoreMemory
import Synchronization

/// A memory store that another broker has until the test says otherwise.
final class TakenStore: LeasedStore {
    let lease = Lease()
    private let memory = MemoryStore()
    private let owner = Mutex<String?>("the first")
    /// How often who stands by was asked whether to go on.
    let askedCount = Atomic<Int>(0)

    /// Another broker has it, or nobody.
    func give(to name: String?) { owner.withLock { $0 = name } }

    func open() throws(StoreError) { try open(standingBy: { _ in false }) }

    func open(standingBy goesOn: @Sendable (StoreError) -> Bool) throws(StoreError) {
        while let name = owner.withLock({ $0 }) {
            let error = StoreError(.inUse, "The store is in use by \(name).")
            askedCount.add(1, ordering: .relaxed)
            guard goesOn(error) else { throw error }
        }
        memory.open()
        lease.grant(.seconds(1000), askedAt: .now)
    }

    func commit(_ batch: borrowing ChangeBatch) throws(StoreError) {
        if let name = owner.withLock({ $0 }) {
            throw StoreError(.inUse, "The store was taken over by \(name).")
        }
        try memory.commit(batch)
        lease.grant(.seconds(1000), askedAt: .now)
    }

    func close() { memory.close() }

    var name: String { "taken" }
    var location: String { "memory" }
    var durability: Durability { .memory }

    func verify() throws(StoreError) -> [String] { try memory.verify() }

    func clients(after session: SessionNumber, limit: Int) throws(StoreError) -> [ClientRecord] {
        try memory.clients(after: session, limit: limit)
    }

    func client(_ clientID: Text) throws(StoreError) -> ClientRecord? { try memory.client(clientID) }

    func endedSessions(after session: SessionNumber, limit: Int) throws(StoreError) -> [SessionNumber] {
        try memory.endedSessions(after: session, limit: limit)
    }

    func subscriptions(
        after session: SessionNumber, filter: Text, limit: Int
    ) throws(StoreError) -> [SubscriptionRecord] {
        try memory.subscriptions(after: session, filter: filter, limit: limit)
    }

    func subscriptions(of session: SessionNumber) throws(StoreError) -> [SubscriptionRecord] {
        try memory.subscriptions(of: session)
    }

    func deliveries(
        of session: SessionNumber, after number: MessageNumber, limit: Int, bytesMax: Int
    ) throws(StoreError) -> DeliveryPage {
        try memory.deliveries(of: session, after: number, limit: limit, bytesMax: bytesMax)
    }

    func receptions(of session: SessionNumber) throws(StoreError) -> [UInt16] {
        try memory.receptions(of: session)
    }

    func packetIDs(of session: SessionNumber) throws(StoreError) -> [UInt16] {
        try memory.packetIDs(of: session)
    }

    func deliveryCount(of session: SessionNumber) throws(StoreError) -> Int {
        try memory.deliveryCount(of: session)
    }

    func retainedMessages(after topic: Text, limit: Int) throws(StoreError) -> [RetainedRecord] {
        try memory.retainedMessages(after: topic, limit: limit)
    }

    func retainedMessage(_ topic: Text) throws(StoreError) -> RetainedRecord? {
        try memory.retainedMessage(topic)
    }

    func sysInfo() throws(StoreError) -> SysInfoRecord { try memory.sysInfo() }

    func boots() throws(StoreError) -> [BootRecord] { try memory.boots() }
}

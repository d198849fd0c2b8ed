// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import Packets
import Persistence
import StoreConformance
import StoreMemory

/// The store of a world: what it holds survives crashes, and it fails as the world decides.
final class Disk: Store, @unchecked Sendable {
    // Proof of Sendable: a world and all that belongs to it run on one thread.

    let memory = MemoryStore()
    let faulty: FaultyStore
    private(set) var mirror = Mirror()
    /// A message record above this size is one that the engine can never take.
    var recordBytesMax = Int.max
    /// Reads fail while this counts down to zero, one each.
    var failingReads = 0
    /// How many reads from now fail the restoration; nil: none.
    var readsUntilFault: Int?

    init() {
        faulty = FaultyStore(memory)
    }

    var name: String { "disk" }
    var location: String { "disk" }
    var durability: Durability { .disk }

    func open() throws(StoreError) { try faulty.open() }

    func close() { faulty.close() }

    func verify() throws(StoreError) -> [String] { try memory.verify() }

    func commit(_ batch: borrowing ChangeBatch) throws(StoreError) {
        let before = try memory.sysInfo().batch
        // A store looks at the number before anything else: it never says "retry" of what it has applied.
        if batch.number <= before { return try memory.commit(batch) }
        guard fits(batch) else {
            throw StoreError(.refused, "A record is too large for this store.")
        }
        var failure: StoreError?
        do throws(StoreError) {
            try faulty.commit(batch)
        } catch {
            failure = error
        }
        if try memory.sysInfo().batch > before { mirror.apply(batch) }
        if let failure { throw failure }
    }

    private func fits(_ batch: borrowing ChangeBatch) -> Bool {
        for change in batch.changes {
            if case .message(_, let record, _) = change, record.count > recordBytesMax { return false }
            if case .retained(_, _, let record) = change, record.count > recordBytesMax { return false }
        }
        return true
    }

    private func read<Result>(_ body: () throws(StoreError) -> Result) throws(StoreError) -> Result {
        if let left = readsUntilFault {
            readsUntilFault = left == 0 ? nil : left - 1
            if left == 0 { throw StoreError(.unavailable, "The simulated broker dies while it starts.") }
        }
        if failingReads > 0 {
            failingReads -= 1
            throw StoreError(.unavailable, "A read that fails.")
        }
        return try body()
    }

    // MARK: Pages

    func clients(after session: SessionNumber, limit: Int) throws(StoreError) -> [ClientRecord] {
        try read { () throws(StoreError) in try faulty.clients(after: session, limit: limit) }
    }

    func client(_ clientID: Text) throws(StoreError) -> ClientRecord? {
        try read { () throws(StoreError) in try faulty.client(clientID) }
    }

    func endedSessions(after session: SessionNumber, limit: Int) throws(StoreError) -> [SessionNumber] {
        try read { () throws(StoreError) in try faulty.endedSessions(after: session, limit: limit) }
    }

    func subscriptions(
        after session: SessionNumber, filter: Text, limit: Int
    ) throws(StoreError) -> [SubscriptionRecord] {
        try read { () throws(StoreError) in
            try faulty.subscriptions(after: session, filter: filter, limit: limit)
        }
    }

    func subscriptions(of session: SessionNumber) throws(StoreError) -> [SubscriptionRecord] {
        try read { () throws(StoreError) in try faulty.subscriptions(of: session) }
    }

    func deliveries(
        of session: SessionNumber, after number: MessageNumber, limit: Int, bytesMax: Int
    ) throws(StoreError) -> DeliveryPage {
        try read { () throws(StoreError) in
            try faulty.deliveries(of: session, after: number, limit: limit, bytesMax: bytesMax)
        }
    }

    func receptions(of session: SessionNumber) throws(StoreError) -> [UInt16] {
        try read { () throws(StoreError) in try faulty.receptions(of: session) }
    }

    func deliveryCount(of session: SessionNumber) throws(StoreError) -> Int {
        try read { () throws(StoreError) in try faulty.deliveryCount(of: session) }
    }

    func retainedMessages(after topic: Text, limit: Int) throws(StoreError) -> [RetainedRecord] {
        try read { () throws(StoreError) in try faulty.retainedMessages(after: topic, limit: limit) }
    }

    func retainedMessage(_ topic: Text) throws(StoreError) -> RetainedRecord? {
        try read { () throws(StoreError) in try faulty.retainedMessage(topic) }
    }

    func sysInfo() throws(StoreError) -> SysInfoRecord {
        try read { () throws(StoreError) in try faulty.sysInfo() }
    }

    func boots() throws(StoreError) -> [BootRecord] {
        try read { () throws(StoreError) in try faulty.boots() }
    }
}

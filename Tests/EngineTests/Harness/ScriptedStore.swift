// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import Packets
import Persistence
import StoreMemory
import Synchronization

/// A memory store whose commits, reads and openings fail as the test says.
final class ScriptedStore: Store {
    /// What becomes of a commit.
    enum Outcome {
        case applied
        case failed(StoreError.Code)
        /// The batch is applied, and the answer is lost.
        case lost
    }

    /// A commit that was tried.
    struct Attempt: Hashable {
        var number: UInt64
        var makesRoom: Bool
        var changes: [String]
    }

    private struct Script {
        var outcome: @Sendable (borrowing ChangeBatch) -> Outcome = { _ in .applied }
        var readError: StoreError?
        var damage: @Sendable (inout DeliveryPage) -> Void = { _ in }
        var openErrors: [StoreError] = []
        var attempts: [Attempt] = []
        var readCount = 0
    }

    private let memory = MemoryStore()
    private let script = Mutex(Script())

    var name: String { "scripted" }
    var location: String { "memory" }
    var durability: Durability { .disk }

    /// Says what becomes of every commit from now on.
    func commits(_ outcome: @escaping @Sendable (borrowing ChangeBatch) -> Outcome) {
        script.withLock { $0.outcome = outcome }
    }

    /// Every commit succeeds again.
    func heal() {
        script.withLock {
            $0.outcome = { _ in .applied }
            $0.readError = nil
            $0.openErrors = []
        }
    }

    func readsFail(_ code: StoreError.Code?) {
        script.withLock { $0.readError = code.map { StoreError($0, "The test says so.") } }
    }

    /// Says what becomes of every page of deliveries from now on.
    func damages(_ damage: @escaping @Sendable (inout DeliveryPage) -> Void) {
        script.withLock { $0.damage = damage }
    }

    func opensFail(_ codes: [StoreError.Code]) {
        script.withLock { $0.openErrors = codes.map { StoreError($0, "The test says so.") } }
    }

    /// How often the store was read.
    var readCount: Int { script.withLock { $0.readCount } }

    /// Every commit that was tried since this was last asked.
    func takeAttempts() -> [Attempt] {
        script.withLock { script in
            defer { script.attempts = [] }
            return script.attempts
        }
    }

    func open() throws(StoreError) {
        let error = script.withLock { $0.openErrors.isEmpty ? nil : $0.openErrors.removeFirst() }
        if let error { throw error }
        memory.open()
    }

    func close() { memory.close() }

    func commit(_ batch: borrowing ChangeBatch) throws(StoreError) {
        let attempt = Attempt(
            number: batch.number, makesRoom: batch.makesRoom, changes: batch.changes.map(\.name))
        let outcome = script.withLock { script in
            script.attempts.append(attempt)
            return script.outcome
        }
        switch outcome(batch) {
        case .applied: try memory.commit(batch)
        case .failed(let code): throw StoreError(code, "The test says so.")
        case .lost:
            try memory.commit(batch)
            throw StoreError(.reopen, "The answer was lost.")
        }
    }

    func verify() throws(StoreError) -> [String] { try memory.verify() }

    func snapshot() throws -> Snapshot { try memory.snapshot() }

    private func mayRead() throws(StoreError) {
        let error = script.withLock { script in
            script.readCount += 1
            return script.readError
        }
        if let error { throw error }
    }
}

extension ScriptedStore {
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
        try mayRead()
        var page = try memory.deliveries(of: session, after: number, limit: limit, bytesMax: bytesMax)
        script.withLock { $0.damage }(&page)
        return page
    }

    func receptions(of session: SessionNumber) throws(StoreError) -> [UInt16] {
        try mayRead()
        return try memory.receptions(of: session)
    }

    func packetIDs(of session: SessionNumber) throws(StoreError) -> [UInt16] {
        try mayRead()
        return try memory.packetIDs(of: session)
    }

    func deliveryCount(of session: SessionNumber) throws(StoreError) -> Int {
        try memory.deliveryCount(of: session)
    }

    func retainedMessages(after topic: Text, limit: Int) throws(StoreError) -> [RetainedRecord] {
        try memory.retainedMessages(after: topic, limit: limit)
    }

    func retainedMessage(_ topic: Text) throws(StoreError) -> RetainedRecord? {
        try mayRead()
        return try memory.retainedMessage(topic)
    }

    func sysInfo() throws(StoreError) -> SysInfoRecord { try memory.sysInfo() }

    func boots() throws(StoreError) -> [BootRecord] { try memory.boots() }
}

extension Change {
    /// What kind of change it is.
    var name: String {
        switch self {
        case .client: "client"
        case .sessionEnd: "sessionEnd"
        case .sessionSwept: "sessionSwept"
        case .subscription: "subscription"
        case .unsubscription: "unsubscription"
        case .message: "message"
        case .delivery: "delivery"
        case .deliveryState: "state"
        case .removal: "removal"
        case .reception: "reception"
        case .release: "release"
        case .retained: "retained"
        case .retainedRemoval: "retainedRemoval"
        case .boot: "boot"
        case .bootRemoval: "bootRemoval"
        }
    }
}

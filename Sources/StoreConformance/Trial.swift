// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import Packets
import Persistence

/// One store on trial, and the model of what it should hold.
final class Trial {
    let fixture: StoreFixture
    private(set) var store: any Store
    var model = Model()
    /// How many records `compare` asks for at a time.
    var pageLimit = 100

    init(_ fixture: StoreFixture) throws {
        self.fixture = fixture
        store = try fixture.create()
        try store.open()
    }

    /// Closes and removes the store.
    func end() {
        store.close()
        fixture.destroy(store)
    }

    /// Commits the operations as the next batch.
    func commit(_ operations: Operation...) throws {
        try commit(operations)
    }

    /// Commits the operations as the next batch.
    func commit(_ operations: [Operation], time: Milliseconds = 0, makesRoom: Bool = false) throws {
        var batch = batch(operations)
        batch.time = time
        batch.makesRoom = makesRoom
        try store.commit(batch)
        apply(operations, time: time)
    }

    /// The next batch; neither committed nor applied.
    func batch(_ operations: [Operation]) -> ChangeBatch {
        var batch = ChangeBatch()
        batch.number = model.sysInfo.batch + 1
        batch.session = model.sysInfo.session
        batch.message = model.sysInfo.message
        for operation in operations { batch.append(operation) }
        return batch
    }

    /// Tells the model what a batch of these operations has done.
    func apply(_ operations: [Operation], time: Milliseconds = 0) {
        let batch = batch(operations)
        for operation in operations { model.apply(operation) }
        model.sysInfo.batch = batch.number
        model.sysInfo.session = batch.session
        model.sysInfo.message = batch.message
        model.sysInfo.time = max(model.sysInfo.time, time)
    }

    func expect(_ condition: Bool, _ expectation: @autoclosure () -> String) throws {
        if !condition { throw ConformanceFailure(description: expectation()) }
    }

    func expect<Value: Equatable>(_ found: Value, _ expected: Value, _ what: @autoclosure () -> String) throws
    {
        if found == expected { return }
        throw ConformanceFailure(description: "\(what()): \(found) instead of \(expected)")
    }

    /// The store must hold what the model holds.
    func compare() throws {
        let found = try StoreContents(store, sessions: model.sessions, limit: pageLimit)
        let expected = model.contents
        if found == expected { return }
        throw ConformanceFailure(
            description: "After batch \(model.sysInfo.batch) \(found.difference(from: expected)).")
    }

    /// The store is sound, is closed, opened again, and holds the same.
    func restart() throws {
        try expect(try store.verify(), [], "verify finds faults")
        store.close()
        store = try fixture.restart(store)
        try store.open()
        try compare()
        try expect(try store.verify(), [], "verify finds faults after a restart")
    }
}

/// Records with defaults, so that what a check sets means something.
enum Sample {
    static func client(_ session: SessionNumber, _ clientID: Text? = nil) -> ClientRecord {
        ClientRecord(session: session, clientID: clientID ?? Text("client-\(session)"))
    }

    static func subscription(_ session: SessionNumber, _ filter: Text) -> SubscriptionRecord {
        SubscriptionRecord(session: session, filter: filter, options: SubscriptionOptions(qos: .atLeastOnce))
    }

    static func message(_ payload: String = "payload", topic: Text = "topic") -> MessageRecord {
        MessageRecord(topic: topic, payload: Array(payload.utf8), publishedAt: 1)
    }

    static func delivery(_ session: SessionNumber, _ number: MessageNumber) -> DeliveryRecord {
        DeliveryRecord(session: session, number: number, message: message("message \(number)"))
    }

    /// One message for several sessions.
    static func shared(_ number: MessageNumber, _ sessions: some Sequence<SessionNumber>) -> Operation {
        .publish(sessions.map { delivery($0, number) })
    }

    static func retained(_ topic: Text, _ number: MessageNumber) -> RetainedRecord {
        RetainedRecord(number: number, message: message("retained \(number)", topic: topic))
    }
}

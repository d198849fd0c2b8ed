// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import Packets
import Persistence
import Synchronization
import Testing

@testable import Server

/// A store that one broker has at a time.
@Suite(.timeLimit(.minutes(5)))
struct StandbyTests {
    private func standsBy(_ store: TakenStore) async throws {
        let before = store.askedCount.load(ordering: .relaxed)
        try await eventually("a broker that stands by") {
            store.askedCount.load(ordering: .relaxed) > before + 5
        }
    }

    @Test func `a broker stands by for its store, says so once for each owner, and takes over`() async throws
    {
        let store = TakenStore()
        let lines = Lines()
        let broker = makeBroker(on: store, output: lines.output)
        let running = Task { try await broker.run() }
        try await standsBy(store)
        #expect(lines.only.contains("standing by: The store is in use by the first."))
        store.give(to: "the second")
        try await standsBy(store)
        #expect(lines.contain("standing by: The store is in use by the second."))
        store.give(to: nil)
        let port = try await broker.startup().endpoints[0].port
        #expect(lines.contain("the store is this broker's now"))
        _ = try await TestClient.connect(port: port, "client")
        broker.shutDown()
        try await running.value
    }

    @Test(arguments: [true, false])
    func `a shutdown, or a cancellation, ends the standing by without an error`(cancels: Bool) async throws {
        let store = TakenStore()
        let broker = makeBroker(on: store)
        let running = Task { try await broker.run() }
        try await standsBy(store)
        if cancels { running.cancel() } else { broker.shutDown() }
        try await running.value
        let error = await #expect(throws: BrokerError.self) { try await broker.startup() }
        #expect(error?.code == .notRunning)
    }

    @Test func `a broker that serves does not stand by when its store is taken: it ends`() async throws {
        let store = TakenStore()
        store.give(to: nil)
        let broker = makeBroker(on: store)
        let running = Task { try await broker.run() }
        let port = try await broker.startup().endpoints[0].port
        let publisher = try await TestClient.connect(port: port, "publisher")
        try await publisher.publish("nobody", "1", qos: .atLeastOnce, id: 1)
        try await publisher.expect(
            .puback(Acknowledgement(packetID: 1, reason: .noMatchingSubscribers)))
        store.give(to: "the second")
        store.lease.giveUp()
        try await publisher.publish("nobody", "2", qos: .atLeastOnce, id: 2)
        try await publisher.expectDisconnect(.serverShuttingDown)
        let error = await #expect(throws: BrokerError.self) { try await running.value }
        #expect(error?.message.contains("the second") == true)
    }
}

// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import Packets
import Persistence

/// Everything a store can be asked for.
struct StoreContents: Hashable {
    var clients: [ClientRecord] = []
    var ended: [SessionNumber] = []
    /// Those of the pages over all sessions.
    var subscriptions: [SubscriptionRecord] = []
    /// Those of the pages of one session, which show ended sessions too; sessions without any are left out.
    var subscriptionsBySession: [SessionNumber: [SubscriptionRecord]] = [:]
    var deliveries: [SessionNumber: [DeliveryRecord]] = [:]
    var receptions: [SessionNumber: [UInt16]] = [:]
    var retained: [RetainedRecord] = []
    var boots: [BootRecord] = []
    var sysInfo = SysInfoRecord()

    init() {}

    /// Reads a store completely, by pages of `limit`; of the sessions that have rows, only those in `sessions`
    /// can be asked for.
    init(_ store: any Store, sessions: Set<SessionNumber>, limit: Int) throws {
        clients = try Self.all(limit) { last in try store.clients(after: last?.session ?? 0, limit: limit) }
        ended = try Self.all(limit) { last in try store.endedSessions(after: last ?? 0, limit: limit) }
        subscriptions = try Self.all(limit) { last in
            try store.subscriptions(after: last?.session ?? 0, filter: last?.filter ?? "", limit: limit)
        }
        retained = try Self.all(limit) { last in
            try store.retainedMessages(after: last?.message.topic ?? "", limit: limit)
        }
        // No topic is below the empty one, so no page can be asked to begin with it.
        if let first = try store.retainedMessage("") { retained.insert(first, at: 0) }
        for session in sessions { try read(session, store, limit) }
        boots = try store.boots()
        sysInfo = try store.sysInfo()
    }

    private mutating func read(_ session: SessionNumber, _ store: any Store, _ limit: Int) throws {
        let subscriptions = try store.subscriptions(of: session)
        if !subscriptions.isEmpty { subscriptionsBySession[session] = subscriptions }
        let receptions = try store.receptions(of: session)
        if !receptions.isEmpty { self.receptions[session] = receptions }
        let deliveries = try store.allDeliveries(of: session, limit: limit, bytesMax: .max)
        if !deliveries.isEmpty { self.deliveries[session] = deliveries }
        let count = try store.deliveryCount(of: session)
        guard count == deliveries.count else {
            throw ConformanceFailure(
                description: "Session \(session) has \(deliveries.count) deliveries, its count says \(count)."
            )
        }
        let taken = try store.packetIDs(of: session).sorted()
        let expected = deliveries.map(\.packetID).filter { $0 != 0 }.sorted()
        guard taken == expected else {
            throw ConformanceFailure(
                description: "Session \(session) has packet identifiers \(expected), it says \(taken).")
        }
    }

    /// All pages of one kind; each must rise and be full unless it is the last.
    private static func all<Record>(_ limit: Int, _ page: (Record?) throws -> [Record]) throws -> [Record] {
        var records: [Record] = []
        while true {
            let next = try page(records.last)
            guard next.count <= limit else {
                throw ConformanceFailure(description: "A page of \(limit) has \(next.count) records.")
            }
            records += next
            if next.count < limit { return records }
        }
    }

    /// The parts that differ, for a person.
    func difference(from expected: StoreContents) -> String {
        var parts: [String] = []
        func compare<Part: Equatable>(_ name: String, _ found: Part, _ expected: Part) {
            guard found != expected else { return }
            parts.append("\(name) are \("\(found)".prefix(2_000)) instead of \("\(expected)".prefix(2_000))")
        }
        compare("clients", clients, expected.clients)
        compare("ended sessions", ended, expected.ended)
        compare("subscriptions", subscriptions, expected.subscriptions)
        compare("subscriptions by session", subscriptionsBySession, expected.subscriptionsBySession)
        compare("deliveries", deliveries, expected.deliveries)
        compare("receptions", receptions, expected.receptions)
        compare("retained messages", retained, expected.retained)
        compare("boots", boots, expected.boots)
        compare("counters", sysInfo, expected.sysInfo)
        return parts.joined(separator: "; ")
    }
}

extension Store {
    /// All deliveries of a session, by pages that must each keep to their limits.
    func allDeliveries(of session: SessionNumber, limit: Int, bytesMax: Int) throws -> [DeliveryRecord] {
        var all: [DeliveryRecord] = []
        while true {
            let after = all.last?.number ?? 0
            let page = try deliveries(of: session, after: after, limit: limit, bytesMax: bytesMax)
            all += page.deliveries
            if page.isLast { return all }
            guard !page.deliveries.isEmpty else {
                throw ConformanceFailure(description: "An empty page of session \(session) is not the last.")
            }
        }
    }
}

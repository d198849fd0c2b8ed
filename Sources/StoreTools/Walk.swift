// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import Packets
import Persistence

/// Everything in a store, record by record, through its pages.
///
/// The port stores a message together with all its deliveries, and its pages show the queue of one session at a
/// time. So the walk gathers, over all sessions, the deliveries with the smallest numbers that fit `windowBytesMax`,
/// gives them out message by message in rising order, and begins anew above them: `Window`. A message then comes once
/// with all its deliveries, and memory holds a window and sixteen bytes for each session.
struct Walk {
    /// One record, or a message with its deliveries.
    enum Record {
        case ended(SessionNumber)
        case client(ClientRecord)
        case subscription(SubscriptionRecord)
        case reception(SessionNumber, UInt16)
        case published(Publication)
        case retained(RetainedRecord)
        case boot(BootRecord)

        /// Records of a store in it; a message's body is counted with its deliveries.
        var count: Int {
            guard case .published(let publication) = self else { return 1 }
            return publication.deliveries.count
        }
    }

    /// A message and all its deliveries, as records in their binary form.
    struct Publication {
        var number: MessageNumber
        var message: [UInt8]
        var deliveries: [Delivery] = []
    }

    /// What is particular to a delivery, in its binary form.
    struct Delivery {
        var session: SessionNumber
        var record: [UInt8]
    }

    let store: any Store
    let windowBytesMax: Int
    private static let page = 500

    init(_ store: any Store, windowBytesMax: Int = 64 << 20) {
        self.store = store
        self.windowBytesMax = windowBytesMax
    }

    /// Calls `visit` with everything: ended sessions and clients with their receptions, then subscriptions, then the
    /// rest. `gathered` is told how many deliveries have been read and not yet been given out.
    func run(
        gathered: (Int) throws -> Void = { _ in }, _ visit: (Record) throws -> Void
    ) throws {
        let info = try store.sysInfo()
        var sessions: [SessionNumber] = []
        try forEachSession { session, client in
            try visit(client.map { .client($0) } ?? .ended(session))
            if client == nil {
                for record in try store.subscriptions(of: session) { try visit(.subscription(record)) }
            }
            if info.receptionCount > 0 {
                for packetID in try store.receptions(of: session) { try visit(.reception(session, packetID)) }
            }
            if info.deliveryCount > 0 { sessions.append(session) }
        }
        try walkSubscriptions(visit)
        let count = Int(clamping: info.deliveryCount)
        var window = Window(store, sessions, count: count, bytesMax: windowBytesMax)
        while try window.gather(gathered) { try window.drain { try visit(.published($0)) } }
        try walkRetained(visit)
        for boot in try store.boots() { try visit(.boot(boot)) }
    }

    /// Ended sessions, then those with a client.
    func forEachSession(_ body: (SessionNumber, ClientRecord?) throws -> Void) throws {
        var last: SessionNumber = 0
        while true {
            let page = try store.endedSessions(after: last, limit: Self.page)
            for session in page { try body(session, nil) }
            guard page.count == Self.page, let final = page.last else { break }
            last = final
        }
        last = 0
        while true {
            let page = try store.clients(after: last, limit: Self.page)
            for client in page { try body(client.session, client) }
            guard page.count == Self.page, let final = page.last else { break }
            last = final.session
        }
    }

    private func walkSubscriptions(_ visit: (Record) throws -> Void) throws {
        var last: (session: SessionNumber, filter: Text) = (0, "")
        while true {
            let page = try store.subscriptions(after: last.session, filter: last.filter, limit: Self.page)
            for record in page { try visit(.subscription(record)) }
            guard page.count == Self.page, let final = page.last else { return }
            last = (final.session, final.filter)
        }
    }

    /// No topic is below the empty one, so no page can be asked to begin with it. Pages are short, because a retained
    /// message may be long.
    private func walkRetained(_ visit: (Record) throws -> Void) throws {
        if let first = try store.retainedMessage("") { try visit(.retained(first)) }
        var last: Text = ""
        while true {
            let page = try store.retainedMessages(after: last, limit: 16)
            for record in page { try visit(.retained(record)) }
            guard page.count == 16, let final = page.last else { return }
            last = final.message.topic
        }
    }
}

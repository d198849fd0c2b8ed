// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

package import Packets
package import Persistence

/// What there is to say about a store on one screen, from a bounded number of reads.
package struct Overview: Sendable {
    /// A session and how much waits for it.
    package struct Queue: Sendable {
        package var session: SessionNumber
        /// `nil` for a session that has ended.
        package var clientID: Text?
        package var count: Int
    }

    package private(set) var info: SysInfoRecord
    package private(set) var boots: Int
    /// The longest queues, longest first.
    package private(set) var longest: [Queue] = []
    /// The oldest message that waits, and when it was published.
    package private(set) var oldest: (number: MessageNumber, publishedAt: Milliseconds)?
    package private(set) var sessionsSeen = 0
    /// Whether there are sessions that were not looked at.
    package private(set) var isPartial = false

    /// No more sessions are looked at,
    private static let sessionsMax = 20_000
    /// and no more after this many deliveries were counted.
    private static let deliveriesMax = 2_000_000
    private static let longestMax = 10

    private struct Enough: Error {}

    /// Reads an open store.
    package init(_ store: any Store) throws {
        info = try store.sysInfo()
        boots = try store.boots().count
        guard info.deliveryCount > 0 else { return }
        var counted = 0
        do {
            try Walk(store).forEachSession { session, client in
                guard sessionsSeen < Self.sessionsMax, counted < Self.deliveriesMax else { throw Enough() }
                sessionsSeen += 1
                counted += try look(at: session, client, store)
            }
        } catch is Enough {
            isPartial = true
        }
    }

    private mutating func look(
        at session: SessionNumber, _ client: ClientRecord?, _ store: any Store
    ) throws -> Int {
        let page = try store.deliveries(of: session, after: 0, limit: 1, bytesMax: 1)
        guard let first = page.deliveries.first else { return 0 }
        if oldest.map({ first.number < $0.number }) ?? true {
            oldest = (first.number, first.message.publishedAt)
        }
        let count = page.isLast ? 1 : try store.deliveryCount(of: session)
        let place = longest.firstIndex { $0.count < count } ?? longest.count
        longest.insert(Queue(session: session, clientID: client?.clientID, count: count), at: place)
        if longest.count > Self.longestMax { longest.removeLast() }
        return count
    }
}

// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

package import Packets
package import Persistence

/// What there is to say about a store on one screen. Reads no record but those it names; what it costs beyond that is
/// a look at the ends of each queue, and counting the rows of those that may be longest, up to a limit.
package struct Overview: Sendable {
    /// A session and how much waits for it.
    package struct Queue: Sendable {
        package var session: SessionNumber
        /// `nil` for a session that has ended.
        package var clientID: Text?
        package var count: UInt64
        /// Whether there may be more than `count`.
        package var isAtLeast: Bool
    }

    /// What is known about the bytes of a store.
    package enum Sizes: Sendable {
        case known(StoreSizes)
        /// Why nothing is.
        case unknown(String)
    }

    package private(set) var info: SysInfoRecord
    package private(set) var boots: Int
    /// Whether a migration into this store did not end.
    package private(set) var isMigrationTarget: Bool
    package private(set) var sizes: Sizes
    /// The longest queues, longest first.
    package private(set) var longest: [Queue] = []
    /// The message that waits longest, and when it was published. What is sent again is stored anew: a retained message
    /// waits from when it was queued.
    package private(set) var oldest: (number: MessageNumber, publishedAt: Milliseconds)?
    /// Sessions for which something waits.
    package private(set) var queueCount = 0
    /// Whether not all queues were counted to their end.
    package private(set) var isPartial = false

    /// Reads an open store.
    package init(_ store: any Store) throws {
        info = try store.sysInfo()
        boots = try store.boots().count
        isMigrationTarget = try store.isMigrationTarget()
        sizes = Self.sizes(store)
        guard info.deliveryCount > 0 else { return }
        let ranking = try QueueRanking(store)
        queueCount = ranking.queueCount
        isPartial = ranking.isPartial
        longest = try ranking.longest.map { queue in
            Queue(
                session: queue.session, clientID: try Self.clientID(of: queue.session, store),
                count: queue.countMax, isAtLeast: !queue.isCounted)
        }
        if let queue = ranking.oldest { oldest = try Self.head(of: queue, store) }
    }

    private static func sizes(_ store: any Store) -> Sizes {
        guard let store = store as? any SizedStore else { return .unknown("This engine does not tell.") }
        do throws(StoreError) {
            return .known(try store.sizes())
        } catch {
            return .unknown(error.message)
        }
    }

    private static func clientID(of session: SessionNumber, _ store: any Store) throws -> Text? {
        let client = try store.clients(after: session - 1, limit: 1).first
        return client?.session == session ? client?.clientID : nil
    }

    /// Beside a broker it may have gone meanwhile: then what is first now is meant.
    private static func head(
        of queue: QueueSummary, _ store: any Store
    ) throws -> (number: MessageNumber, publishedAt: Milliseconds)? {
        let page = try store.deliveries(of: queue.session, after: queue.first - 1, limit: 1, bytesMax: 1)
        return page.deliveries.first.map { ($0.number, $0.message.publishedAt) }
    }
}

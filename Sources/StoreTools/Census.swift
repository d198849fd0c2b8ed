// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import Packets
package import Persistence

/// Counts and digests of all records of a store, per kind. Two stores that hold the same have equal ones.
package struct Census: Hashable, Sendable {
    package private(set) var clients = Digest()
    package private(set) var ended = Digest()
    package private(set) var subscriptions = Digest()
    package private(set) var messages = Digest()
    package private(set) var deliveries = Digest()
    package private(set) var receptions = Digest()
    package private(set) var retained = Digest()
    package private(set) var boots = Digest()

    package init() {}

    /// Reads everything in a store.
    package init(_ store: any Store, _ seen: (Int) -> Void = { _ in }) throws {
        var census = Census()
        try Walk(store).run { record in
            census.add(record)
            seen(record.count)
        }
        self = census
    }

    /// The kinds and what was found of each, in a fixed order.
    package var kinds: [(name: String, digest: Digest)] {
        [
            ("clients", clients), ("ended sessions", ended), ("subscriptions", subscriptions),
            ("messages", messages), ("deliveries", deliveries), ("receptions", receptions),
            ("retained messages", retained), ("boots", boots),
        ]
    }

    mutating func add(_ record: Walk.Record) {
        switch record {
        case .ended(let session): ended.add(session)
        case .client(let record): clients.add(record.session, bytes: Self.bytes { $0.append(record) })
        case .subscription(let record):
            subscriptions.add(record.session, bytes: Self.bytes { $0.append(record) })
        case .reception(let session, let packetID): receptions.add(session, UInt64(packetID))
        case .published(let publication):
            messages.add(publication.number, bytes: publication.message)
            for delivery in publication.deliveries {
                deliveries.add(delivery.session, publication.number, bytes: delivery.record)
            }
        case .retained(let record):
            retained.add(record.number, bytes: Self.bytes { $0.append(record.message) })
        case .boot(let record): boots.add(record.number, UInt64(bitPattern: record.startedAt))
        }
    }

    /// A record in the one binary form of records.
    private static func bytes(_ append: (inout ChangeBatch) -> Slice) -> [UInt8] {
        var batch = ChangeBatch()
        let slice = append(&batch)
        return batch.bytes(slice)
    }
}

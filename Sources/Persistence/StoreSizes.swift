// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

/// A store that can tell what its records take.
package protocol SizedStore: Store {
    /// What each kind of record takes, at a cost that is bounded however much is stored.
    func sizes() throws(StoreError) -> StoreSizes
}

/// Bytes of a store by kind of record, each with its keys, indexes and pages that are not full.
///
/// A message that lies in the delivery it is for counts as part of that; shared and large ones count as messages.
package struct StoreSizes: Hashable, Sendable {
    /// Where the bytes are.
    package enum Medium: String, Hashable, Sendable {
        case disk, memory
    }

    package var clients = 0
    package var subscriptions = 0
    package var messages = 0
    package var deliveries = 0
    package var receptions = 0
    package var retained = 0
    /// Counters, ended sessions, boots, and the engine's own records.
    package var other = 0
    /// Room within the store that is used again before it grows, or is kept for a full disk.
    package var free = 0
    /// Logs and indexes beside the data that the engine writes back sooner or later.
    package var log = 0
    /// Where the bytes are.
    package var medium = Medium.disk
    /// One sentence about what was estimated; `nil` when all of it was counted.
    package var estimate: String?

    package init() {}

    /// Everything.
    package var total: Int {
        clients + subscriptions + messages + deliveries + receptions + retained + other + free + log
    }
}

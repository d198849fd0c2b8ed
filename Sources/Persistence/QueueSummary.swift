// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

/// A store that can tell about all queues at once for less than it costs to read a page of each.
package protocol QueueListingStore: Store {
    /// Calls `visit` with every session that has deliveries, ended or not, in no particular order. Walks rows only when
    /// there are not too many of them; else its cost is a few searches for each such session.
    func forEachQueue(_ visit: (QueueSummary) -> Void) throws(StoreError)

    /// How many deliveries `session` has, counted no further than `countMax`.
    func deliveryCount(of session: SessionNumber, upTo countMax: Int) throws(StoreError) -> Int
}

/// What there is to know about a session's queue without reading it.
package struct QueueSummary: Hashable, Sendable {
    /// Whose queue it is.
    package var session: SessionNumber
    /// The number of the message that waits longest.
    package var first: MessageNumber
    /// How many deliveries there are, if they were counted, or a number that is not smaller.
    package var countMax: UInt64
    /// Whether `countMax` is the count.
    package var isCounted: Bool

    package init(session: SessionNumber, first: MessageNumber, countMax: UInt64, isCounted: Bool) {
        self.session = session
        self.first = first
        self.countMax = countMax
        self.isCounted = isCounted
    }

    /// A queue of which only the ends are known.
    package init(session: SessionNumber, from first: MessageNumber, through last: MessageNumber) {
        let span = last >= first ? last - first : 0
        self.init(session: session, first: first, countMax: span + 1, isCounted: false)
    }
}

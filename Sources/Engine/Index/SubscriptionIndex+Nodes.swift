// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import Packets
import Persistence

/// The subscriber lists of one place in the trie.
struct ListAnchor: BitwiseCopyable, Sendable {
    /// The list of ordinary subscriptions.
    var ordinary = nowhere
    /// The first of the lists of shared subscriptions, one for each group.
    var shares = nowhere

    var isEmpty: Bool { ordinary == nowhere && shares == nowhere }
}

/// One level of filters.
struct TrieNode: BitwiseCopyable, Sendable {
    /// The level before.
    var parent: UInt32
    /// The number of the level's text; `nowhere` for `+` and for the root.
    var level: UInt32
    /// The child for `+`.
    var plus = nowhere
    /// How many children have a text.
    var named: UInt32 = 0
    /// Filters that end here.
    var exact = ListAnchor()
    /// Filters that go on with `#`.
    var deep = ListAnchor()

    init(parent: UInt32, level: UInt32) {
        self.parent = parent
        self.level = level
    }

    var isUnused: Bool { named == 0 && plus == nowhere && exact.isEmpty && deep.isEmpty }

    mutating func setOrdinary(_ list: UInt32, isDeep: Bool) {
        if isDeep { deep.ordinary = list } else { exact.ordinary = list }
    }

    mutating func setShares(_ list: UInt32, isDeep: Bool) {
        if isDeep { deep.shares = list } else { exact.shares = list }
    }
}

/// The subscriptions to one filter, or to one filter in one group.
struct SubscriberList: BitwiseCopyable, Sendable {
    /// Where the filter is.
    var node: UInt32
    /// The number of the group's name; `nowhere` for ordinary subscriptions.
    var group = nowhere
    var first = nowhere
    var last = nowhere
    var count: UInt32 = 0
    /// The list of the next group at the same place.
    var next = nowhere
    var previous = nowhere
    /// Whether the filter ends in `#`.
    var isDeep: Bool

    init(node: UInt32, isDeep: Bool) {
        self.node = node
        self.isDeep = isDeep
    }
}

/// One subscription in its list.
struct IndexedSubscription: Sendable {
    var session: SessionNumber
    var seat: UInt32
    var identifier: UInt32
    var list: UInt32
    var next = nowhere
    var previous = nowhere
    var qos: QoS
    var noLocal: Bool
    var retainAsPublished: Bool
    var isPersistent: Bool

    init(_ subscriber: Subscriber, options: SubscriptionOptions, identifier: UInt32, list: UInt32) {
        session = subscriber.session
        seat = subscriber.seat
        isPersistent = subscriber.isPersistent
        qos = options.qos
        noLocal = options.noLocal
        retainAsPublished = options.retainAsPublished
        self.identifier = identifier
        self.list = list
    }

    /// Takes over everything but the place in the list.
    mutating func replace(with new: Self) {
        let old = self
        self = new
        next = old.next
        previous = old.previous
    }

    /// The receiver that this subscription alone makes.
    var receiver: Receiver {
        Receiver(
            session: session, seat: seat, isPersistent: isPersistent, qos: qos,
            retainAsPublished: retainAsPublished, hasOwn: !noLocal, ownQoS: noLocal ? .atMostOnce : qos,
            ownRetainAsPublished: !noLocal && retainAsPublished)
    }
}

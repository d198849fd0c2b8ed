// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import Packets
import Persistence

/// The lists that match a topic.
struct MatchedLists {
    /// Those of ordinary subscriptions.
    var ordinary: [UInt32] = []
    /// How many subscriptions they have.
    var ordinaryCount = 0
    /// Those of shared subscriptions.
    var shared: [UInt32] = []

    var isEmpty: Bool { ordinary.isEmpty && shared.isEmpty }
}

extension SubscriptionIndex {
    /// Makes one receiver of each session and one group of each shared list. The cost is linear in the
    /// subscriptions that match.
    func merge(_ matched: MatchedLists) -> Match {
        var merged = MergedReceivers(capacity: matched.ordinaryCount, hash: hash)
        let isSingle = matched.ordinary.count == 1
        for list in matched.ordinary {
            forEach(in: list) { isSingle ? merged.append($0) : merged.add($0) }
        }
        var identifiers = merged.placeIdentifiers()
        let groups = matched.shared.map { group($0, &identifiers) }
        return Match(receivers: merged.receivers, groups: groups, identifiers: identifiers)
    }

    @inline(__always)
    private func forEach(in list: UInt32, _ body: (IndexedSubscription) -> Void) {
        var place = lists[list].first
        while place != nowhere {
            body(subscriptions[place])
            place = subscriptions[place].next
        }
    }

    private func group(_ list: UInt32, _ identifiers: inout [UInt32]) -> ShareGroup {
        var members: [Receiver] = []
        members.reserveCapacity(Int(lists[list].count))
        var hasPersistent = false
        forEach(in: list) { subscription in
            var member = subscription.receiver
            member.identifiersStart = Int32(identifiers.count)
            if subscription.identifier != 0 { identifiers.append(subscription.identifier) }
            member.identifiersEnd = Int32(identifiers.count)
            member.ownIdentifiersEnd = member.hasOwn ? member.identifiersEnd : member.identifiersStart
            members.append(member)
            hasPersistent = hasPersistent || subscription.isPersistent
        }
        let share = shareTexts[list] ?? Text(bytes: [])
        return ShareGroup(share: share, members: members, hasPersistent: hasPersistent)
    }
}

/// Receivers in the making: one for each session, however many of its subscriptions match.
private struct MergedReceivers {
    private struct Mention {
        var receiver: Int
        var identifier: UInt32
        var isOwn: Bool
    }

    private(set) var receivers: [Receiver] = []
    private var mentions: [Mention] = []
    private var table = IndexTable()
    private let hash: SeededHash

    init(capacity: Int, hash: SeededHash) {
        receivers.reserveCapacity(capacity)
        self.hash = hash
    }

    /// Adds a subscription of a session that has none yet.
    mutating func append(_ subscription: IndexedSubscription) {
        mention(subscription, receivers.count)
        receivers.append(subscription.receiver)
    }

    /// Adds a subscription of any session.
    mutating func add(_ subscription: IndexedSubscription) {
        let hash = hash(subscription.session, 0)
        let found = table.find(hash) { receivers[Int($0)].session == subscription.session }
        guard let found else {
            table.insert(hash, UInt32(receivers.count))
            return append(subscription)
        }
        mention(subscription, Int(found))
        receivers[Int(found)].merge(subscription.receiver)
    }

    private mutating func mention(_ subscription: IndexedSubscription, _ receiver: Int) {
        guard subscription.identifier != 0 else { return }
        let isOwn = !subscription.noLocal
        mentions.append(Mention(receiver: receiver, identifier: subscription.identifier, isOwn: isOwn))
    }

    /// Gives each receiver its range of the identifiers: first those that also hold for its own messages.
    mutating func placeIdentifiers() -> [UInt32] {
        guard !mentions.isEmpty else { return [] }
        for mention in mentions {
            receivers[mention.receiver].identifiersEnd += 1
            if mention.isOwn { receivers[mention.receiver].ownIdentifiersEnd += 1 }
        }
        var start: Int32 = 0
        for index in receivers.indices { start = receivers[index].moveIdentifiers(to: start) }
        return fillIdentifiers()
    }

    private func fillIdentifiers() -> [UInt32] {
        var identifiers = [UInt32](repeating: 0, count: mentions.count)
        var own = receivers.map(\.identifiersStart)
        var others = receivers.map(\.ownIdentifiersEnd)
        for mention in mentions {
            if mention.isOwn {
                identifiers[Int(own[mention.receiver])] = mention.identifier
                own[mention.receiver] += 1
            } else {
                identifiers[Int(others[mention.receiver])] = mention.identifier
                others[mention.receiver] += 1
            }
        }
        return identifiers
    }
}

extension Receiver {
    /// Takes in another subscription of the same session.
    fileprivate mutating func merge(_ other: Receiver) {
        qos = max(qos, other.qos)
        retainAsPublished = retainAsPublished || other.retainAsPublished
        hasOwn = hasOwn || other.hasOwn
        ownQoS = max(ownQoS, other.ownQoS)
        ownRetainAsPublished = ownRetainAsPublished || other.ownRetainAsPublished
        seat = other.seat
    }

    /// Turns the counts in the ends of the ranges into places; returns the end.
    fileprivate mutating func moveIdentifiers(to start: Int32) -> Int32 {
        identifiersStart = start
        identifiersEnd += start
        ownIdentifiersEnd += start
        return identifiersEnd
    }
}

// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

package import Packets
package import Persistence

/// Who holds a subscription. Trivial.
package struct Subscriber: Hashable, Sendable, BitwiseCopyable {
    /// The session.
    package var session: SessionNumber
    /// Where the session sits; the index only hands it back.
    package var seat: UInt32
    /// Whether the session outlives its connection.
    package var isPersistent: Bool

    /// A session at its seat.
    package init(session: SessionNumber, seat: UInt32, isPersistent: Bool) {
        self.session = session
        self.seat = seat
        self.isPersistent = isPersistent
    }
}

/// All subscriptions, found by the topics they match.
///
/// A trie with a node for each level of a filter. Named children are found in one hash table by (node, number
/// of the level text), so a walk costs the depth of the topic and the wildcards on its way, however many
/// filters do not match. A filter that ends in `#` hangs on the node before it, as *deep*: it matches that
/// level and everything below. Nodes, subscriber lists and subscriptions are trivial values in arrays: a
/// million filters are a few dozen allocations. What becomes empty is pruned at once.
package struct SubscriptionIndex: Sendable {
    var nodes = Slab<TrieNode>()
    var lists = Slab<SubscriberList>()
    var subscriptions = Slab<IndexedSubscription>()
    var levels: LevelPool
    private var children = IndexTable()
    private var shared = IndexTable()
    private var bySession = IndexTable()
    private let root: UInt32
    let hash: SeededHash
    private(set) var shareTexts: [UInt32: Text] = [:]

    /// An index without subscriptions.
    package init(seed: UInt64 = .random(in: .min ... .max)) {
        hash = SeededHash(seed: seed)
        levels = LevelPool(hash: hash)
        root = nodes.insert(TrieNode(parent: nowhere, level: nowhere))
    }

    /// How many subscriptions there are.
    package var count: Int { subscriptions.count }

    /// How many nodes the trie has, for tests of pruning.
    var nodeCount: Int { nodes.count }

    /// Adds a subscription; true if it replaced one of the same session and filter `[MQTT-3.8.4-3]`.
    package mutating func insert(
        _ filter: TopicFilter, _ subscriber: Subscriber, options: SubscriptionOptions, identifier: UInt32
    ) -> Bool {
        let list = list(for: filter)
        let new = IndexedSubscription(subscriber, options: options, identifier: identifier, list: list)
        if let place = find(subscriber.session, in: list) {
            subscriptions[place].replace(with: new)
            return true
        }
        link(new, to: list)
        return false
    }

    /// Removes the subscription of a session to exactly this filter; false if there is none.
    package mutating func remove(_ filter: TopicFilter, session: SessionNumber) -> Bool {
        guard let list = existingList(for: filter), let place = find(session, in: list) else { return false }
        unlink(place, from: list)
        if lists[list].count == 0 { removeList(list) }
        return true
    }

    /// Who gets what is published to `topic`.
    package func match(_ topic: UnsafeRawBufferPointer) -> Match {
        var matched = MatchedLists()
        let isReserved = topic.isReservedTopic
        var frontier = [root]
        var next: [UInt32] = []
        var isFirst = true
        for text in TopicLevels(topic) {
            let level = levels.find(text)
            let skipsWildcards = isFirst && isReserved
            for node in frontier {
                if !skipsWildcards { append(nodes[node].deep, to: &matched) }
                appendChildren(of: node, level, plus: !skipsWildcards, to: &next)
            }
            isFirst = false
            swap(&frontier, &next)
            next.removeAll(keepingCapacity: true)
            if frontier.isEmpty { break }
        }
        for node in frontier {
            append(nodes[node].deep, to: &matched)
            append(nodes[node].exact, to: &matched)
        }
        return matched.isEmpty ? .none : merge(matched)
    }
}

// MARK: - The walk

extension SubscriptionIndex {
    @inline(__always)
    private func child(of node: UInt32, _ level: UInt32) -> UInt32? {
        children.find(hash(UInt64(node), UInt64(level))) {
            nodes[$0].parent == node && nodes[$0].level == level
        }
    }

    @inline(__always)
    private func appendChildren(of node: UInt32, _ level: UInt32?, plus: Bool, to next: inout [UInt32]) {
        if let level, nodes[node].named > 0, let child = child(of: node, level) { next.append(child) }
        if plus, nodes[node].plus != nowhere { next.append(nodes[node].plus) }
    }

    @inline(__always)
    private func append(_ anchor: ListAnchor, to matched: inout MatchedLists) {
        if anchor.ordinary != nowhere {
            matched.ordinary.append(anchor.ordinary)
            matched.ordinaryCount += Int(lists[anchor.ordinary].count)
        }
        var list = anchor.shares
        while list != nowhere {
            matched.shared.append(list)
            list = lists[list].next
        }
    }
}

// MARK: - Lists and their subscriptions

extension SubscriptionIndex {
    private func find(_ session: SessionNumber, in list: UInt32) -> UInt32? {
        bySession.find(hash(session, UInt64(list))) {
            subscriptions[$0].session == session && subscriptions[$0].list == list
        }
    }

    private mutating func link(_ new: IndexedSubscription, to list: UInt32) {
        var new = new
        new.previous = lists[list].last
        let place = subscriptions.insert(new)
        if new.previous == nowhere {
            lists[list].first = place
        } else {
            subscriptions[new.previous].next = place
        }
        lists[list].last = place
        lists[list].count += 1
        bySession.insert(hash(new.session, UInt64(list)), place)
    }

    private mutating func unlink(_ place: UInt32, from list: UInt32) {
        let old = subscriptions[place]
        if old.previous == nowhere {
            lists[list].first = old.next
        } else {
            subscriptions[old.previous].next = old.next
        }
        if old.next == nowhere {
            lists[list].last = old.previous
        } else {
            subscriptions[old.next].previous = old.previous
        }
        lists[list].count -= 1
        bySession.remove(hash(old.session, UInt64(list)), place)
        subscriptions.remove(place)
    }

    private func existingList(for filter: TopicFilter) -> UInt32? {
        guard let (node, isDeep) = filter.filter.withBytes({ walk($0) }) else { return nil }
        guard let share = filter.share else {
            let list = isDeep ? nodes[node].deep.ordinary : nodes[node].exact.ordinary
            return list == nowhere ? nil : list
        }
        return share.withBytes { levels.find($0) }.flatMap { sharedList(node, isDeep: isDeep, group: $0) }
    }

    private func sharedList(_ node: UInt32, isDeep: Bool, group: UInt32) -> UInt32? {
        shared.find(hash(UInt64(node), UInt64(group))) {
            lists[$0].node == node && lists[$0].group == group && lists[$0].isDeep == isDeep
        }
    }

    private mutating func list(for filter: TopicFilter) -> UInt32 {
        if let list = existingList(for: filter) { return list }
        let (node, isDeep) = filter.filter.withBytes { makeNodes($0) }
        var list = SubscriberList(node: node, isDeep: isDeep)
        guard let share = filter.share else {
            let place = lists.insert(list)
            nodes[node].setOrdinary(place, isDeep: isDeep)
            return place
        }
        list.group = share.withBytes { levels.retain($0) }
        list.next = isDeep ? nodes[node].deep.shares : nodes[node].exact.shares
        let place = lists.insert(list)
        if list.next != nowhere { lists[list.next].previous = place }
        nodes[node].setShares(place, isDeep: isDeep)
        shared.insert(hash(UInt64(node), UInt64(list.group)), place)
        shareTexts[place] = filter.text
        return place
    }

    private mutating func removeList(_ place: UInt32) {
        let list = lists[place]
        if list.group == nowhere {
            nodes[list.node].setOrdinary(nowhere, isDeep: list.isDeep)
        } else {
            if list.previous == nowhere {
                nodes[list.node].setShares(list.next, isDeep: list.isDeep)
            } else {
                lists[list.previous].next = list.next
            }
            if list.next != nowhere { lists[list.next].previous = list.previous }
            shared.remove(hash(UInt64(list.node), UInt64(list.group)), place)
            levels.release(list.group)
            shareTexts[place] = nil
        }
        lists.remove(place)
        prune(list.node)
    }
}

// MARK: - Nodes

extension SubscriptionIndex {
    /// The node of a filter that is there, and whether the filter ends in `#`.
    private func walk(_ filter: UnsafeRawBufferPointer) -> (node: UInt32, isDeep: Bool)? {
        var node = root
        for text in TopicLevels(filter) {
            if text.isLevel("#") { return (node, true) }
            if text.isLevel("+") {
                guard nodes[node].plus != nowhere else { return nil }
                node = nodes[node].plus
            } else {
                guard let level = levels.find(text), let child = child(of: node, level) else { return nil }
                node = child
            }
        }
        return (node, false)
    }

    private mutating func makeNodes(_ filter: UnsafeRawBufferPointer) -> (node: UInt32, isDeep: Bool) {
        var node = root
        for text in TopicLevels(filter) {
            if text.isLevel("#") { return (node, true) }
            node = text.isLevel("+") ? makePlus(of: node) : makeChild(of: node, text)
        }
        return (node, false)
    }

    private mutating func makePlus(of node: UInt32) -> UInt32 {
        if nodes[node].plus == nowhere {
            nodes[node].plus = nodes.insert(TrieNode(parent: node, level: nowhere))
        }
        return nodes[node].plus
    }

    private mutating func makeChild(of node: UInt32, _ text: UnsafeRawBufferPointer) -> UInt32 {
        if let level = levels.find(text), let child = child(of: node, level) { return child }
        let level = levels.retain(text)
        let child = nodes.insert(TrieNode(parent: node, level: level))
        children.insert(hash(UInt64(node), UInt64(level)), child)
        nodes[node].named += 1
        return child
    }

    /// Removes a node that holds nothing, and then its parents for the same reason.
    private mutating func prune(_ node: UInt32) {
        var place = node
        while place != root, nodes[place].isUnused {
            let node = nodes[place]
            if node.level == nowhere {
                nodes[node.parent].plus = nowhere
            } else {
                children.remove(hash(UInt64(node.parent), UInt64(node.level)), place)
                levels.release(node.level)
                nodes[node.parent].named -= 1
            }
            nodes.remove(place)
            place = node.parent
        }
    }
}

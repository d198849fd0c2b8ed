// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import Packets

/// Topic names as a trie, level by level; a node may carry the place of a value.
///
/// Named children are found in one hash table, as in the subscription index; all children of a node also form
/// a list, because here the wildcards are in the question.
struct RetainedTrie: Sendable {
    private struct Node: BitwiseCopyable, Sendable {
        var parent: UInt32
        var level: UInt32
        var firstChild = nowhere
        var next = nowhere
        var previous = nowhere
        var value = nowhere
    }

    private(set) var levels: LevelPool
    let root: UInt32
    private var nodes = Slab<Node>()
    private var children = IndexTable()
    private let hash: SeededHash

    init(seed: UInt64) {
        hash = SeededHash(seed: seed)
        levels = LevelPool(hash: hash)
        root = nodes.insert(Node(parent: nowhere, level: nowhere))
    }

    /// How many nodes there are, the root included.
    var count: Int { nodes.count }

    /// The node of a topic that is there.
    func find(_ topic: UnsafeRawBufferPointer) -> UInt32? {
        var node = root
        for text in TopicLevels(topic) {
            guard let level = levels.find(text), let child = child(of: node, level) else { return nil }
            node = child
        }
        return node
    }

    /// The node of a topic, made if it is not there.
    mutating func make(_ topic: UnsafeRawBufferPointer) -> UInt32 {
        var node = root
        for text in TopicLevels(topic) { node = makeChild(of: node, text) }
        return node
    }

    /// Removes a node without value and children, and then its parents for the same reason.
    mutating func prune(_ node: UInt32) {
        var place = node
        while place != root, nodes[place].value == nowhere, nodes[place].firstChild == nowhere {
            let parent = nodes[place].parent
            removeLeaf(place)
            place = parent
        }
    }

    /// The place of the value at a node; `nowhere` if there is none.
    subscript(value node: UInt32) -> UInt32 {
        get { nodes[node].value }
        set { nodes[node].value = newValue }
    }

    /// The child of a node for one level text.
    func child(of node: UInt32, _ level: UInt32) -> UInt32? {
        children.find(hash(UInt64(node), UInt64(level))) {
            nodes[$0].parent == node && nodes[$0].level == level
        }
    }

    /// The first child of a node; `nowhere` if there is none.
    func firstChild(of node: UInt32) -> UInt32 { nodes[node].firstChild }

    /// The child after this one; `nowhere` if it is the last.
    func nextSibling(of node: UInt32) -> UInt32 { nodes[node].next }

    /// Whether a child of the root belongs to the broker `[MQTT-4.7.2-1]`.
    func isReserved(_ child: UInt32) -> Bool { levels.withText(nodes[child].level) { $0.isReservedTopic } }

    /// Fills `path` with the level numbers of a node's topic.
    func fill(_ path: inout [UInt32], to node: UInt32) {
        path.removeAll(keepingCapacity: true)
        var place = node
        while place != root {
            path.append(nodes[place].level)
            place = nodes[place].parent
        }
        path.reverse()
    }

    /// The topic that leads to a node.
    func topic(of node: UInt32) -> Text {
        var path: [UInt32] = []
        fill(&path, to: node)
        var bytes: [UInt8] = []
        for (index, level) in path.enumerated() {
            if index > 0 { bytes.append(UInt8(ascii: "/")) }
            levels.withText(level) { bytes.append(contentsOf: $0) }
        }
        return Text(bytes: bytes)
    }

    private mutating func makeChild(of parent: UInt32, _ text: UnsafeRawBufferPointer) -> UInt32 {
        if let level = levels.find(text), let child = child(of: parent, level) { return child }
        var node = Node(parent: parent, level: levels.retain(text))
        node.next = nodes[parent].firstChild
        let place = nodes.insert(node)
        if node.next != nowhere { nodes[node.next].previous = place }
        nodes[parent].firstChild = place
        children.insert(hash(UInt64(parent), UInt64(node.level)), place)
        return place
    }

    private mutating func removeLeaf(_ place: UInt32) {
        let node = nodes[place]
        children.remove(hash(UInt64(node.parent), UInt64(node.level)), place)
        if node.previous == nowhere {
            nodes[node.parent].firstChild = node.next
        } else {
            nodes[node.previous].next = node.next
        }
        if node.next != nowhere { nodes[node.next].previous = node.previous }
        levels.release(node.level)
        nodes.remove(place)
    }
}

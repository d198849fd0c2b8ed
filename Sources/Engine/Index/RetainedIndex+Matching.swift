// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

package import Packets
package import Persistence

extension RetainedIndex {
    /// A window of the values whose topics match `filter` (as an ordinary filter, whatever its group) and
    /// whose numbers are above `after` and at most `upTo`: no more than `limit` of them, the least numbers
    /// first.
    ///
    /// A window may be empty and not the last. It changes nothing but the order in which values are kept.
    package mutating func matching(
        _ filter: TopicFilter, after: MessageNumber, upTo: MessageNumber, limit: Int
    ) -> RetainedPage {
        precondition(limit > 0, "a window has room for one value")
        guard after < upTo, let pattern = filter.filter.withBytes({ RetainedPattern($0, trie.levels) }) else {
            return RetainedPage(through: upTo, isLast: true)
        }
        var visitCount = 0
        var page: RetainedPage
        if let places = pattern.places(in: trie, visitsMax: visitsMax, counting: &visitCount) {
            page = self.page(of: places, after: after, upTo: upTo, limit: limit)
            visitCount += places.count
        } else {
            log.settle()
            page = self.page(of: pattern, after: after, upTo: upTo, limit: limit)
        }
        page.visitCount += visitCount
        return page
    }

    /// The window out of all values that match.
    private func page(
        of places: [UInt32], after: MessageNumber, upTo: MessageNumber, limit: Int
    ) -> RetainedPage {
        var found = places.filter {
            !entries[$0].isTombstone && entries[$0].number > after && entries[$0].number <= upTo
        }
        found.sort { entries[$0].number < entries[$1].number }
        let values = found.prefix(limit).map(value(at:))
        guard values.count < found.count, let last = values.last else {
            return RetainedPage(values: values, through: upTo, isLast: true)
        }
        return RetainedPage(values: values, through: last.number, isLast: false)
    }

    /// The window found by going through the values in the order of their numbers.
    private func page(
        of pattern: RetainedPattern, after: MessageNumber, upTo: MessageNumber, limit: Int
    ) -> RetainedPage {
        var page = RetainedPage(through: upTo, isLast: true)
        var path: [UInt32] = []
        let start = log.index(after: after)
        for (visits, entry) in log.entries[start...].enumerated() {
            page.visitCount = visits
            guard entry.number <= upTo else { return page }
            guard visits < visitsMax, page.values.count < limit else {
                page.through = log.entries[start + visits - 1].number
                page.isLast = false
                return page
            }
            guard entries[entry.place].isLive(entry.number) else { continue }
            trie.fill(&path, to: entries[entry.place].node)
            if pattern.matches(path, in: trie) { page.values.append(value(at: entry.place)) }
        }
        return page
    }
}

/// A filter in the numbers of a trie's levels.
struct RetainedPattern {
    private enum Level {
        case text(UInt32)
        case any
    }

    private var levels: [Level] = []
    /// Whether the filter ends in `#`.
    private var isDeep = false

    /// `nil` if a level of the filter is in no topic, so that nothing can match.
    init?(_ filter: UnsafeRawBufferPointer, _ pool: LevelPool) {
        for text in TopicLevels(filter) {
            if text.isLevel("#") {
                isDeep = true
            } else if text.isLevel("+") {
                levels.append(.any)
            } else if let level = pool.find(text) {
                levels.append(.text(level))
            } else {
                return nil
            }
        }
    }

    /// Whether the first level is a wildcard, so that topics of the broker do not match `[MQTT-4.7.2-1]`.
    private var skipsReserved: Bool {
        if case .text = levels.first { false } else { true }
    }

    /// Whether the topic with these level numbers matches.
    func matches(_ path: [UInt32], in trie: RetainedTrie) -> Bool {
        guard isDeep ? path.count >= levels.count : path.count == levels.count else { return false }
        for (index, level) in levels.enumerated() {
            if case .text(let number) = level, path[index] != number { return false }
        }
        guard skipsReserved, let first = path.first else { return true }
        return !trie.levels.withText(first) { $0.isReservedTopic }
    }

    /// The values of all topics that match; `nil` if that would visit more nodes than allowed.
    func places(in trie: RetainedTrie, visitsMax: Int, counting visits: inout Int) -> [UInt32]? {
        var found: [UInt32] = []
        var open = [(node: trie.root, depth: 0)]
        while let (node, depth) = open.popLast() {
            if isDeep ? depth >= levels.count : depth == levels.count, trie[value: node] != nowhere {
                found.append(trie[value: node])
            }
            if depth < levels.count, case .text(let level) = levels[depth] {
                if let child = trie.child(of: node, level) { open.append((child, depth + 1)) }
                continue
            }
            guard depth < levels.count || isDeep else { continue }
            var child = trie.firstChild(of: node)
            while child != nowhere {
                visits += 1
                guard visits <= visitsMax else { return nil }
                if depth > 0 || !trie.isReserved(child) { open.append((child, depth + 1)) }
                child = trie.nextSibling(of: child)
            }
        }
        return found
    }
}

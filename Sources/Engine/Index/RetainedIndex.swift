// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import Packets
package import Persistence

/// Which topics have a retained value, under which number, and as many of the messages as fit in memory.
///
/// Values come from several shards and may arrive out of order: of two for one topic the greater number wins,
/// for clears as for sets. So a clear leaves a tombstone with its number, until the owner knows that nothing
/// below that number can still arrive. Bodies are dropped oldest first when they exceed their bytes, but
/// never before their numbers are committed: until then the store could not give them back.
///
/// Reading goes in windows that rise by number. A filter that few topics can match is answered from the trie
/// of topics; one that would visit many nodes is answered by going through the values in the order of their
/// numbers, so that all windows together cost one pass. Either way one call does a bounded amount of work.
package struct RetainedIndex: Sendable {
    struct Entry: Sendable {
        var number: MessageNumber
        var expiresAt: Milliseconds
        var body: RetainedBody?
        var node: UInt32
        var isTombstone: Bool
        /// Neighbours in the order in which bodies came.
        var older = nowhere
        var newer = nowhere

        /// Whether this is still the value with that number.
        func isLive(_ number: MessageNumber) -> Bool { self.number == number && !isTombstone }
    }

    /// How many topics have a value.
    package private(set) var count = 0
    /// How many topics have only a tombstone.
    package var tombstoneCount: Int { entries.count - count }
    /// How many bytes the cached bodies take.
    package private(set) var cachedBytes = 0

    var trie: RetainedTrie
    var entries = Slab<Entry>()
    var log = RetainedLog()
    let visitsMax: Int
    private let bytesMax: Int
    private var committed: MessageNumber = 0
    private(set) var expiries = PlaceHeap()
    private var tombstones = PlaceHeap()
    private var oldestBody = nowhere
    private var newestBody = nowhere

    /// An index without values. Its cached bodies take at most `retainedBytesMax` once they are committed;
    /// one window looks at no more than `visitsMax` nodes, and then at no more than as many values.
    package init(
        retainedBytesMax: Int = .max, visitsMax: Int = 8_192, seed: UInt64 = .random(in: .min ... .max)
    ) {
        precondition(visitsMax > 0, "a window looks at one value at least")
        self.bytesMax = retainedBytesMax
        self.visitsMax = visitsMax
        trie = RetainedTrie(seed: seed)
    }

    /// Sets the value of a topic; false if a value or a clear with this number or a greater one is known.
    package mutating func set(
        topic: UnsafeRawBufferPointer, number: MessageNumber, body: RetainedBody?, expiresAt: Milliseconds
    ) -> Bool {
        let place = place(of: topic)
        guard entries[place].number < number else { return false }
        put(number, at: place, body: body, expiresAt: expiresAt)
        return true
    }

    /// Takes back a value, or a clear, that the store refused: the topic has the store's value again, or none.
    /// Nothing when a later one has come.
    package mutating func takeBack(
        topic: UnsafeRawBufferPointer, number: MessageNumber, stored: RetainedRecord?
    ) {
        guard let node = trie.find(topic), trie[value: node] != nowhere else { return }
        let place = trie[value: node]
        guard entries[place].number == number else { return }
        guard let stored else {
            if !entries[place].isTombstone { bury(place, number: number) }
            return
        }
        // The value that comes back may have left an entry in the log: there must not be two.
        let entries = entries
        log.sweep { entries[$0.place].isLive($0.number) && $0.place != place }
        put(
            stored.number, at: place, body: RetainedBody(stored.message), expiresAt: stored.message.expiresAt)
    }

    /// Clears the value of a topic; false if a greater number is known, or a clear with this one.
    package mutating func clear(topic: UnsafeRawBufferPointer, number: MessageNumber) -> Bool {
        let place = place(of: topic)
        let entry = entries[place]
        guard entry.number < number || (entry.number == number && !entry.isTombstone) else { return false }
        bury(place, number: number)
        return true
    }

    /// Forgets the clears up to a number: nothing that such a clear outdated may arrive any more.
    package mutating func purgeTombstones(upTo number: MessageNumber) {
        while let least = tombstones.least, least.number <= number {
            tombstones.popLeast()
            guard entries[least.place].isTombstone, entries[least.place].number == least.number else {
                continue
            }
            let node = entries[least.place].node
            entries.remove(least.place)
            trie[value: node] = nowhere
            trie.prune(node)
        }
    }

    /// The value of exactly this topic.
    package func value(_ topic: UnsafeRawBufferPointer) -> RetainedValue? {
        guard let node = trie.find(topic), trie[value: node] != nowhere else { return nil }
        let place = trie[value: node]
        return entries[place].isTombstone ? nil : value(at: place)
    }

    /// Clears up to `limit` values that have expired at `now` and returns them, the earliest first.
    package mutating func expire(now: Milliseconds, limit: Int) -> [RetainedValue] {
        var expired: [RetainedValue] = []
        while expired.count < limit, let least = expiries.least, least.key <= now {
            expiries.popLeast()
            guard entries[least.place].isLive(least.number) else { continue }
            expired.append(value(at: least.place))
            bury(least.place, number: least.number)
        }
        return expired
    }

    func value(at place: UInt32) -> RetainedValue {
        let entry = entries[place]
        return RetainedValue(
            number: entry.number, topic: trie.topic(of: entry.node), expiresAt: entry.expiresAt,
            body: entry.body)
    }
}

// MARK: - Values and tombstones

extension RetainedIndex {
    /// The entry of a topic; a new one is a tombstone older than everything.
    private mutating func place(of topic: UnsafeRawBufferPointer) -> UInt32 {
        let node = trie.make(topic)
        if trie[value: node] != nowhere { return trie[value: node] }
        let place = entries.insert(Entry(number: 0, expiresAt: 0, node: node, isTombstone: true))
        trie[value: node] = place
        return place
    }

    private mutating func put(
        _ number: MessageNumber, at place: UInt32, body: RetainedBody?, expiresAt: Milliseconds
    ) {
        retire(place)
        entries[place].number = number
        entries[place].expiresAt = expiresAt
        entries[place].isTombstone = false
        count += 1
        log.insert(number, place)
        if expiresAt != 0 { expiries.push(.init(key: expiresAt, number: number, place: place)) }
        if let body { keep(body, at: place) }
        sweepVoid()
        evictBodies()
    }

    private mutating func bury(_ place: UInt32, number: MessageNumber) {
        retire(place)
        entries[place].number = number
        entries[place].isTombstone = true
        tombstones.push(.init(key: Int64(clamping: number), number: number, place: place))
        sweepVoid()
    }

    /// Takes a value, if there is one, out of the count and the cache.
    private mutating func retire(_ place: UInt32) {
        guard !entries[place].isTombstone else { return }
        count -= 1
        dropBody(at: place)
    }

    /// Removes void entries where they are the greater part, so that memory follows the number of topics.
    private mutating func sweepVoid() {
        let limit = 2 * count + 1_024
        let entries = entries
        if log.count > limit { log.sweep { entries[$0.place].isLive($0.number) } }
        if expiries.count > limit { expiries.sweep { entries[$0.place].isLive($0.number) } }
        if tombstones.count > 2 * tombstoneCount + 1_024 {
            tombstones.sweep { entries[$0.place].isTombstone && entries[$0.place].number == $0.number }
        }
    }
}

// MARK: - Bodies

extension RetainedIndex {
    /// Drops the oldest bodies with numbers up to `committed` until the rest fits; the store has them.
    package mutating func evictBodies(committed: MessageNumber) {
        self.committed = max(self.committed, committed)
        evictBodies()
    }

    /// Keeps a body that was read from the store, if the topic still has the value with this number.
    package mutating func restoreBody(
        topic: UnsafeRawBufferPointer, number: MessageNumber, body: RetainedBody
    ) {
        guard let node = trie.find(topic), trie[value: node] != nowhere else { return }
        let place = trie[value: node]
        guard entries[place].isLive(number), entries[place].body == nil else { return }
        keep(body, at: place)
        evictBodies()
    }

    private mutating func evictBodies() {
        while cachedBytes > bytesMax, oldestBody != nowhere, entries[oldestBody].number <= committed {
            dropBody(at: oldestBody)
        }
    }

    private mutating func keep(_ body: RetainedBody, at place: UInt32) {
        cachedBytes += body.byteCount
        entries[place].body = body
        entries[place].older = newestBody
        entries[place].newer = nowhere
        if newestBody == nowhere { oldestBody = place } else { entries[newestBody].newer = place }
        newestBody = place
    }

    private mutating func dropBody(at place: UInt32) {
        guard let body = entries[place].body else { return }
        cachedBytes -= body.byteCount
        entries[place].body = nil
        let (older, newer) = (entries[place].older, entries[place].newer)
        if older == nowhere { oldestBody = newer } else { entries[older].newer = newer }
        if newer == nowhere { newestBody = older } else { entries[newer].older = older }
    }
}

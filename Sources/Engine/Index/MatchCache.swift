// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

/// One shard's memory of matches. Not shared: a repeated topic costs one hash of its bytes, one probe and two
/// loads of generations, and no lock.
///
/// It is bounded in topics and in bytes; beyond that the clock chooses who leaves: an entry that was used
/// since the hand last came by stays for one more round. A match too large for a quarter of the bytes is
/// never kept: its own fan-out costs as much as finding it again.
package struct MatchCache: ~Copyable {
    /// What is known of a topic beside its match. Trivial, so that a probe counts no references; the topic's
    /// bytes are the cache's own, from `add` to `evict`.
    private struct Entry {
        var hash: UInt64
        var topic: UnsafeRawBufferPointer
        var generation: Generation
        var generationIndex: Int
        var byteCount: Int
        var wasUsed = false
    }

    /// What an entry costs beside its topic and its match.
    static let entryBytes = MemoryLayout<Entry>.stride + 24

    /// How many topics are remembered.
    package var count: Int { table.count }
    /// About how much memory they take.
    package private(set) var byteCount = 0

    private let entriesMax: Int
    private let bytesMax: Int
    private let hash: SeededHash
    private var table = IndexTable()
    private var entries: [Entry] = []
    private var matches: [Match] = []
    private var hand = 0

    /// An empty cache.
    package init(
        entriesMax: Int = 65_536, bytesMax: Int = 16 << 20, seed: UInt64 = .random(in: .min ... .max)
    ) {
        precondition(entriesMax > 0, "a match cache needs room for one topic")
        self.entriesMax = entriesMax
        self.bytesMax = bytesMax
        hash = SeededHash(seed: seed)
    }

    deinit {
        for entry in entries { entry.topic.deallocate() }
    }

    /// Who gets what is published to `topic`: as of now, or as of a change that happens meanwhile.
    package mutating func match(_ topic: UnsafeRawBufferPointer, in table: SubscriptionTable) -> Match {
        let hash = hash(topic)
        let found = self.table.find(hash) {
            entries[Int($0)].hash == hash && entries[Int($0)].topic.hasSameBytes(as: topic)
        }
        guard let found else { return add(topic, hash, table) }
        let place = Int(found)
        guard table.generation(entries[place].generationIndex) == entries[place].generation else {
            return refresh(place, table)
        }
        if !entries[place].wasUsed { entries[place].wasUsed = true }
        return matches[place]
    }
}

// MARK: - Misses

extension MatchCache {
    /// The generation is read before the index is asked: a change in between makes the entry stale, never
    /// wrong.
    private mutating func add(_ topic: UnsafeRawBufferPointer, _ hash: UInt64, _ table: SubscriptionTable)
        -> Match
    {
        let generationIndex = table.generationIndex(topic)
        let generation = table.generation(generationIndex)
        let match = table.match(topic)
        let byteCount = topic.count + match.byteCount + Self.entryBytes
        guard byteCount <= bytesMax / 4 else { return match }
        makeRoom(entries: 1, bytes: byteCount)
        let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: topic.count, alignment: 1)
        copy.copyMemory(from: topic)
        self.table.insert(hash, UInt32(entries.count))
        self.byteCount += byteCount
        entries.append(
            Entry(
                hash: hash, topic: UnsafeRawBufferPointer(copy), generation: generation,
                generationIndex: generationIndex, byteCount: byteCount))
        matches.append(match)
        return match
    }

    private mutating func refresh(_ place: Int, _ table: SubscriptionTable) -> Match {
        let generation = table.generation(entries[place].generationIndex)
        let match = table.match(entries[place].topic)
        byteCount += match.byteCount - matches[place].byteCount
        entries[place].byteCount += match.byteCount - matches[place].byteCount
        entries[place].generation = generation
        entries[place].wasUsed = true
        matches[place] = match
        if entries[place].byteCount > bytesMax / 4 { evict(place) }
        makeRoom(entries: 0, bytes: 0)
        return match
    }

    private mutating func makeRoom(entries new: Int, bytes: Int) {
        while !entries.isEmpty, byteCount + bytes > bytesMax || entries.count + new > entriesMax {
            if hand >= entries.count { hand = 0 }
            if entries[hand].wasUsed {
                entries[hand].wasUsed = false
                hand += 1
            } else {
                evict(hand)
            }
        }
    }

    /// Takes an entry out; the last one moves into its place.
    private mutating func evict(_ place: Int) {
        let entry = entries[place]
        table.remove(entry.hash, UInt32(place))
        byteCount -= entry.byteCount
        entry.topic.deallocate()
        let last = entries.removeLast()
        let match = matches.removeLast()
        guard place < entries.count else { return }
        table.remove(last.hash, UInt32(entries.count))
        table.insert(last.hash, UInt32(place))
        entries[place] = last
        matches[place] = match
    }
}

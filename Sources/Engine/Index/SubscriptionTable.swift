// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

package import Packets
package import Persistence
import Synchronization

/// The subscription index that all shards share, with generations that tell each shard's cache what is stale.
///
/// One lock guards the index. Every change moves the generation of its filter's first level; a filter that
/// begins with a wildcard moves the one generation that concerns all topics. A cache that read both before it
/// asked, and finds them unmoved, holds what the index would answer.
package final class SubscriptionTable: Sendable {
    /// How many generations there are for first levels; those that share one cost each other a repeated
    /// match.
    static let generationCount = 1024

    private let index: Mutex<SubscriptionIndex>
    private let generations: InlineArray<1024, Atomic<UInt64>>
    private let wildcardGeneration = Atomic<UInt64>(0)
    private let hash: SeededHash

    /// A table without subscriptions.
    package init(seed: UInt64 = .random(in: .min ... .max)) {
        index = Mutex(SubscriptionIndex(seed: seed))
        generations = InlineArray { _ in Atomic<UInt64>(0) }
        hash = SeededHash(seed: seed)
    }

    /// How many subscriptions there are.
    package var count: Int { index.withLock { $0.count } }

    /// Adds a subscription; true if it replaced one of the same session and filter `[MQTT-3.8.4-3]`. Every
    /// match that begins after the return sees it.
    @discardableResult
    package func insert(
        _ filter: TopicFilter, _ subscriber: Subscriber, options: SubscriptionOptions, identifier: UInt32
    ) -> Bool {
        index.withLock { index in
            let isReplacement = index.insert(filter, subscriber, options: options, identifier: identifier)
            move(filter)
            return isReplacement
        }
    }

    /// Removes the subscription of a session to exactly this filter; false if there is none.
    @discardableResult
    package func remove(_ filter: TopicFilter, session: SessionNumber) -> Bool {
        index.withLock { index in
            let isRemoved = index.remove(filter, session: session)
            if isRemoved { move(filter) }
            return isRemoved
        }
    }

    /// Who gets what is published to `topic`, asked of the index itself, under the lock.
    func match(_ topic: UnsafeRawBufferPointer) -> Match {
        index.withLock { $0.match(topic) }
    }

    /// Which generation concerns the first level of a topic.
    func generationIndex(_ topic: UnsafeRawBufferPointer) -> Int {
        var levels = TopicLevels(topic)
        guard let first = levels.next() else { return 0 }
        return Int(truncatingIfNeeded: hash(first)) & (Self.generationCount - 1)
    }

    /// What an answer that begins now is valid for.
    @inline(__always)
    func generation(_ index: Int) -> Generation {
        Generation(
            level: generations[index].load(ordering: .acquiring),
            wildcard: wildcardGeneration.load(ordering: .acquiring))
    }

    private func move(_ filter: TopicFilter) {
        guard filter.filter.bytes.first != UInt8(ascii: "+"), filter.filter.bytes.first != UInt8(ascii: "#")
        else {
            wildcardGeneration.wrappingAdd(1, ordering: .releasing)
            return
        }
        let index = filter.filter.withBytes { generationIndex($0) }
        generations[index].wrappingAdd(1, ordering: .releasing)
    }
}

/// The state of the subscriptions that a match depends on.
struct Generation: Equatable, Sendable {
    /// Counts the changes of filters that begin with the topic's first level.
    var level: UInt64
    /// Counts the changes of filters that begin with a wildcard.
    var wildcard: UInt64
}

// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import Benchmark
import Engine
import Packets

/// Who gets a topic: remembered, and found anew among many filters.
func matchBenchmarks() {
    Benchmark("match, a topic that was seen before") { benchmark in
        let table = MatchWorld.table(filters: 10_000)
        var cache = MatchCache()
        let topic = Text("a/17/c").bytes
        benchmark.startMeasurement()
        topic.withUnsafeBytes { topic in
            for _ in benchmark.scaledIterations { blackHole(cache.match(topic, in: table)) }
        }
        benchmark.stopMeasurement()
    }
    for filters in [100, 10_000, 1_000_000] {
        Benchmark("match, new topics among \(filters) filters") { benchmark in
            let table = MatchWorld.shared(filters)
            var cache = MatchCache(entriesMax: 1)
            let topics = (0..<64).map { Text("a/\($0)/c").bytes }
            benchmark.startMeasurement()
            for index in benchmark.scaledIterations {
                topics[index & 63].withUnsafeBytes { blackHole(cache.match($0, in: table)) }
            }
            benchmark.stopMeasurement()
        }
    }
}

/// Tables of filters, one in four with a wildcard.
enum MatchWorld {
    private static let hundred = table(filters: 100)
    private static let many = table(filters: 10_000)
    private static let most = table(filters: 1_000_000)

    /// A table that all runs share, for making a large one takes longer than asking it.
    static func shared(_ filters: Int) -> SubscriptionTable {
        switch filters {
        case 100: hundred
        case 10_000: many
        default: most
        }
    }

    static func table(filters count: Int) -> SubscriptionTable {
        let table = SubscriptionTable(seed: 1)
        for index in 0..<count {
            let text = index % 4 == 0 ? "a/+/x\(index)" : "a/\(index)/c"
            guard let filter = TopicFilter(Text(text)) else { continue }
            table.insert(
                filter, Subscriber(session: UInt64(index) + 1, seat: UInt32(index), isPersistent: false),
                options: SubscriptionOptions(qos: .atLeastOnce), identifier: 0)
        }
        return table
    }
}

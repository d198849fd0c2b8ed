// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import Benchmark

/// Micro benchmarks of the parts; `Benchmarks/micro` builds and runs them. Times are per operation, unless a name says otherwise.
let benchmarks: @Sendable () -> Void = {
    Benchmark.defaultConfiguration = .init(
        metrics: [.wallClock, .throughput], warmupIterations: 3, scalingFactor: .kilo,
        maxDuration: .milliseconds(400), maxIterations: 10_000)
    codecBenchmarks()
    matchBenchmarks()
    engineBenchmarks()
    recordBenchmarks()
    storeBenchmarks()
}

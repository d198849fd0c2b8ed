// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import Synchronization

/// Keeps everybody from connecting to a server that is away more often than makes sense.
final class Backoff: Sendable {
    private struct State {
        var failures = 0
        var until: Int64 = 0
        var reason = ""
    }

    private static let millisecondsMin: Int64 = 20
    private static let millisecondsMax: Int64 = 1_000

    private let state = Mutex(State())

    /// Throws what went wrong last while it is too early to try again.
    func check() throws(RedisFailure) {
        let reason = state.withLock { now() < $0.until ? $0.reason : nil }
        if let reason { throw .notSent(reason) }
    }

    func failed(_ failure: RedisFailure) {
        state.withLock { state in
            state.until = now() + min(Self.millisecondsMax, Self.millisecondsMin << min(state.failures, 6))
            state.failures += 1
            state.reason = failure.text
        }
    }

    func succeeded() {
        state.withLock { $0 = State() }
    }
}

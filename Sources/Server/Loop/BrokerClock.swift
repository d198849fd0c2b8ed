// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import Glibc
package import Persistence

/// Broker time: the wall clock at start, never earlier than the latest time stored, plus what has elapsed since.
///
/// The wall clock may jump; expiry, wills and keep-alive must not. A jump is therefore only ever noticed
/// (`drift`), and broker time follows the wall clock again from the next start.
package struct BrokerClock: Sendable {
    private let start: Milliseconds
    private let monotonicStart: Milliseconds

    /// Starts at the wall clock, or at `latest` if that is later.
    package init(notBefore latest: Milliseconds) {
        start = max(BrokerClock.read(CLOCK_REALTIME), latest)
        monotonicStart = BrokerClock.read(CLOCK_MONOTONIC)
    }

    /// One system call that does not enter the kernel, some 30 ns.
    package var now: Milliseconds { start + BrokerClock.read(CLOCK_MONOTONIC) - monotonicStart }

    /// How far the wall clock is ahead of broker time.
    package var drift: Milliseconds { BrokerClock.read(CLOCK_REALTIME) - now }

    private static func read(_ clock: clockid_t) -> Milliseconds {
        var time = timespec()
        clock_gettime(clock, &time)
        return Milliseconds(time.tv_sec) * 1000 + Milliseconds(time.tv_nsec) / 1_000_000
    }
}

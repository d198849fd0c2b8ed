// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

package import Persistence

/// How the store is doing: for the log, the health check and the metrics.
package struct StoreHealth: Sendable, Hashable {
    /// The error that the store still has; `nil` when the last commit went well.
    package private(set) var current: StoreError?
    /// When the current trouble began.
    package private(set) var since: Milliseconds = 0
    /// How many commits or reopenings have failed.
    package private(set) var failureCount = 0

    package init() {}

    mutating func failed(_ error: StoreError, at now: Milliseconds) {
        if current == nil { since = now }
        current = error
        failureCount += 1
    }

    mutating func recovered() {
        current = nil
    }
}

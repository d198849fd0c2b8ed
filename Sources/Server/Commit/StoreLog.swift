// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import Engine
import Logging
import Persistence

/// Writes a line when the store gets into trouble, when the trouble changes, once in a while as long as it lasts,
/// and when it is over.
struct StoreLog {
    private let logger: Logger
    private var trouble: StoreError?
    private var since: Milliseconds = 0
    private var reportedAt: Milliseconds = 0
    private var failuresBefore = 0
    private var failedAt: Milliseconds = 0
    private var failureCount = 0

    /// How long the same trouble stays unmentioned.
    private static let repeatMilliseconds: Milliseconds = 30_000
    /// How long nothing may have failed before a committer that is never idle counts as well again: what makes
    /// room is committed while the rest fails, and tried again at least once a second.
    private static let recoveryMilliseconds: Milliseconds = 3000

    init(_ logger: Logger) {
        self.logger = logger
    }

    /// After every step of the committer; costs two comparisons while all is well.
    mutating func look(at health: StoreHealth, isIdle: Bool, now: Milliseconds) {
        if health.failureCount != failureCount {
            failureCount = health.failureCount
            failedAt = now
        }
        if let current = health.current {
            guard current.code != trouble?.code || now - reportedAt >= StoreLog.repeatMilliseconds else {
                return
            }
            if trouble == nil { since = health.since }
            trouble = current
            reportedAt = now
            logger.error(
                "the store does not commit; nothing that needs it is acknowledged: \(current.message)",
                metadata: ["code": "\(current.code)", "failures": "\(health.failureCount - failuresBefore)"])
        } else if trouble != nil, isIdle || now - failedAt >= StoreLog.recoveryMilliseconds {
            trouble = nil
            logger.notice(
                "the store commits again",
                metadata: [
                    "milliseconds": "\(now - since)", "failures": "\(health.failureCount - failuresBefore)",
                ])
            failuresBefore = health.failureCount
        }
    }
}

// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import Logging
import Persistence
import Synchronization

/// A start that waits for a store which another broker has, until that one is gone or nobody wants the start any more.
final class Standby: Sendable {
    private let ending: Latch<Void>
    private let logger: Logger
    /// What was in the way last.
    private let obstacle = Mutex<StoreError?>(nil)
    private let isAbandoned = Atomic<Bool>(false)

    init(until ending: Latch<Void>, logger: Logger) {
        self.ending = ending
        self.logger = logger
    }

    /// Whether it was given up because the broker is to end.
    var hasEnded: Bool { isAbandoned.load(ordering: .acquiring) }

    /// Whether the store could not be had at once.
    var hasWaited: Bool { obstacle.withLock { $0 != nil } }

    /// Opens the store; one that nobody else can have is opened at once.
    func open(_ store: any Store) throws(StoreError) {
        guard let store = store as? any LeasedStore else { return try store.open() }
        try store.open(standingBy: goesOn)
        if hasWaited { logger.info("the store is this broker's now") }
    }

    /// Says once who or what is in the way, and again when that changes.
    private func goesOn(_ error: StoreError) -> Bool {
        if ending.isSet {
            isAbandoned.store(true, ordering: .releasing)
            return false
        }
        let isNew = obstacle.withLock { obstacle in
            defer { obstacle = error }
            return obstacle != error
        }
        if isNew { logger.notice("standing by: \(error.message)") }
        return true
    }
}

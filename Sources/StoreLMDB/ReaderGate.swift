// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import Glibc
import Persistence
import Synchronization

/// Lets readers to the environment, many at a time, and whoever moves its map or closes it alone.
///
/// Who waits to be alone comes before readers that have not begun, so those who come and go do not keep the
/// committer waiting.
///
/// `@unchecked Sendable`: count and environment are only touched with the mutex locked; mutex and conditions are
/// made to be shared and lie in memory of their own, which does not move, until the last reference is gone.
final class ReaderGate: @unchecked Sendable {
    private let path: String
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let changed = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
    private var environment: Environment?
    private var readerCount = 0
    private let isWanted = Atomic<Bool>(false)

    init(_ path: String) {
        self.path = path
        var attributes = pthread_condattr_t()
        pthread_condattr_init(&attributes)
        pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
        pthread_mutex_init(mutex, nil)
        pthread_cond_init(changed, &attributes)
        pthread_condattr_destroy(&attributes)
    }

    deinit {
        pthread_cond_destroy(changed)
        pthread_mutex_destroy(mutex)
        changed.deallocate()
        mutex.deallocate()
    }

    /// Whether somebody waits to be alone: a long reader lets them and begins anew.
    var mustYield: Bool { isWanted.load(ordering: .relaxed) }

    /// Lends the environment to a reader; it does not move meanwhile.
    func read<Result>(_ body: (Environment) throws(StoreError) -> Result) throws(StoreError) -> Result {
        guard let environment = enter() else {
            throw StoreError(.unavailable, "The database \(path) is not open.")
        }
        defer { leave() }
        return try body(environment)
    }

    /// Sets what readers get, when none of them reads.
    func set(_ environment: Environment?) {
        pthread_mutex_lock(mutex)
        waitForReaders(nil)
        self.environment = environment
        release()
    }

    /// Runs `body` while nobody reads; false when readers did not leave in time. When `body` fails, readers find
    /// the database closed from then on.
    func alone(
        within milliseconds: Int, _ body: () throws(LMDBFailure) -> Void
    ) throws(LMDBFailure) -> Bool {
        var limit = timespec()
        clock_gettime(CLOCK_MONOTONIC, &limit)
        let nanoseconds = limit.tv_nsec + milliseconds % 1_000 * 1_000_000
        limit.tv_sec += milliseconds / 1_000 + nanoseconds / 1_000_000_000
        limit.tv_nsec = nanoseconds % 1_000_000_000
        pthread_mutex_lock(mutex)
        defer { release() }
        guard waitForReaders(limit) else { return false }
        do throws(LMDBFailure) {
            try body()
        } catch {
            environment = nil
            throw error
        }
        return true
    }

    /// Maps anew what another process has enlarged, while nobody reads; false when readers did not leave in time.
    func followMap(within milliseconds: Int) throws(LMDBFailure) -> Bool {
        try alone(within: milliseconds) { () throws(LMDBFailure) in
            // Zero is the size in the file.
            try environment?.resize(0)
        }
    }

    private func enter() -> Environment? {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        while mustYield { pthread_cond_wait(changed, mutex) }
        if environment != nil { readerCount += 1 }
        return environment
    }

    private func leave() {
        pthread_mutex_lock(mutex)
        readerCount -= 1
        if readerCount == 0 && mustYield { pthread_cond_broadcast(changed) }
        pthread_mutex_unlock(mutex)
    }

    /// With the mutex locked; only one thread at a time, the committer's, waits to be alone.
    @discardableResult private func waitForReaders(_ limit: timespec?) -> Bool {
        isWanted.store(true, ordering: .relaxed)
        while readerCount > 0 {
            if var limit {
                if pthread_cond_timedwait(changed, mutex, &limit) == ETIMEDOUT { return readerCount == 0 }
            } else {
                pthread_cond_wait(changed, mutex)
            }
        }
        return true
    }

    private func release() {
        isWanted.store(false, ordering: .relaxed)
        pthread_cond_broadcast(changed)
        pthread_mutex_unlock(mutex)
    }
}

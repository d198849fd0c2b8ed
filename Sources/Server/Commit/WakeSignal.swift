// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import Glibc

/// Wakes one waiting thread; a signal sent while nobody waits is kept for the next wait.
package final class WakeSignal: @unchecked Sendable {
    // Proof of Sendable: `isSet` is only touched under `mutex`; the two pointers never change, and what they
    // point to lives until deinit, when no other thread can hold a reference.
    private let mutex: UnsafeMutablePointer<pthread_mutex_t>
    private let condition: UnsafeMutablePointer<pthread_cond_t>
    private var isSet = false

    package init() {
        mutex = .allocate(capacity: 1)
        condition = .allocate(capacity: 1)
        mutex.initialize(to: pthread_mutex_t())
        condition.initialize(to: pthread_cond_t())
        var attributes = pthread_condattr_t()
        check(pthread_condattr_init(&attributes))
        check(pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC))
        check(pthread_mutex_init(mutex, nil))
        check(pthread_cond_init(condition, &attributes))
        check(pthread_condattr_destroy(&attributes))
    }

    deinit {
        pthread_cond_destroy(condition)
        pthread_mutex_destroy(mutex)
        condition.deallocate()
        mutex.deallocate()
    }

    /// Ends the current wait, or the next one at once.
    package func signal() {
        check(pthread_mutex_lock(mutex))
        if !isSet {
            isSet = true
            check(pthread_cond_signal(condition))
        }
        check(pthread_mutex_unlock(mutex))
    }

    /// Returns when signalled, or when the time has passed; `nil` waits for ever.
    package func wait(milliseconds: Int?) {
        check(pthread_mutex_lock(mutex))
        if let milliseconds {
            var deadline = WakeSignal.deadline(after: max(0, milliseconds))
            while !isSet, pthread_cond_timedwait(condition, mutex, &deadline) != ETIMEDOUT {}
        } else {
            while !isSet { check(pthread_cond_wait(condition, mutex)) }
        }
        isSet = false
        check(pthread_mutex_unlock(mutex))
    }

    private static func deadline(after milliseconds: Int) -> timespec {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        let nanoseconds = time.tv_nsec + milliseconds % 1000 * 1_000_000
        time.tv_sec += milliseconds / 1000 + nanoseconds / 1_000_000_000
        time.tv_nsec = nanoseconds % 1_000_000_000
        return time
    }
}

private func check(_ result: CInt) {
    precondition(result == 0, "a pthread call on a valid object failed")
}

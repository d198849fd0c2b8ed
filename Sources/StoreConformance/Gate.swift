// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import Glibc

/// Blocks threads while it is closed.
///
/// `@unchecked Sendable`: the flag is only touched with the mutex locked, and mutex and condition are made to
/// be shared; they lie in memory of their own, which does not move, until the last reference is gone.
final class Gate: @unchecked Sendable {
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let opened = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
    private var isClosed = false

    init() {
        pthread_mutex_init(mutex, nil)
        pthread_cond_init(opened, nil)
    }

    deinit {
        pthread_cond_destroy(opened)
        pthread_mutex_destroy(mutex)
        opened.deallocate()
        mutex.deallocate()
    }

    /// From now on `pass` blocks.
    func close() {
        pthread_mutex_lock(mutex)
        isClosed = true
        pthread_mutex_unlock(mutex)
    }

    /// Lets everybody pass.
    func open() {
        pthread_mutex_lock(mutex)
        isClosed = false
        pthread_cond_broadcast(opened)
        pthread_mutex_unlock(mutex)
    }

    /// Waits until the gate is open.
    func pass() {
        pthread_mutex_lock(mutex)
        while isClosed { pthread_cond_wait(opened, mutex) }
        pthread_mutex_unlock(mutex)
    }
}

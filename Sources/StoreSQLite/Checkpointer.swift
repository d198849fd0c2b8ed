// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import CSQLite
import Glibc

/// A thread that writes the log back while batches go on being committed to it.
///
/// It changes nothing that anybody can read and runs only passive checkpoints, which wait for nobody and keep
/// nobody waiting. A log that grows meanwhile has always some frames more, but fewer with each pass, because writing
/// back is faster than committing: when it has caught up as far as that goes, `Log` does the short rest itself.
///
/// `@unchecked Sendable`: the mutable fields are only touched with the mutex locked; mutex and condition lie
/// in memory that does not move; the connection is used by the thread alone, and closed when it has ended.
final class Checkpointer: @unchecked Sendable {
    /// What the thread is to do.
    enum Order {
        case wait
        /// One pass.
        case checkpoint
        /// As many passes as it takes to leave little.
        case catchUp
        case stop
    }

    /// Frames that are few enough for the committer.
    private static let restFrames = 256
    /// Passes of one order to catch up.
    private static let passesMax = 6

    let connection: Connection
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let ordered = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
    private let ended = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
    private var order = Order.wait
    /// The thread is at an order.
    private var isAtWork = false
    /// Somebody waits until it is not: no pass begins any more.
    private var isInTheWay = false
    private var hasCaughtUp = false
    private var failure: SQLiteFailure?
    private var thread: pthread_t?

    init(_ path: String, _ options: SQLiteStore.Options) throws(SQLiteFailure) {
        connection = try Connection(path, flags: SQLITE_OPEN_READWRITE)
        try connection.execute("PRAGMA wal_autocheckpoint=0")
        try connection.execute("PRAGMA synchronous=FULL")
        pthread_mutex_init(mutex, nil)
        pthread_cond_init(ordered, nil)
        var attributes = pthread_condattr_t()
        pthread_condattr_init(&attributes)
        pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
        pthread_cond_init(ended, &attributes)
        pthread_condattr_destroy(&attributes)
    }

    deinit {
        pthread_cond_destroy(ended)
        pthread_cond_destroy(ordered)
        pthread_mutex_destroy(mutex)
        ended.deallocate()
        ordered.deallocate()
        mutex.deallocate()
    }

    /// Starts the thread; without one, the log is written back by whoever commits.
    func start() {
        var started = pthread_t()
        // The thread owns one reference, taken here and given back when it ends.
        let context = Unmanaged.passRetained(self)
        let status = pthread_create(
            &started, nil,
            { context in
                if let context { Unmanaged<Checkpointer>.fromOpaque(context).takeRetainedValue().run() }
                return nil
            }, context.toOpaque())
        if status == 0 { thread = started } else { context.release() }
    }

    /// Gives an order and gives back how an earlier one failed.
    func order(_ next: Order) -> SQLiteFailure? {
        locked {
            order = next
            pthread_cond_signal(ordered)
            defer { failure = nil }
            return failure
        }
    }

    /// Takes back what was ordered, and waits so long for the pass that is under way to end; whether none is then.
    /// SQLite does not wait: of two checkpoints at once the second fails, whatever its busy timeout is.
    func rest(within milliseconds: Int32) -> Bool {
        var limit = timespec()
        clock_gettime(CLOCK_MONOTONIC, &limit)
        let nanoseconds = limit.tv_nsec + Int(milliseconds % 1_000) * 1_000_000
        limit.tv_sec += Int(milliseconds / 1_000) + nanoseconds / 1_000_000_000
        limit.tv_nsec = nanoseconds % 1_000_000_000
        return locked {
            order = .wait
            isInTheWay = true
            defer { isInTheWay = false }
            while isAtWork {
                if pthread_cond_timedwait(ended, mutex, &limit) == ETIMEDOUT { break }
            }
            return !isAtWork
        }
    }

    /// Whether it has caught up since it was last asked.
    func takeCaughtUp() -> Bool {
        locked {
            defer { hasCaughtUp = false }
            return hasCaughtUp
        }
    }

    /// Waits for the thread to end and closes its connection.
    func stop(keepLog: Bool) {
        locked {
            order = .stop
            pthread_cond_signal(ordered)
        }
        if let thread { pthread_join(thread, nil) }
        thread = nil
        connection.keepLogOnClose(keepLog)
        connection.close()
    }

    private func run() {
        while true {
            let order = next()
            if order == .stop { return }
            do throws(SQLiteFailure) {
                if order == .catchUp {
                    try catchUp()
                } else {
                    try connection.checkpoint(SQLITE_CHECKPOINT_PASSIVE)
                }
            } catch {
                // Busy means that the committer is at it, full that the log has to grow on; neither loses
                // anything.
                if error.code & 0xff != SQLITE_BUSY && !error.isFull { locked { failure = error } }
            }
            locked {
                if order == .catchUp { hasCaughtUp = true }
                isAtWork = false
                pthread_cond_signal(ended)
            }
        }
    }

    private func catchUp() throws(SQLiteFailure) {
        var before = 0
        for _ in 0..<Self.passesMax {
            let frames = try connection.checkpoint(SQLITE_CHECKPOINT_PASSIVE)
            if frames - before < Self.restFrames || locked({ isInTheWay }) { return }
            before = frames
        }
    }

    private func next() -> Order {
        locked {
            while order == .wait { pthread_cond_wait(ordered, mutex) }
            defer { if order != .stop { order = .wait } }
            isAtWork = order != .stop
            return order
        }
    }

    private func locked<Result>(_ body: () -> Result) -> Result {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        return body()
    }
}

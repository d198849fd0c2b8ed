// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import Engine
import NIOPosix
import Persistence
import Synchronization

/// The one thread on which the store is opened, committed to and closed.
///
/// A pool of one thread runs its jobs one after another, so `open`, the start-up reads, the commit loop and
/// `close` are all jobs of one pool. A commit that never returns (a dead disk) keeps its thread; the broker then
/// ends without it.
final class CommitThread: Sendable {
    /// How the commit loop ended.
    enum Ending: Sendable {
        /// Everything that was handed over is committed.
        case settled
        /// Time was up; the sentence says what is missing.
        case late(String)
        /// Time was up and a commit has not returned: the thread is lost.
        case stuck
        /// The store is another broker's, or not what it was.
        case lost(StoreError)
    }

    let signal = WakeSignal()
    private let store: any Store
    private let pool = NIOThreadPool(numberOfThreads: 1)
    private let deadline = Mutex<Milliseconds?>(nil)
    /// Whether the event loops are there to be woken.
    private let hasLoops = Mutex(true)

    init(store: any Store) {
        self.store = store
        pool.start()
    }

    /// Runs `body` on the thread, before `commit` or after it has ended. A cancelled task waits like any other:
    /// a store that was opened is closed.
    func run<Value: Sendable>(_ body: @escaping @Sendable () throws -> Value) async throws -> Value {
        try await withCheckedThrowingContinuation { continuation in
            pool.submit { state in
                switch state {
                case .active: continuation.resume(with: Result { try body() })
                case .cancelled: continuation.resume(throwing: CancellationError())
                }
            }
        }
    }

    /// Starts committing; `ended` is called on the thread once `stop` has been called and all is settled, or the
    /// time for that is over, or the store is lost.
    func commit(
        _ makeCommitter: @escaping @Sendable () -> Committer, machinery: Machinery,
        ended: @escaping @Sendable (Ending) -> Void
    ) {
        pool.submit { [self] state in
            guard case .active = state else { return }
            var committer = makeCommitter()
            ended(loop(&committer, machinery))
        }
    }

    /// Ends the commit loop when everything is committed, at the latest at `time`.
    func stop(at time: Milliseconds) {
        deadline.withLock { $0 = time }
        signal.signal()
    }

    /// Ends the thread once its jobs are done; does not wait for it. A commit that returns later wakes nobody: the
    /// event loops may be gone by then.
    func shutDown() {
        hasLoops.withLock { $0 = false }
        pool.shutdownGracefully { _ in }
    }

    private func loop(_ committer: inout Committer, _ machinery: Machinery) -> Ending {
        var log = StoreLog(machinery.logger)
        var watch = StoreWatch(store)
        while true {
            let outcome = step(&committer, machinery.clock)
            log.look(at: committer.health, isIdle: committer.isIdle, now: machinery.clock.now)
            wake(committer.takeWakes(), machinery)
            var left = Int.max
            if let deadline = deadline.withLock({ $0 }) {
                left = Int(deadline - machinery.clock.now)
                if case .pause = outcome, machinery.commons.isSettled { return .settled }
                if left <= 0 { return .late("\(machinery.commons.queuedBytes) bytes were not committed") }
            }
            switch outcome {
            case .done: watch.stands(at: machinery.clock.now)
            case .lost(let error): return .lost(error)
            case .pause(let milliseconds):
                if committer.isIdle, let error = watch.look(at: machinery.clock.now) {
                    committer.failedReading(error, now: machinery.clock.now)
                    continue
                }
                signal.wait(milliseconds: min(milliseconds ?? .max, left, StoreWatch.milliseconds))
            }
        }
    }

    private func wake(_ shards: [Int], _ machinery: Machinery) {
        guard !shards.isEmpty else { return }
        hasLoops.withLock { hasLoops in
            guard hasLoops else { return }
            for shard in shards { machinery.loops[shard].wake() }
        }
    }

    private enum Outcome {
        case done
        case pause(milliseconds: Int?)
        case lost(StoreError)
    }

    /// Does what the committer decides.
    private func step(_ committer: inout Committer, _ clock: BrokerClock) -> Outcome {
        switch committer.next(now: clock.now) {
        case .commit:
            do {
                try store.commit(committer.batch)
                committer.committed(now: clock.now)
            } catch {
                committer.failed(error, now: clock.now)
            }
        case .reopen:
            do {
                store.close()
                try store.openAgain()
                committer.reopened(now: clock.now)
            } catch {
                committer.failed(error, now: clock.now)
            }
        case .wait(let milliseconds): return .pause(milliseconds: milliseconds)
        case .end(let error): return .lost(error)
        }
        return .done
    }
}

extension Store {
    /// A broker that serves does not stand by: what another one has is lost.
    fileprivate func openAgain() throws(StoreError) {
        guard let store = self as? any LeasedStore else { return try open() }
        try store.open { _ in false }
    }
}

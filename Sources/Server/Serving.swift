// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import Engine
import Logging
import NIOCore
import Persistence
import Synchronization

/// The threads of a broker that serves, from the start of its loops to the end of its store.
struct Serving {
    let machinery: Machinery
    private let store: any Store
    private let thread: CommitThread
    private let committed = Latch<CommitThread.Ending>()
    private let drainSeconds: Int

    /// Starts the committer, the readers and the loops; there are no connections yet. `lost` is called when the
    /// broker must end because the store is another's, or not what it was.
    init(
        _ restored: Restored, thread: CommitThread, options: BrokerOptions, logger: Logger,
        lost: @escaping @Sendable (BrokerError) -> Void
    ) async throws {
        let machinery = Machinery(
            loops: restored.loops, commons: restored.commons, commitSignal: thread.signal,
            readers: ReaderPool(store: restored.store, threads: options.readerThreads),
            clock: restored.clock, logger: logger)
        let committed = committed
        let syncs = restored.store.durability != .memory
        thread.commit(
            { Committer(commons: restored.commons, after: restored.found.sysInfo, delaysCommits: syncs) },
            machinery: machinery
        ) { ending in
            committed.set(.success(ending))
            if case .lost(let error) = ending { lost(Serving.lost(error)) }
        }
        for loop in restored.loops { try await loop.eventLoop.submit { loop.start(in: machinery) }.get() }
        self.machinery = machinery
        self.thread = thread
        store = restored.store
        drainSeconds = options.drainDelayMaxSeconds
    }

    /// Stops accepting, says goodbye to every client, commits what is left and closes the store.
    func end(_ channels: [any Channel]) async throws {
        let count = machinery.commons.connectionCount.load(ordering: .relaxed)
        machinery.logger.info("shutting down", metadata: ["connections": "\(count)"])
        for channel in channels {
            channel.close(promise: nil)
            try await channel.closeFuture.get()
        }
        let emptied = machinery.loops.map { loop in loop.eventLoop.flatSubmit { loop.shutDown() } }
        for future in emptied { try await future.get() }
        let drained = await drain()
        await machinery.readers.shutDown()
        for loop in machinery.loops { try await loop.eventLoop.submit { loop.stop() }.get() }
        try await close(after: drained)
    }

    private func close(after ending: CommitThread.Ending) async throws {
        let why: String
        switch ending {
        case .settled: return try await closeStore()
        case .late(let missing):
            try await closeStore()
            why = missing
        case .stuck: why = "a commit has not returned"
        case .lost(let error):
            try await closeStore()
            throw Serving.lost(error)
        }
        throw BrokerError(
            .drainFailed,
            """
            Not everything that was received could be committed within \(drainSeconds) s: \(why). Nothing that \
            was acknowledged is lost; the log names the trouble of the store.
            """)
    }

    private static func lost(_ error: StoreError) -> BrokerError {
        BrokerError(
            .store,
            "The broker has ended because it cannot go on with its store: \(error.message)"
        )
    }

    private func closeStore() async throws {
        let store = store
        try await thread.run { store.close() }
    }

    /// Waits for the committer, but no longer than the options say, even if a commit never returns.
    private func drain() async -> CommitThread.Ending {
        let milliseconds = Milliseconds(drainSeconds) * 1000
        thread.stop(at: machinery.clock.now + milliseconds)
        let committed = committed
        let timeout = machinery.loops[0].eventLoop.scheduleTask(in: .milliseconds(milliseconds + 100)) {
            committed.set(.success(.stuck))
        }
        defer { timeout.cancel() }
        // A shutdown by cancellation has to drain too, so the wait must not see the cancellation.
        let result = await Task { try await committed.value() }.result
        return switch result {
        case .success(let ending): ending
        case .failure(let error): .late("\(error)")
        }
    }
}

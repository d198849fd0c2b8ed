// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import Engine
import Logging
import NIOCore
import NIOPosix
import Persistence
import ServiceLifecycle
import Synchronization

extension Broker {
    /// Serves until a graceful shutdown or a cancellation.
    ///
    /// Opens the store, restores what is stored, opens the listeners. A shutdown closes the listeners, sends
    /// DISCONNECT 0x8B to every client, and commits what has been received; it counts connections as a crash
    /// does, so delayed wills and session expiry take their course at the next start. Throws a `BrokerError` when
    /// the broker cannot start, and when not everything could be committed within `drainDelayMaxSeconds`.
    public func run() async throws {
        do {
            let plan = try begin()
            try await serve(plan)
            end(.success(()))
        } catch {
            end(.failure(error))
            throw error
        }
    }

    private func begin() throws(BrokerError) -> Plan {
        try options.validate()
        return phase.withLock { phase in
            guard case .planning(let plan) = phase else { preconditionFailure("a broker runs once") }
            phase = .starting
            return plan
        }
    }

    private func end(_ result: Result<Void, any Error>) {
        phase.withLock { $0 = .ended }
        let error: any Error =
            if case .failure(let error) = result { error } else { Broker.notRunning }
        started.set(.failure(error))
    }

    static let notRunning = BrokerError(.notRunning, "The broker is not running.")

    private func serve(_ plan: Plan) async throws {
        guard let store = plan.store else {
            throw BrokerError(
                .noStore,
                "The broker has no store; add one before run(), for example a SQLiteStore or a MemoryStore.")
        }
        let addresses = try plan.listeners.map { listener throws(BrokerError) in try permitted(listener) }
        let group = MultiThreadedEventLoopGroup(numberOfThreads: options.eventLoops)
        let thread = CommitThread(store: store)
        do {
            let restored = try await restore(store, hooks: plan.hooks, group: group, thread: thread)
            try await serve(restored, Array(zip(plan.listeners, addresses)), group: group, thread: thread)
        } catch {
            thread.shutDown()
            try await group.shutdownGracefully()
            throw error
        }
        thread.shutDown()
        try await group.shutdownGracefully()
    }

    /// The resolved address of a listener that may be opened; nothing has been touched so far.
    private func permitted(_ listener: Listener) throws(BrokerError) -> SocketAddress {
        let address = try listener.address.resolved()
        guard options.allowsAnonymous || ListenAddress.isLoopback(address) else {
            throw BrokerError(
                .notLoopback,
                """
                Listening on \(listener.address) would let anyone who can reach this machine in without a password; \
                listen on 127.0.0.1, or allow it with --allow-anonymous (BrokerOptions.allowsAnonymous).
                """)
        }
        try Acceptor.probe(address)
        return address
    }

    private func restore(
        _ store: any Store, hooks: [any Hook], group: MultiThreadedEventLoopGroup, thread: CommitThread
    ) async throws -> Restored {
        let eventLoops = Array(group.makeIterator())
        let limits = options.limits
        do {
            return try await thread.run {
                try Restored(opening: store, hooks: hooks, limits: limits, eventLoops: eventLoops)
            }
        } catch let error as StoreError {
            throw BrokerError(.store, error.message)
        }
    }

    private func serve(
        _ restored: Restored, _ listeners: [(Listener, SocketAddress)], group: MultiThreadedEventLoopGroup,
        thread: CommitThread
    ) async throws {
        let machinery = Machinery(
            loops: restored.loops, commons: restored.commons, commitSignal: thread.signal,
            readers: ReaderPool(store: restored.store, threads: options.readerThreads), clock: restored.clock,
            logger: logger)
        let committed = Latch<CommitThread.Ending>()
        thread.commit({ Committer(commons: restored.commons, after: restored.found.sysInfo) }, machinery: machinery)
        { committed.set(.success($0)) }
        for loop in restored.loops { try await loop.eventLoop.submit { loop.start(in: machinery) }.get() }
        phase.withLock { $0 = .running(machinery) }

        var channels: [any Channel] = []
        var failure: (any Error)?
        do {
            for (listener, address) in listeners {
                channels.append(
                    try await Acceptor.bind(listener, at: address, group: group, loops: restored.loops))
            }
            announce(restored, listeners.map(\.0), channels)
            await untilShutdown()
            logger.info("shutting down", metadata: ["connections": "\(restored.commons.connectionCount.load(ordering: .relaxed))"])
        } catch {
            failure = error
        }
        try await close(channels, machinery: machinery)
        let drained = await drain(thread, committed, machinery)
        await stop(machinery)
        if case .settled = drained {
            let store = restored.store
            try await thread.run { store.close() }
        }
        if let failure { throw failure }
        if case .late(let why) = drained {
            throw BrokerError(
                .drainFailed,
                "The store did not take everything within \(options.drainDelayMaxSeconds) s: \(why); see the log for its error."
            )
        }
    }

    private func announce(_ restored: Restored, _ listeners: [Listener], _ channels: [any Channel]) {
        let endpoints = zip(listeners, channels).map { listener, channel in
            StartReport.Endpoint(
                name: listener.name, address: channel.localAddress.map(ListenAddress.text) ?? "",
                port: channel.localAddress?.port ?? 0)
        }
        let report = restored.report(endpoints: endpoints)
        report.log(to: logger)
        started.set(.success(report))
    }

    private func untilShutdown() async {
        await withGracefulShutdownHandler {
            do {
                try await ending.value()
            } catch {
                // The task was cancelled, which is a shutdown like any other.
            }
        } onGracefulShutdown: { [ending] in
            ending.set(.success(()))
        }
    }

    /// Stops accepting, then says goodbye to every client.
    private func close(_ channels: [any Channel], machinery: Machinery) async throws {
        for channel in channels { try await channel.close().get() }
        let emptied = machinery.loops.map { loop in loop.eventLoop.flatSubmit { loop.shutDown() } }
        for future in emptied { try await future.get() }
    }

    /// Waits for the committer, at most as long as the options say, even if a commit never returns.
    private func drain(
        _ thread: CommitThread, _ committed: Latch<CommitThread.Ending>, _ machinery: Machinery
    ) async -> CommitThread.Ending {
        thread.stop(at: machinery.clock.now + drainMilliseconds)
        let timeout = machinery.loops[0].eventLoop.scheduleTask(
            in: .milliseconds(drainMilliseconds + 100)
        ) {
            committed.set(.success(.late("a commit has not returned")))
        }
        defer { timeout.cancel() }
        // A shutdown by cancellation still has to drain, so the wait must not see the cancellation.
        let result = await Task { try await committed.value() }.result
        return switch result {
        case .success(let ending): ending
        case .failure(let error): .late("\(error)")
        }
    }

    private var drainMilliseconds: Milliseconds { Milliseconds(options.drainDelayMaxSeconds) * 1000 }

    private func stop(_ machinery: Machinery) async {
        await machinery.readers.shutDown()
        for loop in machinery.loops {
            do {
                try await loop.eventLoop.submit { loop.stop() }.get()
            } catch {
                logger.error("an event loop did not stop: \(error)")
            }
        }
    }
}

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
    /// Opens the store, restores what is stored, opens the listeners. A store that one broker has at a time (Redis)
    /// and that another one has is waited for: this broker stands by, and takes over. A shutdown closes the
    /// listeners, sends DISCONNECT 0x8B to every client, and commits what has been received; it counts
    /// connections as a crash does, so delayed wills and session expiry take their course at the next start. Throws
    /// a `BrokerError` when the broker cannot start, when not everything could be committed within
    /// `drainDelayMaxSeconds`, and when its store was taken over by another broker or came back without what was
    /// acknowledged.
    public func run() async throws {
        do {
            let plan = try begin()
            try await serve(plan)
            end(Broker.notRunning)
        } catch {
            end(error)
            throw error
        }
    }

    static let notRunning = BrokerError(.notRunning, "The broker is not running.")

    private func begin() throws(BrokerError) -> Plan {
        try options.validate()
        return phase.withLock { phase in
            guard case .planning(let plan) = phase else { preconditionFailure("a broker runs once") }
            phase = .starting
            return plan
        }
    }

    /// Whoever still waits for the start learns why there was none.
    private func end(_ error: any Error) {
        phase.withLock { $0 = .ended }
        started.set(.failure(error))
    }

    private func serve(_ plan: Plan) async throws {
        guard let store = plan.store else {
            throw BrokerError(
                .noStore, "The broker has no store; add one before run(), for example a MemoryStore.")
        }
        let places = try plan.listeners.map { listener throws(BrokerError) in
            Place(listener: listener, address: try permitted(listener))
        }
        let group = MultiThreadedEventLoopGroup(numberOfThreads: options.eventLoops)
        let thread = CommitThread(store: store)
        do {
            if let restored = try await restore(store, hooks: plan.hooks, group: group, thread: thread) {
                try await serve(restored, at: places, group: group, thread: thread)
            }
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
                Listening on \(listener.address) would let anyone who can reach this machine in without a \
                password; listen on 127.0.0.1, or allow it with --allow-anonymous \
                (BrokerOptions.allowsAnonymous).
                """)
        }
        try Acceptor.probe(address)
        return address
    }

    /// `nil` when the broker is to end while it stands by for its store.
    private func restore(
        _ store: any Store, hooks: [any Hook], group: MultiThreadedEventLoopGroup, thread: CommitThread
    ) async throws -> Restored? {
        let eventLoops = Array(group.makeIterator())
        let limits = options.limits
        let standby = Standby(until: ending, logger: logger)
        do {
            return try await endingEarly {
                try await thread.run {
                    try Restored(
                        opening: store, standby, hooks: hooks, limits: limits, eventLoops: eventLoops)
                }
            }
        } catch let error as StoreError {
            if standby.hasEnded { return nil }
            throw BrokerError(.store, error.message)
        }
    }

    /// A graceful shutdown, or a cancellation, that comes before the broker serves ends it as soon as it can.
    private func endingEarly<Result: Sendable>(
        _ body: @Sendable () async throws -> Result
    ) async throws -> Result {
        try await withGracefulShutdownHandler {
            try await withTaskCancellationHandler(operation: body) { [ending] in ending.set(.success(())) }
        } onGracefulShutdown: { [ending] in
            ending.set(.success(()))
        }
    }

    private func serve(
        _ restored: Restored, at places: [Place], group: MultiThreadedEventLoopGroup, thread: CommitThread
    ) async throws {
        let serving = try await Serving(restored, thread: thread, options: options, logger: logger) {
            [ending] in ending.set(.failure($0))
        }
        phase.withLock { $0 = .running(serving.machinery) }
        var channels: [any Channel] = []
        var failure: (any Error)?
        do {
            for place in places {
                channels.append(
                    try await Acceptor.bind(
                        place.listener, at: place.address, group: group, loops: restored.loops))
            }
            announce(restored, places, channels)
            try await untilShutdown(channels)
        } catch {
            failure = error
            logger.error("\(error)")
        }
        try await serving.end(channels)
        if let failure { throw failure }
    }

    private func announce(_ restored: Restored, _ places: [Place], _ channels: [any Channel]) {
        let endpoints = zip(places, channels).map { place, channel in
            StartReport.Endpoint(
                name: place.listener.name,
                address: channel.localAddress.map { "\(ListenAddress.text($0))" } ?? "",
                port: channel.localAddress?.port ?? 0)
        }
        let report = restored.report(
            endpoints: endpoints, acknowledgesBeforeCommit: options.acknowledgesBeforeCommit)
        report.log(to: logger)
        if let expected = options.durabilityExpected { report.warn(below: expected, to: logger) }
        started.set(.success(report))
    }

    private func untilShutdown(_ channels: [any Channel]) async throws {
        for channel in channels {
            let place: Text = channel.localAddress.map(ListenAddress.text) ?? "an address"
            channel.closeFuture.whenComplete { [ending] _ in
                ending.set(
                    .failure(
                        BrokerError(.addressUnavailable, "The system has closed the listener on \(place).")))
            }
        }
        try await withGracefulShutdownHandler {
            do {
                try await ending.value()
            } catch is CancellationError {
                // The task was cancelled, which is a shutdown like any other.
            }
        } onGracefulShutdown: { [ending] in
            ending.set(.success(()))
        }
        // Whatever it was: the end of the listeners that follows is no failure.
        ending.set(.success(()))
    }
}

/// A listener and where it will listen.
private struct Place {
    var listener: Listener
    var address: SocketAddress
}

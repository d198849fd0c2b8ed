// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import Persistence
import Synchronization

/// The connections that read, each used by one thread at a time.
///
/// Connections are made when they are needed and kept, up to a number, for the next reader. One that was idle
/// may have died meanwhile, so what fails on it is tried once more on a new one.
final class ReaderPool: Sendable {
    private struct State {
        var idle: [Connection] = []
        var isOpen = false
        /// Rises with each opening, so that a connection of an earlier one is not taken back.
        var generation = 0
    }

    private let options: RedisStore.Options
    private let location: String
    private let backoff: Backoff
    private let state = Mutex(State())

    init(_ options: RedisStore.Options, _ backoff: Backoff) {
        self.options = options
        self.location = options.location
        self.backoff = backoff
    }

    func open() {
        state.withLock { state in
            state.isOpen = true
            state.generation += 1
        }
    }

    func close() {
        let idle = state.withLock { state in
            state.isOpen = false
            defer { state.idle = [] }
            return state.idle
        }
        _ = idle
    }

    /// Runs a script that reads.
    func run(_ script: Script, _ arguments: [Argument]) throws(StoreError) -> Reply {
        try exchange { (connection) throws(RedisFailure) in
            try connection.run(script, options.keyPrefix, arguments)
        }
    }

    /// Lends a connection to `body`.
    func exchange(_ body: (Connection) throws(RedisFailure) -> Reply) throws(StoreError) -> Reply {
        let (idle, generation) = try take()
        do throws(RedisFailure) {
            guard let idle else { return try attempt(body, try connect(), generation) }
            do throws(RedisFailure) {
                return try attempt(body, idle, generation)
            } catch {
                if case .refused = error, error.meaning != .scriptForgotten { throw error }
                return try attempt(body, try connect(), generation)
            }
        } catch {
            if case .lost = error { backoff.failed(error) }
            throw error.reading(location)
        }
    }

    private func attempt(
        _ body: (Connection) throws(RedisFailure) -> Reply, _ connection: Connection, _ generation: Int
    ) throws(RedisFailure) -> Reply {
        let reply = try body(connection)
        state.withLock { state in
            if state.isOpen, state.generation == generation, state.idle.count < options.idleReadersMax {
                state.idle.append(connection)
            }
        }
        return reply
    }

    private func take() throws(StoreError) -> (Connection?, Int) {
        try state.withLock { (state) throws(StoreError) -> (Connection?, Int) in
            guard state.isOpen else { throw StoreError(.unavailable, "The store \(location) is not open.") }
            return (state.idle.popLast(), state.generation)
        }
    }

    private func connect() throws(RedisFailure) -> Connection {
        try backoff.check()
        do throws(RedisFailure) {
            let connection = try Connection(options)
            backoff.succeeded()
            return connection
        } catch {
            backoff.failed(error)
            throw error
        }
    }
}

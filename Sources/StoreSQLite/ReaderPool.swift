// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import CSQLite
import Persistence
import Synchronization

/// The connections that read, each used by one thread at a time.
///
/// Readers see the last committed state and keep nobody waiting. Connections are made when they are needed
/// and kept, up to a number, for the next reader.
final class ReaderPool: Sendable {
    /// How readers open the database.
    enum Mode {
        /// Read and write, because a reader may be the one who has to rebuild the log's index.
        case shared
        /// The same, and the last one leaves the log as it is.
        case sharedKeepingLog
        /// Without locks and log: nobody else can write.
        case immutable
    }

    private struct State {
        /// Without links; see `DatabaseFile`.
        var path = ""
        var idle: [Connection] = []
        var isOpen = false
        var mode = Mode.shared
        /// Rises with each opening, so that a connection of an earlier one is not taken back.
        var generation = 0
    }

    /// What people call the database.
    private let location: String
    private let idleMax: Int
    private let state = Mutex(State())

    init(_ location: String, idleMax: Int) {
        self.location = location
        self.idleMax = idleMax
    }

    /// Lends connections to the database at a path from now on.
    func open(_ path: String, _ mode: Mode = .shared) {
        state.withLock { state in
            state.path = path
            state.isOpen = true
            state.mode = mode
            state.generation += 1
        }
    }

    /// The path of the database that is open.
    var path: String { state.withLock { $0.path } }

    func close() {
        let idle = state.withLock { state in
            state.isOpen = false
            defer { state.idle = [] }
            return state.idle
        }
        _ = idle
    }

    /// Lends a connection to `body`; one that failed is not used again.
    func read<Result>(_ body: (Connection) throws(StoreError) -> Result) throws(StoreError) -> Result {
        let (connection, generation) = try take()
        let result = try body(connection)
        state.withLock { state in
            if state.isOpen, state.generation == generation, state.idle.count < idleMax {
                state.idle.append(connection)
            }
        }
        return result
    }

    /// Lends a connection of its own to `body`, for what nobody should have to do with afterwards.
    func readOnce<Result>(_ body: (Connection) throws(StoreError) -> Result) throws(StoreError) -> Result {
        let isOpen = state.withLock { $0.isOpen }
        guard isOpen else { throw StoreError(.unavailable, "The database \(location) is not open.") }
        return try body(try connect())
    }

    private func take() throws(StoreError) -> (Connection, Int) {
        let (idle, generation) = try state.withLock { (state) throws(StoreError) -> (Connection?, Int) in
            guard state.isOpen else {
                throw StoreError(.unavailable, "The database \(location) is not open.")
            }
            return (state.idle.popLast(), state.generation)
        }
        if let idle { return (idle, generation) }
        return (try connect(), generation)
    }

    private func connect() throws(StoreError) -> Connection {
        do throws(SQLiteFailure) {
            let (path, mode) = state.withLock { ($0.path, $0.mode) }
            let connection = try connection(path, mode)
            try connection.execute("PRAGMA query_only=ON")
            return connection
        } catch {
            throw error.storeError(location, .reading)
        }
    }

    private func connection(_ path: String, _ mode: Mode) throws(SQLiteFailure) -> Connection {
        if case .immutable = mode {
            let address = "file:\(Self.encoded(path))?immutable=1"
            return try Connection(address, flags: SQLITE_OPEN_READONLY | SQLITE_OPEN_URI)
        }
        let connection = try Connection(path, flags: SQLITE_OPEN_READWRITE)
        if case .sharedKeepingLog = mode { connection.keepLogOnClose(true) }
        return connection
    }

    /// A path as it stands in an address: every byte that may mean something there as two digits.
    private static func encoded(_ path: String) -> String {
        path.utf8.reduce(into: "") { text, byte in
            let scalar = Unicode.Scalar(byte)
            let isPlain =
                scalar.isASCII
                && (scalar.properties.isAlphabetic || "0123456789/._-".unicodeScalars.contains(scalar))
            text += isPlain ? String(scalar) : "%" + (byte < 16 ? "0" : "") + String(byte, radix: 16)
        }
    }
}

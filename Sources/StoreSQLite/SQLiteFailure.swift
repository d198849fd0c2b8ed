// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import CSQLite
import Glibc
import Persistence

/// What SQLite answered when it could not do something.
struct SQLiteFailure: Error {
    /// Where in the life of a store it happened; the same code means different things there.
    enum Phase {
        case opening, changing, committing, reading
    }

    /// The extended result code.
    let code: Int32
    /// The system's error number behind it, or zero.
    let systemError: Int32
    /// SQLite's own words.
    let text: String

    init(_ code: Int32, systemError: Int32 = 0, text: String) {
        self.code = code
        self.systemError = systemError
        self.text = text
    }

    /// Reads code and words off a connection.
    init(_ database: OpaquePointer?) {
        let code = sqlite3_extended_errcode(database)
        let text = sqlite3_errmsg(database).map { String(cString: $0) } ?? "out of memory"
        self.init(code, systemError: sqlite3_system_errno(database), text: text)
    }

    /// Whether the disk had no room.
    var isFull: Bool {
        code & 0xff == SQLITE_FULL
            || (code & 0xff == SQLITE_IOERR && (systemError == ENOSPC || systemError == EDQUOT))
    }

    /// What it means for the caller.
    func storeError(_ path: String, _ phase: Phase) -> StoreError {
        if isFull {
            return StoreError(
                .retry, "The disk under \(path) is full: make room, or let consumers drain their queues.")
        }
        switch code & 0xff {
        case SQLITE_CORRUPT, SQLITE_NOTADB:
            return StoreError(
                .corrupt,
                "The database \(path) is damaged (\(text)): keep a copy of it and run `roost verify` "
                    + "(PRAGMA integrity_check) on it.")
        case SQLITE_TOOBIG:
            return StoreError(.refused, "A record is too large for SQLite in \(path) (\(text)).")
        case SQLITE_CONSTRAINT:
            return StoreError(.refused, "A batch contradicts what \(path) holds (\(text)).")
        default:
            return other(path, phase)
        }
    }

    private func other(_ path: String, _ phase: Phase) -> StoreError {
        let reason = systemError == 0 ? text : "\(text): \(String(cString: strerror(systemError)))"
        switch (phase, code & 0xff) {
        case (.opening, SQLITE_BUSY), (.opening, SQLITE_LOCKED):
            return StoreError(.inUse, "The database \(path) is in use by another program (\(reason)).")
        case (.opening, _):
            return StoreError(
                .unavailable, "The database \(path) cannot be opened (\(reason)): check its directory.")
        case (.reading, _):
            return StoreError(.retry, "Reading from \(path) failed (\(reason)).")
        case (.changing, SQLITE_BUSY), (.changing, SQLITE_NOMEM):
            return StoreError(.retry, "Writing to \(path) has to wait (\(reason)).")
        case (.changing, _), (.committing, _):
            return StoreError(
                .reopen,
                "Writing to \(path) failed and what became of it is unknown (\(reason)): check the disk.")
        }
    }
}

// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import CLMDB
import Glibc
import Persistence

/// What LMDB answered when it could not do something.
struct LMDBFailure: Error {
    /// Where in the life of a store it happened; the same code means different things there.
    enum Phase {
        case opening, changing, committing, reading
    }

    /// LMDB's code when it is negative, else the system's.
    let code: Int32
    /// More than the code says; may be empty.
    let detail: String

    init(_ code: Int32, _ detail: String = "") {
        self.code = code
        self.detail = detail
    }

    /// A record beyond the limit, or one that contradicts what is stored.
    static func refused(_ detail: String) -> LMDBFailure { LMDBFailure(MDB_BAD_VALSIZE, detail) }
    /// Bytes that cannot be what they should be.
    static func corrupt(_ detail: String) -> LMDBFailure { LMDBFailure(MDB_CORRUPTED, detail) }
    /// A long look at everything has to begin anew because the map is about to move.
    static let interrupted = LMDBFailure(EINTR, "the map has to grow")

    /// A long look at everything keeps pages from being used again, and the file has grown too much meanwhile.
    static func outrun(_ bytes: Int) -> LMDBFailure {
        LMDBFailure(EBUSY, "it has grown by \(bytes) bytes meanwhile: end the broker first")
    }

    /// Throws unless `status` is success.
    static func check(_ status: Int32) throws(LMDBFailure) {
        if status != MDB_SUCCESS { throw LMDBFailure(status) }
    }

    /// Whether there was no room, on the disk or in the map.
    var isFull: Bool {
        code == MDB_MAP_FULL || code == ENOSPC || code == EDQUOT || code == EFBIG
    }

    /// What it means for the caller.
    func storeError(_ path: String, _ phase: Phase) -> StoreError {
        if isFull { return full(path, phase) }
        switch code {
        case MDB_CORRUPTED, MDB_PAGE_NOTFOUND, MDB_INVALID, MDB_INCOMPATIBLE, MDB_BAD_DBI:
            return StoreError(
                .corrupt,
                "The database \(path)/data.mdb is damaged (\(reason)): keep a copy of it and run `roost verify`."
            )
        case MDB_VERSION_MISMATCH:
            return FileHeader.newer(path, "a newer LMDB (\(reason))")
        case MDB_BAD_VALSIZE, MDB_TXN_FULL, MDB_KEYEXIST:
            return StoreError(.refused, "LMDB cannot take a batch for \(path) (\(reason)).")
        default:
            return other(path, phase)
        }
    }

    private var reason: String {
        let words = String(cString: mdb_strerror(code))
        return detail.isEmpty ? words : detail
    }

    private func full(_ path: String, _ phase: Phase) -> StoreError {
        let what =
            code == MDB_MAP_FULL
            ? "The map of \(path) has reached its limit" : "The disk under \(path) is full"
        return StoreError(
            phase == .opening ? .unavailable : .retry,
            "\(what): make room, or let consumers drain their queues.")
    }

    private func other(_ path: String, _ phase: Phase) -> StoreError {
        switch (phase, code) {
        case (.opening, _):
            return StoreError(
                .unavailable, "The database \(path) cannot be opened (\(reason)): check its directory.")
        case (.reading, _):
            return StoreError(.retry, "Reading from \(path) failed (\(reason)).")
        case (.changing, ENOMEM), (.changing, EBUSY), (.changing, EINTR):
            return StoreError(.retry, "Writing to \(path) has to wait (\(reason)).")
        case (.changing, _), (.committing, _):
            return StoreError(
                .reopen,
                "Writing to \(path) failed and what became of it is unknown (\(reason)): check the disk.")
        }
    }
}

/// Runs `body` and gives a failure its meaning.
func translating<Result>(
    _ path: String, _ phase: LMDBFailure.Phase, _ body: () throws(LMDBFailure) -> Result
) throws(StoreError) -> Result {
    do throws(LMDBFailure) {
        return try body()
    } catch {
        throw error.storeError(path, phase)
    }
}

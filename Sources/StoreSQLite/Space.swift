// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import CSQLite
import Glibc

/// Why a full disk leaves room for what makes room.
///
/// Removals need log space, and a client record may need a page. So both files keep blocks ready that nobody
/// else can take: the log is allocated `storeReserveBytes` ahead when the database is opened and is used over
/// and over, and the database file is extended before a batch is committed until it has room for every page of
/// it and, if the batch grows what is stored, for the reserve on top (free pages count). A growing batch that
/// cannot have that is undone and waits; others only need their own pages, which come out of the reserve.
/// Writing the log back therefore never needs a new block, and a log that cannot grow is written back and used
/// from its start again.
final class Space {
    private let connection: Connection
    private let path: String
    private let reserve: Int64
    private let pageSize: Int64
    private let pageCount: Statement
    private let freePageCount: Statement

    init(_ connection: Connection, _ path: String, _ options: SQLiteStore.Options) throws(SQLiteFailure) {
        self.connection = connection
        self.path = path
        reserve = Int64(options.storeReserveBytes)
        pageSize = try connection.integer("PRAGMA page_size")
        pageCount = try connection.prepare("PRAGMA page_count")
        freePageCount = try connection.prepare("PRAGMA freelist_count")
        connection.setChunk(options.storeReserveBytes)
    }

    /// Extends the file as far as the open transaction needs; fails with `SQLITE_FULL`.
    func ensure(grows: Bool) throws(SQLiteFailure) {
        let used = try value(pageCount) * pageSize
        let free = try value(freePageCount) * pageSize
        let needed = used + (grows ? max(0, reserve - free) : 0)
        if needed <= fileSize(path) ?? 0 { return }
        var hint = needed
        let status = sqlite3_file_control(connection.pointer, "main", SQLITE_FCNTL_SIZE_HINT, &hint)
        if status != SQLITE_OK || needed > fileSize(path) ?? 0 {
            throw SQLiteFailure(SQLITE_FULL, systemError: ENOSPC, text: "the reserve cannot be kept")
        }
    }

    private func value(_ statement: Statement) throws(SQLiteFailure) -> Int64 {
        defer { statement.reset() }
        return try statement.step() ? statement.integer(0) : 0
    }
}

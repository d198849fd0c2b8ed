// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import CSQLite
import Glibc

/// Why a full disk leaves room for what makes room.
///
/// Beside the database lies a *ballast*: a file of `storeReserveBytes` that holds nothing but blocks. When the
/// disk is full, a batch that makes room gets them: the ballast is cut, and log and database grow into what it
/// leaves. Batches that grow what is stored never touch it; once it is gone they wait until it is there again,
/// or until the database has as many free pages of its own, which removals see to.
///
/// The database file is extended before a batch is committed until it has blocks for every page of it, so that
/// writing the log back needs none. SQLite cuts the file to its pages when it has written back everything;
/// should that race with a batch, the ballast is what is left to finish with.
///
/// The file is extended by a descriptor that stays open as long as the connections do: closing any descriptor of a file
/// gives up all locks of the process on it, SQLite's among them. Another program that looks into the database would then
/// take itself for the last one when it closes it, and remove the log of a broker that is writing to it.
final class Space {
    private let connection: Connection
    private let path: String
    /// Of the database file; closed when this object goes, after the connections.
    private let descriptor: Int32
    private let ballast: Ballast
    private let reserve: Int64
    private let pageSize: Int64
    private let pageCount: Statement
    private let freePageCount: Statement
    private var attempts = 0

    init(
        _ connection: Connection, _ path: String, _ ballast: Ballast, _ options: SQLiteStore.Options
    ) throws(SQLiteFailure) {
        self.connection = connection
        self.path = path
        self.ballast = ballast
        reserve = Int64(options.storeReserveBytes)
        pageSize = try connection.integer("PRAGMA page_size")
        pageCount = try connection.prepare("PRAGMA page_count")
        freePageCount = try connection.prepare("PRAGMA freelist_count")
        descriptor = Glibc.open(path, O_RDWR | O_CLOEXEC)
        let number = errno
        ballast.take()
        guard descriptor >= 0 else {
            throw SQLiteFailure(SQLITE_CANTOPEN, systemError: number, text: "the file cannot be opened again")
        }
    }

    deinit {
        if descriptor >= 0 { Glibc.close(descriptor) }
    }

    /// Sees to it that the open transaction has room; fails with `SQLITE_FULL`.
    func ensure(grows: Bool) throws(SQLiteFailure) {
        let isExtended = allocate(try value(pageCount) * pageSize)
        let hasReserve = grows ? try holdsReserve() : true
        if !isExtended || !hasReserve {
            throw SQLiteFailure(SQLITE_FULL, systemError: ENOSPC, text: "the reserve cannot be kept")
        }
    }

    /// Allocates the file up to this length where it is shorter; whether it has it then.
    private func allocate(_ bytes: Int64) -> Bool {
        guard let size = fileSize(path) else { return false }
        return size >= bytes || posix_fallocate(descriptor, 0, off_t(bytes)) == 0
    }

    private func holdsReserve() throws(SQLiteFailure) -> Bool {
        if ballast.isHeld { return true }
        if try value(freePageCount) * pageSize >= reserve {
            // The disk may have room again too; asking costs a system call, so not with every batch.
            attempts += 1
            if attempts % 64 == 0 { ballast.take() }
            return true
        }
        ballast.take()
        return ballast.isHeld
    }

    private func value(_ statement: Statement) throws(SQLiteFailure) -> Int64 {
        defer { statement.reset() }
        return try statement.step() ? statement.integer(0) : 0
    }
}

/// A file of blocks that are there when there are no others. It stays when the database is closed, so that a start
/// on a full disk has them too.
final class Ballast {
    private let path: String
    private let bytes: Int64
    private(set) var isHeld = false

    /// The ballast of a database; not yet taken.
    init(of database: String, bytes: Int) {
        path = Self.path(of: database)
        self.bytes = Int64(bytes)
        isHeld = (fileSize(path) ?? 0) >= self.bytes && bytes > 0
    }

    /// The file beside a database.
    static func path(of database: String) -> String { database + "-reserve" }

    /// Takes the blocks, if the disk has them.
    func take() {
        guard !isHeld, bytes > 0 else { return isHeld = true }
        let descriptor = Glibc.open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { return }
        defer { Glibc.close(descriptor) }
        isHeld = posix_fallocate(descriptor, 0, off_t(bytes)) == 0
        if !isHeld { ftruncate(descriptor, 0) }
    }

    /// Gives the blocks to whoever asks next; false if there were none to give.
    func release() -> Bool {
        guard isHeld, bytes > 0 else { return false }
        isHeld = false
        return truncate(path, 0) == 0
    }
}

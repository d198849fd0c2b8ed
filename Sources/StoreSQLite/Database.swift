// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import CSQLite
import Glibc
import Persistence

/// A database that is open for writing; used on the committer's thread, behind the store's lock.
final class Database {
    private let path: String
    private let lock: FileLock
    let writer: Writer
    private let space: Space
    private let ballast: Ballast
    let log: Log
    /// Why only closing is left to do: a sync failed, or something else left the outcome of a batch open.
    private var distrust: StoreError?

    /// Locks, checks, creates, recovers: in this order, so that nothing is written before it was checked.
    init(_ path: String, _ durability: Durability, _ options: SQLiteStore.Options) throws(StoreError) {
        self.path = path
        lock = try FileLock(path)
        try FileHeader.check(path)
        DatabaseFile.make(path)
        let connection = try translating(path, .opening) { () throws(SQLiteFailure) in
            let flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE
            return try Connection(path, flags: flags)
        }
        connection.keepLogOnClose(true)
        let ballast = Ballast(of: path, bytes: options.storeReserveBytes)
        self.ballast = ballast
        do throws(StoreError) {
            try connection.prepare(path, durability, options)
        } catch {
            // A full disk has room for the log, its index, and what is written back from it.
            guard error.code == .retry, ballast.release() else { throw error }
            try connection.prepare(path, durability, options)
        }
        let info = try connection.info(path)
        connection.keepLogOnClose(false)
        (writer, space, log) = try translating(path, .opening) { () throws(SQLiteFailure) in
            let isRecorded = try connection.recordedDurability() == durability
            if isRecorded { try connection.sync(for: durability) }
            return (
                try Writer(connection, options, info: info, unrecorded: isRecorded ? nil : durability),
                try Space(connection, path, ballast, options),
                try Log(connection, path, options)
            )
        }
    }

    /// Applies a batch. When the disk has no room for it, a second attempt is made after emptying the log, and for
    /// what makes room a third with the blocks of the ballast.
    func commit(_ batch: borrowing ChangeBatch) throws(StoreError) {
        if let distrust {
            throw StoreError(.reopen, "\(distrust.message) The database has to be opened again.")
        }
        if batch.number <= writer.info.batch { return }
        do throws(StoreError) {
            try attempt(batch)
        } catch {
            guard error.code == .retry else { throw error }
            try attemptAgain(batch)
        }
        watchLog()
    }

    private func attemptAgain(_ batch: borrowing ChangeBatch) throws(StoreError) {
        let isEmpty = log.restart()
        do throws(StoreError) {
            guard isEmpty else {
                throw StoreError(.retry, "The log of \(path) is full and still being read.")
            }
            return try attempt(batch)
        } catch {
            guard error.code == .retry, batch.makesRoom, ballast.release() else { throw error }
        }
        // Even a log that could not be emptied can grow now.
        _ = log.restart()
        try attempt(batch)
    }

    /// The batch is applied and synced whatever becomes of the log; a failure there is the next batch's.
    private func watchLog() {
        do throws(SQLiteFailure) {
            try log.checkpointIfDue()
        } catch {
            distrust = error.storeError(path, .committing)
        }
    }

    /// Closes the connection; the lock goes with this object.
    func close() {
        log.close(keepLog: distrust != nil)
        writer.connection.keepLogOnClose(distrust != nil)
        writer.connection.close()
        if distrust == nil { FileHeader.trim(path) }
    }

    private func attempt(_ batch: borrowing ChangeBatch) throws(StoreError) {
        do throws(SQLiteFailure) {
            try writer.apply(batch)
            try space.ensure(grows: !batch.makesRoom)
        } catch {
            throw abandon(error, .changing)
        }
        do throws(SQLiteFailure) {
            try writer.commit()
        } catch {
            throw abandon(error, .committing)
        }
    }

    /// Undoes a transaction; what it was about is known not to be applied only when that succeeds and the
    /// last batch is the one before.
    private func abandon(_ failure: SQLiteFailure, _ phase: SQLiteFailure.Phase) -> StoreError {
        var error = failure.storeError(path, phase)
        let isUndone = writer.rollback()
        if !isUndone || !writer.isAsRemembered(path) { error.code = .reopen }
        if error.code == .reopen || error.code == .corrupt { distrust = error }
        return error
    }
}

/// Runs `body` and gives a failure its meaning.
func translating<Result>(
    _ path: String, _ phase: SQLiteFailure.Phase, _ body: () throws(SQLiteFailure) -> Result
) throws(StoreError) -> Result {
    do throws(SQLiteFailure) {
        return try body()
    } catch {
        throw error.storeError(path, phase)
    }
}

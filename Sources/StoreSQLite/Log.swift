// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import CSQLite
import Glibc

/// The write-ahead log: how long it is and when it is written back.
///
/// At half of its limit the checkpointer is told to write back what is there, at the limit to catch up. When it has,
/// the committer's thread writes back the rest, which is short, and the next batch begins the log anew. Somebody
/// who reads an old state prevents that; from twice the limit on the committer waits a moment for readers and for
/// the checkpointer, once per quarter of growth, so a long read (`verify`) costs disk and not time; from three
/// times on it waits up to a second.
final class Log {
    private let connection: Connection
    private let path: String
    private let framesMax: Int
    private let waitMilliseconds: Int32
    let checkpointer: Checkpointer
    /// Frames at which the checkpointer is told the next time.
    private var nextFrames: Int

    init(
        _ connection: Connection, _ path: String, _ options: SQLiteStore.Options
    ) throws(SQLiteFailure) {
        self.connection = connection
        self.path = path + "-wal"
        framesMax = max(4, options.logBytesMax / 4_096)
        waitMilliseconds = options.logWaitMilliseconds
        nextFrames = framesMax / 2
        checkpointer = try Checkpointer(path, options)
        connection.countFrames()
        reserve(options.storeReserveBytes)
        checkpointer.start()
    }

    /// Sees to it that the log is written back; called after each batch. Throws what has gone wrong with
    /// that, now or on the checkpointer's thread: a failed sync concerns everybody.
    func checkpointIfDue() throws(SQLiteFailure) {
        let frames = connection.frames
        // Much shorter than expected: it was begun anew.
        if frames < nextFrames - framesMax * 3 / 4 { nextFrames = framesMax / 2 }
        guard frames >= nextFrames else { return }
        nextFrames = frames + framesMax / 4
        if frames < framesMax {
            nextFrames = framesMax
            if let failure = checkpointer.order(.checkpoint) { throw failure }
        } else if frames < 2 * framesMax {
            nextFrames = frames + framesMax / 32
            if checkpointer.takeCaughtUp() { return try checkpoint(SQLITE_CHECKPOINT_PASSIVE, within: 50) }
            if let failure = checkpointer.order(.catchUp) { throw failure }
        } else if frames < 3 * framesMax {
            try restart(within: min(50, waitMilliseconds))
        } else {
            try restart(within: waitMilliseconds)
        }
    }

    /// Writes all of the log back and waits for readers, so that the next batch begins it anew; false when
    /// that did not succeed.
    func restart() -> Bool {
        guard checkpointer.rest(within: waitMilliseconds) else { return false }
        do throws(SQLiteFailure) {
            try connection.checkpoint(SQLITE_CHECKPOINT_RESTART, waitMilliseconds: waitMilliseconds)
            return true
        } catch {
            return false
        }
    }

    /// Ends the checkpointer.
    func close(keepLog: Bool) {
        checkpointer.stop(keepLog: keepLog)
    }

    /// Writes all of it back, so that the next batch begins it anew, unless the checkpointer or a reader takes longer.
    private func restart(within milliseconds: Int32) throws(SQLiteFailure) {
        let isResting = checkpointer.rest(within: milliseconds)
        if let failure = checkpointer.order(.wait) { throw failure }
        if isResting { try checkpoint(SQLITE_CHECKPOINT_RESTART, within: milliseconds) }
    }

    private func checkpoint(_ mode: Int32, within milliseconds: Int32) throws(SQLiteFailure) {
        do throws(SQLiteFailure) {
            try connection.checkpoint(mode, waitMilliseconds: milliseconds)
        } catch {
            // Busy: a reader, or a checkpoint; full: the log is all that grows. Another batch tries
            // again.
            if error.code & 0xff != SQLITE_BUSY && !error.isFull { throw error }
        }
    }

    /// Fills the log with zeros, which SQLite takes for nothing: blocks that are there and written need no
    /// change of the file system's own records when they are written again and synced.
    private func reserve(_ bytes: Int) {
        let descriptor = Glibc.open(path, O_WRONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return }
        let zeros = [UInt8](repeating: 0, count: 1 << 16)
        var offset = 0
        while offset < bytes {
            let count = pwrite(descriptor, zeros, min(zeros.count, bytes - offset), offset)
            if count <= 0 { break }
            offset += count
        }
        Glibc.close(descriptor)
    }
}

// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import CSQLite
import Glibc

/// The write-ahead log: how long it is and when it is written back.
final class Log {
    private let connection: Connection
    private let path: String
    private let framesMax: Int

    init(_ connection: Connection, _ path: String, _ options: SQLiteStore.Options) {
        self.connection = connection
        self.path = path + "-wal"
        framesMax = max(1, options.logBytesMax / 4_096)
        connection.countFrames()
        reserve(options.storeReserveBytes)
    }

    /// Writes the log back when it has grown long enough.
    func checkpointIfDue() {
        guard connection.frames >= framesMax else { return }
        restart(SQLITE_CHECKPOINT_PASSIVE)
    }

    /// Writes all of the log back and waits for readers, so that the next batch begins it anew.
    func restart() -> Bool {
        restart(SQLITE_CHECKPOINT_RESTART)
    }

    @discardableResult private func restart(_ mode: Int32) -> Bool {
        do throws(SQLiteFailure) {
            try connection.checkpoint(mode)
            return true
        } catch {
            // The log keeps everything; the next attempt comes with the next batch.
            return false
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

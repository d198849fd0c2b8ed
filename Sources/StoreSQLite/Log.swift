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

    /// Allocates blocks for the log. SQLite takes what lies beyond its last frame for nothing.
    private func reserve(_ bytes: Int) {
        let descriptor = Glibc.open(path, O_RDWR | O_CLOEXEC)
        guard descriptor >= 0 else { return }
        posix_fallocate(descriptor, 0, bytes)
        Glibc.close(descriptor)
    }
}

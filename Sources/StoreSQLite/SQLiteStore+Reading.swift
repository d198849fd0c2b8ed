// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import Glibc
package import Persistence

extension SQLiteStore: ReadableStore {
    /// Takes no lock but SQLite's own, which readers share. What a broker that died has left in the log stays there.
    /// Where nothing can be written and there is no log, the file is read as it is, without locks.
    package func openForReading() throws(StoreError) {
        let path = try DatabaseFile.path(of: location)
        guard let size = fileSize(path) else {
            throw StoreError(
                .unavailable, "\(location) cannot be opened: \(String(cString: strerror(errno))).")
        }
        try FileHeader.check(path)
        guard size > 0 || FileHeader.hasLog(path) else { throw nothing }
        readers.open(path, Self.readingMode(path))
        do throws(StoreError) {
            try requireFormat()
            _ = try sysInfo()
        } catch {
            readers.close()
            throw error
        }
    }

    /// See `ReadableStore`.
    package func recordedDurability() throws(StoreError) -> Durability? {
        try readers.read { (connection) throws(StoreError) in
            try translating(location, .reading) { () throws(SQLiteFailure) in
                try connection.recordedDurability()
            }
        }
    }

    private static func readingMode(_ path: String) -> ReaderPool.Mode {
        if FileHeader.hasLog(path) { return .sharedKeepingLog }
        let directory = path.lastIndex(of: "/").map { String(path[...$0]) } ?? "."
        let hasIndex = access(path + "-shm", F_OK) == 0
        return access(directory, W_OK) != 0 && !hasIndex ? .immutable : .shared
    }

    /// The version in the header may be older than the one in the log.
    private func requireFormat() throws(StoreError) {
        let version = try readers.read { (connection) throws(StoreError) in
            try translating(location, .reading) { () throws(SQLiteFailure) in
                try connection.integer("PRAGMA user_version")
            }
        }
        guard version <= Int64(Schema.formatVersion) else {
            throw FileHeader.newer(location, UInt32(clamping: version))
        }
        if version == 0 { throw nothing }
    }

    private var nothing: StoreError {
        StoreError(.unavailable, "\(location) is empty: no broker has ever written to it.")
    }
}

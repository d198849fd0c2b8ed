// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import CSQLite
import Glibc
import Persistence

/// What is done to a database before it is used.
extension Connection {
    /// Everything, in order; may be done again after a failure.
    func prepare(
        _ path: String, _ durability: Durability, _ options: SQLiteStore.Options
    ) throws(StoreError) {
        try translating(path, .opening) { () throws(SQLiteFailure) in try configure(options) }
        try upgrade(path, durability)
        try recover(path)
    }

    /// Settings of the connection; the log mode is the only one that is kept in the file.
    private func configure(_ options: SQLiteStore.Options) throws(SQLiteFailure) {
        sqlite3_limit(pointer, SQLITE_LIMIT_LENGTH, Int32(clamping: options.recordBytesMax))
        try execute("PRAGMA journal_mode=WAL")
        try execute("PRAGMA synchronous=FULL")
        try execute("PRAGMA secure_delete=OFF")
        try execute("PRAGMA temp_store=MEMORY")
        try execute("PRAGMA wal_autocheckpoint=0")
        try execute("PRAGMA cache_size=-\(options.cacheBytesMax / 1_024)")
    }

    /// Creates the tables in an empty database; refuses what is newer or not ours.
    private func upgrade(_ path: String, _ durability: Durability) throws(StoreError) {
        let version = try translating(path, .opening) { () throws(SQLiteFailure) in
            try integer("PRAGMA user_version")
        }
        guard version <= Int64(Schema.formatVersion) else { throw FileHeader.newer(path, UInt32(version)) }
        guard version == 0 else { return }
        let tables = try translating(path, .opening) { () throws(SQLiteFailure) in
            try integer("SELECT count(*) FROM sqlite_schema")
        }
        guard tables == 0 else {
            throw StoreError(.corrupt, "\(path) is a database of another program; name another file.")
        }
        try translating(path, .opening) { () throws(SQLiteFailure) in try create(durability) }
        syncDirectory(of: path)
    }

    private func create(_ durability: Durability) throws(SQLiteFailure) {
        try execute("BEGIN IMMEDIATE")
        try execute(Schema.creation)
        try execute("PRAGMA application_id=\(Schema.applicationID)")
        try execute("PRAGMA user_version=\(Schema.formatVersion)")
        var record: [UInt8] = []
        RecordCoding.append(SysInfoRecord(formatVersion: Schema.formatVersion), to: &record)
        let insert = try statement("INSERT INTO info VALUES (1, ?, \(durability.rawValue))")
        try record.span.bytes.withUnsafeBytes { (bytes) throws(SQLiteFailure) in
            try insert.bind(1, bytes)
            try insert.run()
        }
        try execute("COMMIT")
    }

    /// Copies the log into the database, synced, and looks at the first page of every table.
    ///
    /// Writing the pages anew matters after a failed sync: the system may take them for written when they are
    /// not, and syncing alone would not tell.
    private func recover(_ path: String) throws(StoreError) {
        let pages = try translating(path, .opening) { () throws(SQLiteFailure) -> Int64 in
            for table in Schema.tables { _ = try integer("SELECT 1 FROM \(table) LIMIT 1") }
            try checkpoint(SQLITE_CHECKPOINT_TRUNCATE)
            return try integer("PRAGMA page_count") * integer("PRAGMA page_size")
        }
        guard let size = fileSize(path), size < pages else { return }
        throw StoreError(
            .corrupt, "\(path) is truncated: it has \(size) bytes and should have \(pages). Restore a copy.")
    }

    /// The counters, and with them the format once more.
    func info(_ path: String) throws(StoreError) -> SysInfoRecord {
        let select = try translating(path, .reading) { () throws(SQLiteFailure) -> Statement in
            try statement("SELECT record FROM info WHERE id = 1")
        }
        defer { select.reset() }
        let isThere = try translating(path, .reading) { () throws(SQLiteFailure) in try select.step() }
        guard isThere else {
            throw StoreError(.corrupt, "\(path) has lost its system information: restore a copy.")
        }
        do throws(StoreError) {
            return try RecordCoding.decodeSysInfo(select.bytes(0))
        } catch {
            throw StoreError(error.code, "The system information in \(path) cannot be read: \(error.message)")
        }
    }

    /// Writes the log back into the database; modes other than passive wait so long for readers. Gives back how many
    /// frames the log had.
    @discardableResult func checkpoint(
        _ mode: Int32, waitMilliseconds: Int32 = Connection.busyMilliseconds
    ) throws(SQLiteFailure) -> Int {
        sqlite3_busy_timeout(pointer, waitMilliseconds)
        defer { sqlite3_busy_timeout(pointer, Connection.busyMilliseconds) }
        var frames: Int32 = 0
        let status = sqlite3_wal_checkpoint_v2(pointer, nil, mode, &frames, nil)
        if status != SQLITE_OK { throw SQLiteFailure(pointer) }
        return Int(frames)
    }

    /// The name of a new file is durable when its directory is.
    private func syncDirectory(of path: String) {
        let directory = path.lastIndex(of: "/").map { String(path[...$0]) } ?? "."
        let descriptor = Glibc.open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { return }
        fsync(descriptor)
        Glibc.close(descriptor)
    }
}

/// The length of a file; `nil` when there is none.
func fileSize(_ path: String) -> Int64? {
    var status = stat()
    return stat(path, &status) == 0 ? Int64(status.st_size) : nil
}

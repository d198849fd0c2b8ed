// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import Glibc
import Persistence

/// What can be told about a database file before SQLite touches it.
///
/// SQLite would write a write-ahead log beside a damaged file before it noticed, and its own quick check
/// reads everything; this reads one header. Offsets are from the file format, section 1.3.
enum FileHeader {
    private static let bytes = 100

    /// Throws when the file is no database of ours, shorter than it says, or newer than this Roost.
    static func check(_ path: String) throws(StoreError) {
        let descriptor = Glibc.open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            guard errno == ENOENT else {
                throw StoreError(
                    .unavailable, "\(path) cannot be read (\(String(cString: strerror(errno)))).")
            }
            try requireNoLog(path)
            return
        }
        defer { Glibc.close(descriptor) }
        let size = Int(lseek(descriptor, 0, SEEK_END))
        if size == 0 {
            try requireNoLog(path)
        } else {
            try check(path, read(descriptor), size: size)
        }
    }

    private static func read(_ descriptor: Int32) -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: bytes) { buffer, count in
            count = max(0, pread(descriptor, buffer.baseAddress, bytes, 0))
        }
    }

    private static func check(_ path: String, _ header: [UInt8], size: Int) throws(StoreError) {
        guard header.count == bytes, header.starts(with: Array("SQLite format 3\0".utf8)) else {
            throw StoreError(
                .corrupt, "\(path) is not an SQLite database; move it away or name another file.")
        }
        let raw = Int(header[16]) << 8 | Int(header[17])
        let pageSize = raw == 1 ? 65_536 : raw
        guard pageSize >= 512, pageSize & (pageSize - 1) == 0 else {
            throw StoreError(.corrupt, "The header of \(path) is damaged: its page size is \(pageSize).")
        }
        let pages = Int(word(header, 28))
        // Without an identity it is ours only if its tables are not made yet, or are still in the log.
        let identity = word(header, 68)
        guard
            identity == UInt32(bitPattern: Schema.applicationID)
                || (identity == 0 && (pages <= 1 || hasLog(path)))
        else {
            throw StoreError(.corrupt, "\(path) is a database of another program; name another file.")
        }
        let version = word(header, 60)
        guard version <= Schema.formatVersion else { throw newer(path, version) }
        // The count in the header holds when the two change counters agree, and only without a log, whose
        // pages may not have reached the file yet.
        let isWhole = size % pageSize == 0
        guard !isWhole || (word(header, 24) == word(header, 92) && !hasLog(path) && size < pages * pageSize)
        else { return }
        throw StoreError(
            .corrupt,
            "\(path) is truncated: it has \(size) bytes and should have \(pages * pageSize). Restore a copy; "
                + "`roost verify` tells what is left.")
    }

    /// Cuts off what a closed database keeps ready for a full disk: a copy is then as long as its contents, and
    /// one that lost its end is noticed.
    static func trim(_ path: String) {
        let descriptor = Glibc.open(path, O_RDWR | O_CLOEXEC)
        guard descriptor >= 0 else { return }
        defer { Glibc.close(descriptor) }
        let header = read(descriptor)
        guard header.count == bytes, !hasLog(path) else { return }
        let raw = Int(header[16]) << 8 | Int(header[17])
        let used = Int(word(header, 28)) * (raw == 1 ? 65_536 : raw)
        // A failure leaves the file longer than it need be, which is no harm.
        if used > 0, used < Int(lseek(descriptor, 0, SEEK_END)) { _ = ftruncate(descriptor, used) }
    }

    static func newer(_ path: String, _ version: UInt32) -> StoreError {
        StoreError(
            .newerFormat,
            "\(path) has format \(version), written by a newer Roost; this one knows "
                + "\(Schema.formatVersion). It was not touched.")
    }

    private static func word(_ header: [UInt8], _ offset: Int) -> UInt32 {
        header[offset..<offset + 4].reduce(0) { $0 << 8 | UInt32($1) }
    }

    private static func requireNoLog(_ path: String) throws(StoreError) {
        guard hasLog(path) else { return }
        throw StoreError(
            .corrupt,
            "\(path) is missing or empty but its log \(path)-wal is not: restore the database, "
                + "or move the log away."
        )
    }

    /// Whether there is a log with anything in it.
    static func hasLog(_ path: String) -> Bool {
        var status = stat()
        return stat(path + "-wal", &status) == 0 && status.st_size > 0
    }
}

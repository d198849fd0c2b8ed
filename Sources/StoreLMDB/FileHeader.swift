// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import Glibc
import Persistence

/// What can be told about `data.mdb` before LMDB maps it, and what is made sure of before it is used.
///
/// LMDB takes the sizes in its two meta pages for true: a page that the file is too short for ends the process
/// with SIGBUS when it is touched. So both are read here first. The store keeps the file longer than its last
/// page at all times (see `Space`), so a shorter one is truncated. Offsets are those of data version 1.
struct FileHeader {
    /// A meta page's fields.
    private struct Meta {
        var pageSize: Int
        var lastPage: UInt64
        var transaction: UInt64
        var bytes: [UInt8]
    }

    private static let metaBytes = 152
    private static let magic: UInt32 = 0xbeef_c0de
    private static let dataVersion: UInt32 = 1
    private static let isMetaPage: UInt16 = 0x08
    private static let freeTreeFlags: UInt16 = 0x08
    private static let depthMax: UInt16 = 32
    private static let noPage = UInt64.max

    private let path: String
    private let descriptor: Int32
    private let size: Int

    /// Bytes up to the end of the last page; zero when there is no file or an empty one. Throws when the file is
    /// no LMDB database, is damaged, or shorter than it says. With `freePages` the list of them must be sound, too, unless
    /// it is so long that to look at it would take its time: whoever writes does so where it says.
    static func check(_ directory: String, freePages: Bool = false) throws(StoreError) -> Int {
        if access(directory + "/data.mdb", F_OK) != 0, errno == ENOENT { return 0 }
        let header = try open(directory, O_RDONLY, "read")
        defer { Glibc.close(header.descriptor) }
        return header.size == 0 ? 0 : try header.bytesInUse(freePages: freePages)
    }

    /// The last page of the state that a transaction has left; `nil` when the meta pages are those of later ones.
    static func lastPage(_ directory: String, transaction: Int) throws(StoreError) -> Int? {
        let header = try open(directory, O_RDONLY, "read")
        defer { Glibc.close(header.descriptor) }
        let pageSize = try header.meta(0, at: 0).pageSize
        let meta = try header.meta(transaction & 1, at: transaction & 1 * pageSize)
        return meta.transaction == UInt64(transaction) ? Int(clamping: meta.lastPage) : nil
    }

    /// What is wrong with the pages of the state that a transaction has left, which a reader keeps from being written
    /// over; `nil` when the meta pages are those of later ones.
    static func treeFaults(_ directory: String, transaction: Int) throws(StoreError) -> [String]? {
        let header = try open(directory, O_RDONLY, "read")
        defer { Glibc.close(header.descriptor) }
        let first = try header.meta(0, at: 0)
        let second = try header.meta(1, at: first.pageSize)
        guard let meta = [first, second].first(where: { $0.transaction == UInt64(transaction) }) else {
            return nil
        }
        var walk = header.walk(meta)
        return walk.faults()
    }

    /// Writes both meta pages anew as they are seen, and syncs everything before and after.
    ///
    /// After a failed sync the system may take pages for written when they are not. All pages that a visible meta
    /// page leads to were synced before it was written; it is the meta page alone that may never have arrived.
    static func makeDurable(_ directory: String) throws(StoreError) {
        let header = try open(directory, O_RDWR, "written")
        defer { Glibc.close(header.descriptor) }
        let pageSize = try header.meta(0, at: 0).pageSize
        guard fsync(header.descriptor) == 0 else { throw header.unsynced() }
        for offset in [0, pageSize] {
            let page = header.read(pageSize, at: offset)
            guard pwrite(header.descriptor, page, page.count, offset) == pageSize,
                fsync(header.descriptor) == 0
            else {
                throw header.unsynced()
            }
        }
    }

    /// Opens the data file; the caller closes its descriptor.
    private static func open(_ directory: String, _ mode: Int32, _ done: String) throws(StoreError)
        -> FileHeader
    {
        let path = directory + "/data.mdb"
        let descriptor = Glibc.open(path, mode | O_CLOEXEC)
        guard descriptor >= 0 else {
            throw StoreError(.unavailable, "\(path) cannot be \(done) (\(String(cString: strerror(errno)))).")
        }
        return FileHeader(path: path, descriptor: descriptor, size: Int(lseek(descriptor, 0, SEEK_END)))
    }

    /// The error for what was written by something newer.
    static func newer(_ directory: String, _ writer: String) -> StoreError {
        StoreError(.newerFormat, "\(directory) was written by \(writer). It was not touched.")
    }

    private func bytesInUse(freePages: Bool) throws(StoreError) -> Int {
        let first = try meta(0, at: 0)
        let second = try meta(1, at: first.pageSize)
        let meta = first.transaction > second.transaction ? first : second
        guard second.pageSize == first.pageSize, meta.lastPage < UInt64(Int.max / meta.pageSize - 1) else {
            throw damaged("its pages are numbered up to \(meta.lastPage)")
        }
        let needed = (Int(meta.lastPage) + 1) * meta.pageSize
        guard size >= needed else {
            throw StoreError(
                .corrupt,
                "\(path) is truncated: it has \(size) bytes and should have at least \(needed). Restore a copy."
            )
        }
        try check(meta, freePages: freePages)
        return needed
    }

    private func check(_ meta: Meta, freePages: Bool) throws(StoreError) {
        var walk = walk(meta)
        do throws(TreePage.Fault) {
            try walk.checkNames()
            if freePages { try walk.checkFreePages() }
        } catch {
            throw damaged(error.what)
        }
    }

    private func walk(_ meta: Meta) -> PageWalk {
        PageWalk(descriptor, pageSize: meta.pageSize, lastPage: meta.lastPage, meta: meta.bytes)
    }

    private func meta(_ number: Int, at offset: Int) throws(StoreError) -> Meta {
        let bytes = read(Self.metaBytes, at: offset)
        guard bytes.count == Self.metaBytes else {
            throw StoreError(.corrupt, "\(path) is too short to be an LMDB database: restore a copy.")
        }
        return try bytes.span.bytes.withUnsafeBytes { (bytes) throws(StoreError) -> Meta in
            func word<Word: FixedWidthInteger & BitwiseCopyable>(_ offset: Int, _: Word.Type) -> Word {
                bytes.loadUnaligned(fromByteOffset: offset, as: Word.self)
            }
            guard word(16, UInt32.self) == Self.magic, word(10, UInt16.self) & Self.isMetaPage != 0 else {
                if number > 0 { throw damaged("its second meta page is none") }
                throw StoreError(
                    .corrupt, "\(path) is not an LMDB database; move it away or name another directory.")
            }
            let version = word(20, UInt32.self)
            guard version == Self.dataVersion else {
                throw Self.newer(path, "an LMDB of data version \(version)")
            }
            let meta = Meta(
                pageSize: Int(word(40, UInt32.self)), lastPage: word(136, UInt64.self),
                transaction: word(144, UInt64.self), bytes: Array(bytes))
            guard meta.pageSize >= 512, meta.pageSize <= 65_536, meta.pageSize & (meta.pageSize - 1) == 0
            else {
                throw damaged("its page size is \(meta.pageSize)")
            }
            try check(trees: bytes, meta.lastPage)
            // The transactions take turns with the two pages; both begin as number zero.
            guard meta.transaction == 0 || meta.transaction & 1 == UInt64(number) else {
                throw damaged("transaction \(meta.transaction) is in meta page \(number)")
            }
            return meta
        }
    }

    /// The tree of free pages and the one of names: no database of ours has other flags, or a tree this deep.
    private func check(trees meta: UnsafeRawBufferPointer, _ lastPage: UInt64) throws(StoreError) {
        for (offset, flags) in [(40, Self.freeTreeFlags), (88, 0)] {
            let root = meta.loadUnaligned(fromByteOffset: offset + 40, as: UInt64.self)
            guard root <= lastPage || root == Self.noPage else {
                throw damaged("a tree begins at page \(root) of \(lastPage)")
            }
            guard meta.loadUnaligned(fromByteOffset: offset + 4, as: UInt16.self) == flags else {
                throw damaged("a tree has unknown flags")
            }
            guard meta.loadUnaligned(fromByteOffset: offset + 6, as: UInt16.self) <= Self.depthMax else {
                throw damaged("a tree is too deep")
            }
        }
    }

    private func read(_ count: Int, at offset: Int) -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
            initialized = max(0, pread(descriptor, buffer.baseAddress, count, offset))
        }
    }

    private func damaged(_ what: String) -> StoreError {
        StoreError(.corrupt, "The header of \(path) is damaged: \(what). Restore a copy.")
    }

    private func unsynced() -> StoreError {
        StoreError(
            .unavailable, "\(path) cannot be synced (\(String(cString: strerror(errno)))): check the disk.")
    }
}

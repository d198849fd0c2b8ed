// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import CLMDB
import Glibc
import Persistence

/// How far the map and the file may grow, and why a full one leaves room for what makes room.
///
/// LMDB never gives pages back to the system; it uses freed ones again. So room is what is free inside, plus what
/// lies between the last page and the end of the file, plus what the file may still grow. Before a batch is begun the
/// file is extended, with blocks allocated, to hold the batch and, if that grows what is stored, the reserve on
/// top; a growing batch that cannot have that waits, and what makes room takes its pages from the reserve. So
/// writing never needs a new block, and the file is always longer than its last page, which `FileHeader` relies on.
///
/// The map is enlarged by doubling, before it is needed when that can be foreseen. It only takes addresses.
struct Space {
    private let environment: Environment
    private let gate: ReaderGate
    private let mapBytesMax: Int
    private let reserve: Int
    private let waitMilliseconds: Int
    private let path: String

    /// Pages that every transaction may need for its tables and for LMDB's own records.
    private static let pagesPerBatch = 64
    /// Bytes by which a file grows, at least.
    private static let extensionBytesMin = 1 << 20

    init(_ environment: Environment, _ gate: ReaderGate, _ options: LMDBStore.Options) {
        self.environment = environment
        self.gate = gate
        path = environment.path
        reserve = options.storeReserveBytes
        waitMilliseconds = options.growthWaitMilliseconds
        mapBytesMax = Space.rounded(options.mapBytesMax, environment.pageSize)
    }

    /// The map with which an environment is opened whose pages end at `end`.
    static func firstMapBytes(_ end: Int, _ options: LMDBStore.Options) -> Int {
        rounded(max(min(options.mapBytes, options.mapBytesMax), end), 65_536)
    }

    /// Sees to it that `batch` has room; fails with what there is too little of.
    func ensure(_ batch: borrowing ChangeBatch) throws(LMDBFailure) {
        let end = environment.end
        let reserve = batch.makesRoom ? 0 : reserve
        let wanted = end + bytesNeeded(batch, pagesUsed: .max) + reserve
        if wanted <= min(environment.fileBytes, environment.info.me_mapsize) { return }
        let failure = try extended(wanted)
        guard let failure, !batch.makesRoom else { return }
        let free = try freePages()
        let needed = bytesNeeded(batch, pagesUsed: end / environment.pageSize - free)
        let tail = min(environment.fileBytes, mapBytesMax) - end
        if tail + free * environment.pageSize < needed + reserve { throw failure }
    }

    /// What a batch may take at most: its bytes twice, because pages are filled by half, and every page that it
    /// changes once more, because LMDB writes changed pages to other places.
    private func bytesNeeded(_ batch: borrowing ChangeBatch, pagesUsed: Int) -> Int {
        2 * batch.arenaBytes + (Self.pagesPerBatch + min(batch.changes.count, pagesUsed))
            * environment.pageSize
    }

    /// Enlarges the map; throws when it has reached its limit or a reader does not leave it.
    func growMap(_ least: Int = 0) throws(LMDBFailure) {
        let old = environment.info.me_mapsize
        let new = min(mapBytesMax, max(Space.rounded(least, 65_536), 2 * old))
        guard new > old else { throw LMDBFailure(MDB_MAP_FULL) }
        environment.dropStaleReaders()
        let isDone = try gate.alone(within: waitMilliseconds) { () throws(LMDBFailure) in
            try environment.resize(new)
        }
        guard isDone else {
            throw LMDBFailure(MDB_MAP_FULL, "the map has to grow and a reader, perhaps a copy, holds it")
        }
    }

    /// What kept map and file from holding `wanted` bytes; `nil` when they do.
    private func extended(_ wanted: Int) throws(LMDBFailure) -> LMDBFailure? {
        let size = environment.fileBytes
        if wanted > environment.info.me_mapsize, environment.info.me_mapsize < mapBytesMax {
            try growMap(wanted)
        }
        let target = min(max(wanted, size + max(reserve, Self.extensionBytesMin)), mapBytesMax)
        if target > size {
            // One that was killed beside this process would keep what is freed from being used.
            environment.dropStaleReaders()
            var status = EINTR
            while status == EINTR {
                status = posix_fallocate(environment.descriptor, off_t(size), off_t(target - size))
            }
            if status != 0 { return LMDBFailure(status) }
            writeZeros(size, target)
        }
        return wanted > mapBytesMax ? LMDBFailure(MDB_MAP_FULL) : nil
    }

    /// Writes over blocks that have just been allocated: those that are written need no change of the file system's
    /// own records when they are written again and synced. Page by page, so that
    /// the system's cache keeps and writes them as single pages. Not having done it costs time, nothing else.
    private func writeZeros(_ start: Int, _ end: Int) {
        let zeros = [UInt8](repeating: 0, count: environment.pageSize)
        var offset = start
        while offset < end {
            let count = pwrite(environment.descriptor, zeros, min(zeros.count, end - offset), offset)
            if count <= 0 { return }
            offset += count
        }
    }

    /// What LMDB can use again; reads its list of free pages.
    private func freePages() throws(LMDBFailure) -> Int {
        try environment.read { (transaction) throws(LMDBFailure) in try transaction.freePages() }
    }

    private static func rounded(_ bytes: Int, _ unit: Int) -> Int {
        (bytes + unit - 1) / unit * unit
    }
}

extension Transaction {
    /// Pages that are in no table. Each row of LMDB's list is a number and that many page numbers.
    func freePages() throws(LMDBFailure) -> Int {
        var cursor = try Cursor(self, Tables.free)
        var pages = 0
        while try cursor.next() {
            guard cursor.value.count >= 8 else { throw .corrupt("a row of the free list is too short") }
            pages += Int(truncatingIfNeeded: cursor.value.loadUnaligned(as: UInt64.self))
        }
        return pages
    }
}

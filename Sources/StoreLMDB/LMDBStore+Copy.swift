// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import CLMDB
import Glibc
public import Persistence

extension LMDBStore {
    /// Writes a copy of the store, as of one batch, into `directory`, synced: a store like any other. The directory is
    /// made when its parent is there and must not hold a database; nothing is left in it on failure.
    ///
    /// Commits go on meanwhile, from any thread but this one, and what they free cannot be used again before the copy is
    /// done. The map is enlarged ahead; should it have to grow nevertheless, commits say `retry` until the copy is
    /// done. With `compacting` free pages are left out, which costs more time.
    public func copy(to directory: String, compacting: Bool = false) throws(StoreError) {
        makeHeadroom()
        try gate.read { (environment) throws(StoreError) in
            try environment.copy(to: directory, compacting: compacting)
        }
    }
}

extension Environment {
    private static let fileName = "/data.mdb"

    fileprivate func copy(to directory: String, compacting: Bool) throws(StoreError) {
        try DirectoryLock.makeDirectory(directory)
        let (path, partial) = (directory + Self.fileName, directory + Self.fileName + ".partial")
        guard access(path, F_OK) != 0 else {
            throw StoreError(.unavailable, "\(path) is there already: name another directory for the copy.")
        }
        let descriptor = Glibc.open(partial, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw LMDBFailure(errno).storeError(directory, .opening) }
        defer { Glibc.close(descriptor) }
        do throws(LMDBFailure) {
            let outer = FaultSentence.enter(faultSentence)
            defer { FaultSentence.leave(faultSentence, to: outer) }
            try LMDBFailure.check(
                mdb_env_copyfd2(pointer, descriptor, compacting ? UInt32(MDB_CP_COMPACT) : 0))
            guard fsync(descriptor) == 0, rename(partial, path) == 0 else { throw LMDBFailure(errno) }
        } catch {
            unlink(partial)
            throw error.storeError(directory, .opening)
        }
        DirectoryLock.syncDirectory(directory)
    }
}

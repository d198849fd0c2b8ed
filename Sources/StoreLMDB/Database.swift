// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import CLMDB
import Glibc
import Persistence

/// An environment that is open for writing; used on the committer's thread, behind the store's lock.
final class Database {
    let environment: Environment
    private let path: String
    private let lock: DirectoryLock
    private let gate: ReaderGate
    private let writer: Writer
    private let space: Space
    /// A sync failed, or something else left the outcome of a batch open: only closing is left to do.
    private var isDistrusted = false

    /// Locks, checks, maps, prepares: in this order, so that nothing is written before it was checked.
    init(
        _ path: String, _ durability: Durability, _ options: LMDBStore.Options, _ gate: ReaderGate,
        report: @escaping (StoreError, String) -> Void
    ) throws(StoreError) {
        self.path = path
        self.gate = gate
        try DataFile.check(path)
        try DirectoryLock.makeDirectory(path)
        lock = try DirectoryLock(path)
        let end = try FileHeader.check(path, freePages: true)
        let environment = try translating(path, .opening) { () throws(LMDBFailure) in
            try Environment(path, mapBytes: Space.firstMapBytes(end, options), flags: MDB_NOTLS, options)
        }
        try environment.prepare(durability)
        self.environment = environment
        let info = try environment.sysInfo()
        let isRecorded = try environment.recordedDurability(report) == durability
        if isRecorded {
            try translating(path, .opening) { () throws(LMDBFailure) in try environment.sync(for: durability)
            }
        }
        writer = Writer(
            environment, options, info: info, unrecorded: isRecorded ? nil : durability, report: report)
        space = Space(environment, gate, options)
        gate.set(environment)
    }

    /// Applies a batch; enlarges the map and begins anew when it was too small.
    func commit(_ batch: borrowing ChangeBatch) throws(StoreError) {
        guard !isDistrusted else {
            throw StoreError(.reopen, "The database \(path) has to be opened again after an earlier failure.")
        }
        if batch.number <= writer.info.batch { return }
        var phase = LMDBFailure.Phase.changing
        do throws(LMDBFailure) {
            try space.ensure(batch)
            while try !applied(batch, &phase) { try space.growMap() }
        } catch {
            throw abandoned(error, phase)
        }
    }

    /// Enlarges the map as far as a copy that takes its time may need it; not having it is no error.
    func makeHeadroom() {
        let end = environment.end
        do throws(LMDBFailure) {
            if environment.info.me_mapsize < 2 * end { try space.growMap(2 * end) }
        } catch {
            isDistrusted = isDistrusted || error.code == MDB_PANIC
        }
    }

    /// Waits for readers and closes; the lock goes with this object.
    func close() {
        gate.set(nil)
        if !isDistrusted { mdb_env_sync(environment.pointer, 1) }
    }

    /// False when the map was too small; the transaction is gone then.
    private func applied(
        _ batch: borrowing ChangeBatch, _ phase: inout LMDBFailure.Phase
    ) throws(LMDBFailure) -> Bool {
        do throws(LMDBFailure) {
            phase = .changing
            try writer.apply(batch)
            phase = .committing
            try writer.commit()
            return true
        } catch {
            guard error.code == MDB_MAP_FULL else { throw error }
            writer.abort()
            phase = .changing
            return false
        }
    }

    /// Undoes a transaction. LMDB drops one that fails, but only a look at the counters tells that the last
    /// batch is the one before.
    private func abandoned(_ failure: LMDBFailure, _ phase: LMDBFailure.Phase) -> StoreError {
        var error = failure.storeError(path, phase)
        writer.abort()
        // Without a map, or after LMDB has given up, there is nothing to look at.
        if failure.code == MDB_PANIC || !isAsRemembered { error.code = .reopen }
        isDistrusted = error.code == .reopen || error.code == .corrupt
        return error
    }

    private var isAsRemembered: Bool {
        do throws(StoreError) {
            return try environment.sysInfo() == writer.info
        } catch {
            return false
        }
    }
}

// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import CLMDB
import Persistence

/// What was asked of the environment, so that others can tell; it lies beside the system information, in a page that
/// every batch writes.
///
/// It goes with the first batch after an opening that asked for something else: an environment that was opened and not
/// written to says what it said. That batch is synced in any case, so that after a loss of power the file does not
/// promise more than was asked for. The first builds of format 1 did not record it and pass over it.
extension Durability {
    /// Reads a recorded one; throws `corrupt` for bytes that are none.
    init(sealed bytes: UnsafeRawBufferPointer) throws(StoreError) {
        let level = try SealedNumber.read(bytes)
        guard let durability = UInt8(exactly: level).flatMap(Durability.init(rawValue:)) else {
            throw StoreError(.corrupt, "The durability \(level) is none.")
        }
        self = durability
    }

    /// What LMDB leaves out: nothing, the sync of the meta page, or all syncs.
    fileprivate var flags: Int32 {
        switch self {
        case .disk: 0
        case .process: MDB_NOMETASYNC
        case .memory: MDB_NOSYNC
        }
    }
}

extension Transaction {
    /// Records what is asked for.
    func record(_ durability: Durability) throws(LMDBFailure) {
        try put(Tables.unnamed, Tables.durabilityKey, SealedNumber(UInt64(durability.rawValue)))
    }
}

extension Environment {
    /// What whoever wrote last asked for; `nil` when that is not known, with a report when it cannot be read.
    func recordedDurability(_ report: (StoreError, String) -> Void) throws(StoreError) -> Durability? {
        let transaction = try translating(path, .reading) { () throws(LMDBFailure) in
            try Transaction(self, writes: false)
        }
        defer { transaction.abort() }
        let value = try translating(path, .reading) { () throws(LMDBFailure) in
            try transaction.get(Tables.unnamed, Tables.durabilityKey)
        }
        guard let value else { return nil }
        do throws(StoreError) {
            return try Durability(sealed: value)
        } catch {
            report(error, "The recorded durability")
            return nil
        }
    }

    /// From now on commits are synced as that asks for, and no more.
    func sync(for durability: Durability) throws(LMDBFailure) {
        try LMDBFailure.check(mdb_env_set_flags(pointer, UInt32(durability.flags), 1))
    }
}

// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import CLMDB
public import Persistence

extension LMDBStore {
    /// Every page has one place and is what the one above says (`PageWalk`), every record, and every invariant between
    /// them, as of one batch. Reads everything; commits go on meanwhile, but what they free cannot be used again before
    /// it is done: it gives up with `retry` when the file has grown by `verifyGrowthBytesMax`. Begins anew when the map
    /// has to grow.
    public func verify() throws(StoreError) -> [String] {
        while true {
            if let faults = try inspected() { return faults }
        }
    }

    /// The faults, or `nil` when the map had to grow meanwhile.
    private func inspected() throws(StoreError) -> [String]? {
        try lend { (environment) throws(StoreError) -> [String]? in
            let (transaction, pages) = try environment.latest()
            defer { transaction.abort() }
            let info = try environment.info(transaction)
            guard
                let faults = try FileHeader.treeFaults(location, transaction: mdb_txn_id(transaction.pointer))
            else { return nil }
            if !faults.isEmpty { return faults.map { "LMDB: \($0)." } }
            let limit = environment.end + options.verifyGrowthBytesMax
            var inspection = Inspection(transaction, environment.tables, info) {
                [gate, options] () throws(LMDBFailure) in
                if gate.mustYield { throw .interrupted }
                if environment.end > limit { throw .outrun(options.verifyGrowthBytesMax) }
            }
            do throws(LMDBFailure) {
                try inspection.inspect(pages: pages)
            } catch {
                if error.code == LMDBFailure.interrupted.code { return nil }
                let failure = error.storeError(location, .reading)
                guard failure.code == .corrupt else { throw failure }
                return inspection.faults + [failure.message]
            }
            return inspection.faults
        }
    }
}

extension Environment {
    private static let attemptsMax = 1_000

    /// A state, and how many pages it has up to the last one.
    ///
    /// LMDB tells that of the newest state only. That is another one while commits go on, but also as long as a broker was
    /// stopped between writing its meta page and telling readers of it: so the meta page of the state itself is
    /// asked, and only when two commits have gone over it meanwhile, another state is taken.
    func latest() throws(StoreError) -> (Transaction, Int) {
        for _ in 0..<Self.attemptsMax {
            let transaction = try translating(path, .reading) { () throws(LMDBFailure) in
                try Transaction(self, writes: false)
            }
            let newest = info
            if newest.me_last_txnid == mdb_txn_id(transaction.pointer) {
                return (transaction, newest.me_last_pgno + 1)
            }
            do throws(StoreError) {
                let last = try FileHeader.lastPage(path, transaction: mdb_txn_id(transaction.pointer))
                if let last { return (transaction, last + 1) }
            } catch {
                transaction.abort()
                throw error
            }
            transaction.abort()
        }
        throw StoreError(
            .retry, "\(path) changes faster than it can be looked at: try again, or end the broker first.")
    }
}

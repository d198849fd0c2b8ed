// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import CLMDB
import Glibc
package import Persistence

extension LMDBStore: SizedStore {
    /// LMDB counts the pages of each table; all of it is exact and costs the same however much is stored.
    package func sizes() throws(StoreError) -> StoreSizes {
        try lend { (environment) throws(StoreError) -> StoreSizes in
            let (transaction, pages) = try environment.latest()
            defer { transaction.abort() }
            return try translating(location, .reading) { () throws(LMDBFailure) -> StoreSizes in
                try environment.sizes(transaction, pages: pages)
            }
        }
    }
}

extension Environment {
    private static let metaPages = 2

    fileprivate func sizes(_ transaction: Transaction, pages: Int) throws(LMDBFailure) -> StoreSizes {
        let kinds: [(MDB_dbi, WritableKeyPath<StoreSizes, Int>)] = [
            (tables.client, \.clients), (tables.name, \.clients), (tables.subscription, \.subscriptions),
            (tables.message, \.messages), (tables.reference, \.messages), (tables.delivery, \.deliveries),
            (tables.reception, \.receptions), (tables.retained, \.retained), (tables.ended, \.other),
            (tables.boot, \.other), (Tables.free, \.other), (Tables.unnamed, \.other),
        ]
        var sizes = StoreSizes()
        sizes.other = Self.metaPages * pageSize
        for (table, kind) in kinds {
            sizes[keyPath: kind] += try transaction.statistics(table).pages * pageSize
        }
        // What lies between the last page and the end of the file is free too.
        sizes.free = max(0, max(fileBytes, pages * pageSize) - sizes.total)
        var status = stat()
        if stat(path + "/lock.mdb", &status) == 0 { sizes.log = Int(status.st_size) }
        return sizes
    }
}

extension MDB_stat {
    /// All pages of a table.
    var pages: Int { ms_branch_pages + ms_leaf_pages + ms_overflow_pages }
}

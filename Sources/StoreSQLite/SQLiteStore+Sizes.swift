// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

package import Persistence

extension SQLiteStore: SizedStore {
    /// Pages of the tables and their indexes, from SQLite's `dbstat`; see `PageCensus` for what is estimated.
    package func sizes() throws(StoreError) -> StoreSizes {
        try readers.readOnce { (connection) throws(StoreError) in
            try translating(location, .reading) { () throws(SQLiteFailure) in
                try connection.execute("BEGIN")
                return try sizes(PageCensus(connection), connection)
            }
        }
    }

    private func sizes(
        _ census: PageCensus, _ connection: Connection
    ) throws(SQLiteFailure) -> StoreSizes {
        let pageSize = Int(try connection.integer("PRAGMA page_size"))
        var sizes = StoreSizes()
        for (table, pages) in census.pages { sizes[keyPath: Self.kind(of: table)] += pages * pageSize }
        let path = readers.path
        let fileBytes = Int(fileSize(path) ?? 0)
        let unwritten = max(0, census.pageCount * pageSize - fileBytes)
        let unused = max(0, fileBytes - census.pageCount * pageSize)
        sizes.free = census.freeCount * pageSize + unused + Int(fileSize(Ballast.path(of: path)) ?? 0)
        // Pages that only the log has so far are counted with their tables.
        let logBytes = Int((fileSize(path + "-wal") ?? 0) + (fileSize(path + "-shm") ?? 0))
        sizes.log = max(0, logBytes - unwritten)
        if !census.isPossible {
            sizes.estimate = "This SQLite was built without dbstat: the kinds cannot be told apart."
        } else if census.isEstimated {
            sizes.estimate = "Tables of more than \(PageCensus.pagesMax) pages were looked at in part only."
        }
        return sizes
    }

    private static func kind(of table: String) -> WritableKeyPath<StoreSizes, Int> {
        switch table {
        case "client": \.clients
        case "subscription": \.subscriptions
        case "message": \.messages
        case "recent", "settled": \.deliveries
        case "reception": \.receptions
        case "retained": \.retained
        default: \.other
        }
    }
}

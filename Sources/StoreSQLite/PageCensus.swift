// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import CSQLite

/// How many pages each table has, with its indexes, at a bounded cost.
///
/// `dbstat` gives the pages of a tree one after the other, in order of key. A tree is counted up to `pagesMax`; how
/// large a larger one is follows from the place reached by then: a page's path tells which child of which it is. The
/// database tells how many pages it has and how many are free, so what the small trees leave is exact, and is divided
/// among the large ones by their estimates. With one large tree nothing is estimated at all. An SQLite without `dbstat`
/// cannot tell tables apart.
struct PageCensus {
    /// Pages of one tree that are looked at.
    static let pagesMax = 1 << 16

    private struct Tree {
        var table: String
        var pages: Int
        var isCounted: Bool
    }

    /// Pages of each table.
    private(set) var pages: [String: Int] = [:]
    let pageCount: Int
    let freeCount: Int
    /// Whether more than one tree was too large.
    private(set) var isEstimated = false
    /// Whether this SQLite can tell tables apart.
    let isPossible = sqlite3_compileoption_used("ENABLE_DBSTAT_VTAB") != 0

    init(_ connection: Connection, pagesMax: Int = PageCensus.pagesMax) throws(SQLiteFailure) {
        pageCount = Int(try connection.integer("PRAGMA page_count"))
        freeCount = Int(try connection.integer("PRAGMA freelist_count"))
        guard isPossible else {
            pages = ["": pageCount - freeCount]
            return
        }
        var trees = [Tree(table: "sqlite_schema", pages: 1, isCounted: true)]
        for (name, table) in try Self.names(connection) {
            trees.append(try Self.tree(name, of: table, connection, pagesMax))
        }
        divide(trees)
    }

    private static func names(
        _ connection: Connection
    ) throws(SQLiteFailure) -> [(name: String, table: String)] {
        let rows = try connection.statement("SELECT name, tbl_name FROM sqlite_schema WHERE rootpage > 0")
        var names: [(name: String, table: String)] = []
        while try rows.step() { names.append((rows.text(0), rows.text(1))) }
        rows.reset()
        return names
    }

    private static func tree(
        _ name: String, of table: String, _ connection: Connection, _ pagesMax: Int
    ) throws(SQLiteFailure) -> Tree {
        let quoted = name.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "''")
        let rows = try connection.statement(
            "SELECT path, pagetype, ncell FROM dbstat WHERE name = '\(quoted)'")
        defer { rows.reset() }
        var place = TreePlace()
        var count = 0
        while try rows.step() {
            if rows.text(1) == "internal" || count == pagesMax {
                place.reach(rows.text(0), children: Int(rows.integer(2)) + 1)
            }
            if count == pagesMax {
                return Tree(table: table, pages: place.total(after: count), isCounted: false)
            }
            count += 1
        }
        return Tree(table: table, pages: count, isCounted: true)
    }

    private mutating func divide(_ trees: [Tree]) {
        let counted = trees.filter(\.isCounted)
        let large = trees.filter { !$0.isCounted }
        for tree in counted { pages[tree.table, default: 0] += tree.pages }
        let rest = max(0, pageCount - freeCount - counted.reduce(0) { $0 + $1.pages })
        let sum = large.reduce(0.0) { $0 + Double($1.pages) }
        for tree in large {
            pages[tree.table, default: 0] += Int(Double(rest) * Double(tree.pages) / sum)
        }
        isEstimated = large.count > 1
    }
}

/// How far a walk in order of key has come in a tree.
struct TreePlace {
    /// Children of the page at each depth above the present one.
    private var children: [Int] = []
    private var fraction = 0.0

    /// The walk is at the page with this path: the numbers of the children that lead to it, in hexadecimal, between
    /// slashes; behind a plus the number of an overflow page.
    mutating func reach(_ path: String, children count: Int) {
        let steps = path.prefix { $0 != "+" }.split(separator: "/").map {
            Int($0.prefix(while: \.isHexDigit), radix: 16) ?? 0
        }
        children.removeLast(max(0, children.count - steps.count))
        var share = 1.0
        fraction = 0
        for (step, count) in zip(steps, children) {
            share /= Double(count)
            fraction += Double(step) * share
        }
        if children.count == steps.count { children.append(count) }
    }

    /// How many pages there will be in all, if what comes is like what has been.
    func total(after count: Int) -> Int {
        fraction > 0 ? max(count, Int(Double(count) / fraction)) : count
    }
}

// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import Glibc

/// Follows LMDB's trees from page to page, without LMDB.
///
/// LMDB's pages have no checksums, and it believes what they say: a number that was damaged on the disk may end the
/// process that follows it. So `verify` walks all trees of a state with this first, and lets LMDB at them only when each
/// page is what the one above says, no page has two places, and each tree has as many as its record says. `open` walks
/// the tree of names, which has a page or two, and the list of free pages while that is short.
///
/// A value that was damaged is not seen here: records have checksums of their own.
struct PageWalk {
    private static let freeFlags: UInt16 = 0x08
    /// Four million free pages: to look at them takes less than a tenth of a second.
    private static let freeListPagesMax: UInt64 = 8_192

    private let descriptor: Int32
    private let pageSize: Int
    private let lastPage: UInt64
    private let freeTree: TreeRecord
    private let nameTree: TreeRecord
    /// A bit for each page that has a place.
    private var seen: [UInt64]
    private var found: [(name: String, tree: TreeRecord)] = []

    private struct Counts {
        var branches: UInt64 = 0
        var leaves: UInt64 = 0
        var overflows: UInt64 = 0
        var entries: UInt64 = 0
    }

    /// `meta` is the meta page of the state; the descriptor is the caller's and stays open meanwhile.
    init(_ descriptor: Int32, pageSize: Int, lastPage: UInt64, meta: [UInt8]) {
        self.descriptor = descriptor
        self.pageSize = pageSize
        self.lastPage = lastPage
        freeTree = TreeRecord(meta, at: 40)
        nameTree = TreeRecord(meta, at: 88)
        seen = [UInt64](repeating: 0, count: Int(lastPage / 64) + 1)
        seen[0] = 0b11
    }

    /// Throws unless the tree of names can be read.
    mutating func checkNames() throws(TreePage.Fault) {
        try walk(nameTree, flags: 0) { (_, _) throws(TreePage.Fault) in }
        for (name, tree) in found {
            do throws(TreePage.Fault) {
                try tree.check(flags: 0, lastPage: lastPage)
            } catch {
                throw TreePage.Fault(what: "table \(name) \(error.what)")
            }
        }
    }

    /// Throws unless the list of free pages can be read and each of them is free once; a long one is not looked at.
    mutating func checkFreePages() throws(TreePage.Fault) {
        let lists = [freeTree.branches, freeTree.leaves, freeTree.overflows]
        guard lists.allSatisfy({ $0 <= Self.freeListPagesMax }) else { return }
        do throws(TreePage.Fault) {
            try walkFree()
        } catch {
            throw TreePage.Fault(what: "the list of free pages: \(error.what)")
        }
    }

    private mutating func walkFree() throws(TreePage.Fault) {
        var free: [[UInt8]] = []
        try walk(freeTree, flags: Self.freeFlags) { (walk, value) throws(TreePage.Fault) in
            free.append(try walk.content(value))
        }
        for list in free { try take(free: list) }
    }

    /// Walks everything; one half of a sentence for each tree that cannot be followed.
    mutating func faults() -> [String] {
        var faults: [String] = []
        var free: [[UInt8]] = []
        func look(_ name: String, _ body: () throws(TreePage.Fault) -> Void) {
            do throws(TreePage.Fault) {
                try body()
            } catch {
                faults.append("\(name): \(error.what)")
            }
        }
        look("the free pages") { () throws(TreePage.Fault) in
            try walk(freeTree, flags: Self.freeFlags) { (walk, value) throws(TreePage.Fault) in
                free.append(try walk.content(value))
            }
        }
        look("the names of the tables") { () throws(TreePage.Fault) in
            try walk(nameTree, flags: 0) { (_, _) throws(TreePage.Fault) in }
        }
        for (name, tree) in found {
            look("table \(name)") { () throws(TreePage.Fault) in
                try walk(tree, flags: 0) { (_, _) throws(TreePage.Fault) in }
            }
        }
        look("the free pages") { () throws(TreePage.Fault) in
            for list in free { try take(free: list) }
        }
        return faults
    }

    private mutating func walk(
        _ tree: TreeRecord, flags: UInt16,
        _ look: (inout PageWalk, TreePage.Value) throws(TreePage.Fault) -> Void
    ) throws(TreePage.Fault) {
        try tree.check(flags: flags, lastPage: lastPage)
        var counts = Counts()
        if let root = tree.root { try visit(root, tree.depth, &counts, look) }
        guard counts.branches == tree.branches, counts.leaves == tree.leaves,
            counts.overflows == tree.overflows, counts.entries == tree.entries
        else { throw TreePage.Fault(what: "has other pages or rows than its record says") }
    }

    /// `height` is one for a leaf.
    private mutating func visit(
        _ number: UInt64, _ height: Int, _ counts: inout Counts,
        _ look: (inout PageWalk, TreePage.Value) throws(TreePage.Fault) -> Void
    ) throws(TreePage.Fault) {
        let page = try page(number)
        guard page.isLeaf == (height == 1) else {
            throw TreePage.Fault(what: "page \(number) is at the wrong height")
        }
        guard page.isLeaf else {
            counts.branches += 1
            for index in 0..<page.count { try visit(page.child(index), height - 1, &counts, look) }
            return
        }
        counts.leaves += 1
        counts.entries += UInt64(page.count)
        for index in 0..<page.count {
            let value = try naming(number) { () throws(TreePage.Fault) in try page.value(index) }
            switch value {
            case .bytes: break
            case .pages(let first, let bytes): counts.overflows += try takeOverflow(first, bytes)
            case .tree(let tree): found.append((page.key(index), tree))
            }
            try look(&self, value)
        }
    }

    private mutating func page(_ number: UInt64) throws(TreePage.Fault) -> TreePage {
        try take(number)
        return try naming(number) { () throws(TreePage.Fault) in
            try TreePage(try read(number, pageSize), number: number)
        }
    }

    /// The pages of a value that does not fit in a leaf; tells how many.
    private mutating func takeOverflow(_ first: UInt64, _ bytes: Int) throws(TreePage.Fault) -> UInt64 {
        try take(first)
        let count = try naming(first) { () throws(TreePage.Fault) in
            try TreePage.overflowCount(try read(first, TreePage.headBytes), number: first)
        }
        let needed = UInt64((TreePage.headBytes + bytes + pageSize - 1) / pageSize)
        guard count >= needed, count <= lastPage - first + 1 else {
            throw TreePage.Fault(what: "the value in page \(first) has \(count) pages and needs \(needed)")
        }
        for number in first + 1..<first + count { try take(number) }
        return count
    }

    /// The bytes of a row of the free list, from wherever they are.
    private func content(_ value: TreePage.Value) throws(TreePage.Fault) -> [UInt8] {
        switch value {
        case .bytes(let bytes): return bytes
        case .tree: throw TreePage.Fault(what: "has a table in it")
        case .pages(let first, let count):
            return Array(try read(first, TreePage.headBytes + count).dropFirst(TreePage.headBytes))
        }
    }

    /// A row of the free list: how many numbers, and the numbers.
    private mutating func take(free list: [UInt8]) throws(TreePage.Fault) {
        let count = list.count >= 8 ? list.number(at: 0, UInt64.self) : .max
        guard count <= UInt64(list.count / 8 - 1) else { throw TreePage.Fault(what: "a list is too short") }
        var last = UInt64.max
        for index in 0..<Int(count) {
            let number = list.number(at: 8 * (index + 1), UInt64.self)
            guard number < last else { throw TreePage.Fault(what: "a list is not in order") }
            last = number
            try take(number)
        }
    }

    private mutating func take(_ number: UInt64) throws(TreePage.Fault) {
        guard number <= lastPage else { throw TreePage.Fault(what: "page \(number) is beyond the end") }
        let (word, bit) = (Int(number / 64), UInt64(1) << (number % 64))
        guard seen[word] & bit == 0 else { throw TreePage.Fault(what: "page \(number) has two places") }
        seen[word] |= bit
    }

    private func read(_ number: UInt64, _ count: Int) throws(TreePage.Fault) -> [UInt8] {
        let offset = Int(number) * pageSize
        let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
            initialized = max(0, pread(descriptor, buffer.baseAddress, count, offset))
        }
        guard bytes.count == count else { throw TreePage.Fault(what: "cannot be read") }
        return bytes
    }

    /// Says which page it is that a fault is about.
    private func naming<Result>(
        _ number: UInt64, _ body: () throws(TreePage.Fault) -> Result
    ) throws(TreePage.Fault) -> Result {
        do throws(TreePage.Fault) {
            return try body()
        } catch {
            throw TreePage.Fault(what: "page \(number) \(error.what)")
        }
    }
}

// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

/// A page of one of LMDB's trees, as it was read from the file; all that it says is within it.
///
/// Sixteen bytes of head: its number, flags, and where the free room between the offsets of the nodes and the nodes
/// themselves begins and ends. A node has eight bytes of head, a key, and in a leaf a value or the number of the pages
/// that hold it; in a branch the head is the number of a page.
struct TreePage {
    /// Why a page cannot be what it should be; half a sentence.
    struct Fault: Error {
        let what: String
    }

    /// What lies under a key.
    enum Value {
        case bytes([UInt8])
        /// So many bytes in pages of their own, from this one on.
        case pages(first: UInt64, count: Int)
        case tree(TreeRecord)
    }

    static let headBytes = 16
    private static let nodeHeadBytes = 8
    private static let isBranch: UInt16 = 0x01
    private static let isLeafFlag: UInt16 = 0x02
    private static let isOverflow: UInt16 = 0x04
    private static let isInOtherPages: UInt16 = 0x01
    private static let isTree: UInt16 = 0x02

    let isLeaf: Bool
    let count: Int
    private let bytes: [UInt8]

    /// Checks the head and every node's place.
    init(_ bytes: [UInt8], number: UInt64) throws(Fault) {
        self.bytes = bytes
        guard bytes.number(at: 0, UInt64.self) == number else { throw Fault(what: "has another number") }
        let flags = bytes.number(at: 10, UInt16.self)
        guard flags == Self.isLeafFlag || flags == Self.isBranch else {
            throw Fault(what: "is neither branch nor leaf")
        }
        isLeaf = flags == Self.isLeafFlag
        let (lower, upper) = (Int(bytes.number(at: 12, UInt16.self)), Int(bytes.number(at: 14, UInt16.self)))
        count = (lower - Self.headBytes) / 2
        guard lower > Self.headBytes, lower % 2 == 0, lower <= upper, upper <= bytes.count else {
            throw Fault(what: "has impossible bounds")
        }
        var lowest = bytes.count
        for index in 0..<count {
            let start = offset(index)
            lowest = min(lowest, start)
            guard start >= upper, start + Self.nodeHeadBytes <= bytes.count,
                start + Self.nodeHeadBytes + keyBytes(start) <= bytes.count
            else { throw Fault(what: "has a node outside of it") }
        }
        guard lowest == upper else { throw Fault(what: "has room where there should be a node") }
    }

    /// The page that a node of a branch leads to.
    func child(_ index: Int) -> UInt64 {
        let start = offset(index)
        return UInt64(bytes.number(at: start, UInt32.self)) | UInt64(flags(start)) << 32
    }

    /// What a node of a leaf holds.
    func value(_ index: Int) throws(Fault) -> Value {
        let start = offset(index)
        let size = Int(bytes.number(at: start, UInt32.self))
        let first = start + Self.nodeHeadBytes + keyBytes(start)
        let flags = flags(start)
        let kept = flags == Self.isInOtherPages ? 8 : size
        guard first + kept <= bytes.count else { throw Fault(what: "has a value outside of it") }
        switch flags {
        case 0: return .bytes(Array(bytes[first..<first + size]))
        case Self.isInOtherPages: return .pages(first: bytes.number(at: first, UInt64.self), count: size)
        case Self.isTree where size == TreeRecord.bytes: return .tree(TreeRecord(bytes, at: first))
        default: throw Fault(what: "has a node of an unknown kind")
        }
    }

    /// The name of a tree, which is the key of a node.
    func key(_ index: Int) -> String {
        let start = offset(index) + Self.nodeHeadBytes
        return String(decoding: bytes[start..<start + keyBytes(offset(index))], as: UTF8.self)
    }

    /// How many pages begin with this head of a value's pages.
    static func overflowCount(_ head: [UInt8], number: UInt64) throws(Fault) -> UInt64 {
        guard head.number(at: 0, UInt64.self) == number, head.number(at: 10, UInt16.self) == isOverflow
        else { throw Fault(what: "is not where a value begins") }
        return UInt64(head.number(at: 12, UInt32.self))
    }

    private func offset(_ index: Int) -> Int {
        Int(bytes.number(at: Self.headBytes + 2 * index, UInt16.self))
    }

    private func flags(_ start: Int) -> UInt16 { bytes.number(at: start + 4, UInt16.self) }

    private func keyBytes(_ start: Int) -> Int { Int(bytes.number(at: start + 6, UInt16.self)) }
}

/// What LMDB keeps about a tree: in a meta page, or under its name.
struct TreeRecord {
    static let bytes = 48
    private static let noPage = UInt64.max
    private static let depthMax = 32

    let flags: UInt16
    let depth: Int
    let branches, leaves, overflows, entries: UInt64
    /// `nil` for an empty tree.
    let root: UInt64?

    init(_ bytes: [UInt8], at start: Int) {
        flags = bytes.number(at: start + 4, UInt16.self)
        depth = Int(bytes.number(at: start + 6, UInt16.self))
        branches = bytes.number(at: start + 8, UInt64.self)
        leaves = bytes.number(at: start + 16, UInt64.self)
        overflows = bytes.number(at: start + 24, UInt64.self)
        entries = bytes.number(at: start + 32, UInt64.self)
        let root = bytes.number(at: start + 40, UInt64.self)
        self.root = root == Self.noPage ? nil : root
    }

    /// Throws unless it can be the record of a tree with these flags.
    func check(flags expected: UInt16, lastPage: UInt64) throws(TreePage.Fault) {
        guard flags == expected, depth <= Self.depthMax, root ?? 2 <= lastPage || root == nil,
            (root == nil) == (depth == 0)
        else { throw TreePage.Fault(what: "has an impossible record") }
    }
}

extension [UInt8] {
    /// A number in the order of this machine, as LMDB writes them. The bytes must be there.
    func number<Number: FixedWidthInteger & BitwiseCopyable>(at offset: Int, _: Number.Type) -> Number {
        precondition(offset >= 0 && offset + MemoryLayout<Number>.size <= count, "a page is read within it")
        return withUnsafeBytes { $0.loadUnaligned(fromByteOffset: offset, as: Number.self) }
    }
}

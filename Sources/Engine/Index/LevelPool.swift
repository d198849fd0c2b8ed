// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

/// Every level text of an index, once, with a number for it.
///
/// A topic's levels are looked up here once each; from then on the walk through the trie compares numbers. A
/// level that no filter names has no number, so only wildcards can match it. Texts lie in one arena, which is
/// written anew when most of it is garbage.
struct LevelPool: Sendable {
    private struct Level {
        var start: Int
        var count: Int32
        var references: UInt32
    }

    private var levels = Slab<Level>()
    private var table = IndexTable()
    private var arena: [UInt8] = []
    private var garbage = 0
    private let hash: SeededHash

    /// An empty pool.
    init(hash: SeededHash) {
        self.hash = hash
    }

    /// How many different texts there are.
    var count: Int { levels.count }

    /// The number of a text, if it has one.
    @inline(__always)
    func find(_ text: UnsafeRawBufferPointer) -> UInt32? {
        find(text, hash(text))
    }

    /// The number of a text that gets one more reference.
    mutating func retain(_ text: UnsafeRawBufferPointer) -> UInt32 {
        let hash = hash(text)
        if let number = find(text, hash) {
            levels[number].references += 1
            return number
        }
        let level = Level(start: arena.count, count: Int32(text.count), references: 1)
        arena.append(contentsOf: text)
        let number = levels.insert(level)
        table.insert(hash, number)
        return number
    }

    /// Gives back one reference; the last one frees the number.
    mutating func release(_ number: UInt32) {
        levels[number].references -= 1
        guard levels[number].references == 0 else { return }
        table.remove(withText(number) { hash($0) }, number)
        garbage += Int(levels[number].count)
        levels.remove(number)
        if garbage > 65_536, garbage > arena.count / 2 { compact() }
    }

    /// Calls `body` with the text of a number.
    func withText<Result>(_ number: UInt32, _ body: (UnsafeRawBufferPointer) -> Result) -> Result {
        let level = levels[number]
        return arena.withUnsafeBytes { bytes in
            body(UnsafeRawBufferPointer(rebasing: bytes[level.start..<level.start + Int(level.count)]))
        }
    }

    @inline(__always)
    private func find(_ text: UnsafeRawBufferPointer, _ hash: UInt64) -> UInt32? {
        table.find(hash) { number in
            levels[number].count == text.count && withText(number) { $0.hasSameBytes(as: text) }
        }
    }

    private mutating func compact() {
        var kept: [UInt8] = []
        kept.reserveCapacity(arena.count - garbage)
        for number in table.places {
            let start = kept.count
            withText(number) { kept.append(contentsOf: $0) }
            levels[number].start = start
        }
        arena = kept
        garbage = 0
    }
}

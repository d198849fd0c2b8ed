// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import Testing

@testable import Engine

@Suite struct NumberRangesTests {
    @Test(arguments: 1...30 as ClosedRange<UInt64>)
    func `ranges hold what a set would, and neighbours are one range`(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        var ranges = NumberRanges()
        var set: Set<UInt64> = []
        for _ in 0..<60 {
            let lower = UInt64.random(in: 0...200, using: &random)
            let range = lower...lower + .random(in: 0...5, using: &random)
            if Int.random(in: 0..<12, using: &random) == 0 {
                ranges.remove(through: lower / 4)
                set = set.filter { $0 > lower / 4 }
            } else {
                ranges.insert(range)
                set.formUnion(range)
            }
            #expect((0...210 as ClosedRange<UInt64>).allSatisfy { ranges.contains($0) == set.contains($0) })
            #expect(ranges.max == set.max() && ranges.isEmpty == set.isEmpty)
            #expect(ranges.count == set.count { !set.contains($0 &+ 1) })
            #expect(ranges.contains(range) == range.allSatisfy(set.contains))
            #expect(ranges.overlaps(range) == range.contains(where: set.contains))
        }
    }

    @Test func `the first ranges go, but none beyond the number`() {
        var ranges = NumberRanges()
        for number in [1, 3, 5, 7] as [UInt64] { ranges.insert(number...number) }
        ranges.removeFirst(downTo: 1, through: 4)
        #expect(ranges.count == 2 && ranges.contains(5) && !ranges.contains(3))
        ranges.removeFirst(downTo: 1, through: 9)
        #expect(ranges.count == 1 && ranges.contains(7))
    }
}

// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import DequeModule

/// A set of numbers that is small because its members are neighbours: ranges in order, none touching the next.
struct NumberRanges: Sendable {
    private var ranges: Deque<ClosedRange<UInt64>> = []

    /// How many ranges there are.
    var count: Int { ranges.count }

    var isEmpty: Bool { ranges.isEmpty }

    var max: UInt64? { ranges.last?.upperBound }

    func contains(_ number: UInt64) -> Bool { contains(number...number) }

    /// Whether every number of the range is there.
    func contains(_ range: ClosedRange<UInt64>) -> Bool {
        let index = firstRange(endingAt: range.lowerBound)
        return index < ranges.count && ranges[index].lowerBound <= range.lowerBound
            && ranges[index].upperBound >= range.upperBound
    }

    /// Whether any number of the range is there.
    func overlaps(_ range: ClosedRange<UInt64>) -> Bool {
        let index = firstRange(endingAt: range.lowerBound)
        return index < ranges.count && ranges[index].lowerBound <= range.upperBound
    }

    mutating func insert(_ range: ClosedRange<UInt64>) {
        var merged = range
        let start = firstRange(endingAt: range.lowerBound == 0 ? 0 : range.lowerBound - 1)
        var end = start
        while end < ranges.count, ranges[end].lowerBound <= range.upperBound + 1 {
            let lower = Swift.min(merged.lowerBound, ranges[end].lowerBound)
            merged = lower...Swift.max(merged.upperBound, ranges[end].upperBound)
            end += 1
        }
        ranges.replaceSubrange(start..<end, with: CollectionOfOne(merged))
    }

    /// Removes every number up to this one.
    mutating func remove(through number: UInt64) {
        while let first = ranges.first, first.lowerBound <= number {
            ranges.removeFirst()
            if first.upperBound > number { ranges.prepend(number + 1...first.upperBound) }
        }
    }

    /// Removes the first ranges until `count` are left, but none that goes beyond `number`.
    mutating func removeFirst(downTo count: Int, through number: UInt64) {
        while ranges.count > count, let first = ranges.first, first.upperBound <= number {
            ranges.removeFirst()
        }
    }

    /// The index of the first range that ends at this number or above it.
    private func firstRange(endingAt number: UInt64) -> Int {
        var low = 0
        var high = ranges.count
        while low < high {
            let middle = (low + high) / 2
            if ranges[middle].upperBound < number { low = middle + 1 } else { high = middle }
        }
        return low
    }
}

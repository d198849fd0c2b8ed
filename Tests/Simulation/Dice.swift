// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import Engine

/// Everything random in a run comes from here.
package struct Dice {
    private var random: SplitMix64

    package init(seed: UInt64) {
        random = SplitMix64(seed: seed &* 0x2545_F491_4F6C_DD1D)
    }

    /// True once in so many throws.
    package mutating func chance(_ probability: Double) -> Bool {
        Double(random.next() >> 11) < probability * Double(1 << 53)
    }

    package mutating func pick(_ range: ClosedRange<Int>) -> Int {
        range.lowerBound + Int(random.next() % UInt64(range.count))
    }

    package mutating func pick<Element>(_ elements: [Element]) -> Element {
        elements[Int(random.next() % UInt64(elements.count))]
    }

    /// An index, each as likely as its weight.
    package mutating func pick(weights: [Int]) -> Int {
        var rest = Int(random.next() % UInt64(max(1, weights.reduce(0, +))))
        for (index, weight) in weights.enumerated() {
            if rest < weight { return index }
            rest -= weight
        }
        return weights.count - 1
    }

    package mutating func seed() -> UInt64 { random.next() }
}

// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import Persistence

/// Places ordered by a key, least first: a binary heap.
///
/// What becomes void stays until it comes up or the owner sweeps; an entry carries the message number it was
/// made for, so the owner sees that.
struct PlaceHeap: Sendable {
    struct Entry: Sendable {
        var key: Int64
        var number: MessageNumber
        var place: UInt32
    }

    private var entries: [Entry] = []

    /// How many entries there are, the void ones included.
    var count: Int { entries.count }

    /// The entry with the least key.
    var least: Entry? { entries.first }

    /// Adds an entry.
    mutating func push(_ entry: Entry) {
        entries.append(entry)
        var index = entries.count - 1
        while index > 0, entries[index].key < entries[(index - 1) / 2].key {
            entries.swapAt(index, (index - 1) / 2)
            index = (index - 1) / 2
        }
    }

    /// Takes out the entry with the least key.
    mutating func popLeast() {
        entries.swapAt(0, entries.count - 1)
        entries.removeLast()
        sink(0)
    }

    /// Keeps only the entries that are not void.
    mutating func sweep(where isValid: (Entry) -> Bool) {
        entries.removeAll { !isValid($0) }
        for index in stride(from: entries.count / 2 - 1, through: 0, by: -1) { sink(index) }
    }

    private mutating func sink(_ start: Int) {
        var index = start
        while true {
            var least = index
            for child in 2 * index + 1...2 * index + 2 where child < entries.count {
                if entries[child].key < entries[least].key { least = child }
            }
            guard least != index else { return }
            entries.swapAt(index, least)
            index = least
        }
    }
}

// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import Persistence

/// The retained values in the order of their numbers, for reading in windows.
///
/// Numbers mostly rise, so an entry is appended or moved a little; what comes far out of order (a start reads
/// the store by topic) waits in a second array and is merged before the next reading. A value that was
/// replaced leaves a void entry until the owner sweeps.
struct RetainedLog: Sendable {
    struct Entry: Sendable {
        var number: MessageNumber
        var place: UInt32
    }

    /// In rising order, once `settle` was called.
    private(set) var entries: [Entry] = []
    private var strays: [Entry] = []
    private static let shiftsMax = 256

    /// How many entries there are, the void ones included.
    var count: Int { entries.count + strays.count }

    /// Adds a value.
    mutating func insert(_ number: MessageNumber, _ place: UInt32) {
        let entry = Entry(number: number, place: place)
        var index = entries.count
        let least = max(0, entries.count - Self.shiftsMax)
        while index > least, entries[index - 1].number > number { index -= 1 }
        if index > 0, entries[index - 1].number > number {
            strays.append(entry)
        } else {
            entries.insert(entry, at: index)
        }
    }

    /// Merges what came far out of order.
    mutating func settle() {
        guard !strays.isEmpty else { return }
        entries.append(contentsOf: strays)
        entries.sort { $0.number < $1.number }
        strays = []
    }

    /// Keeps only the entries that are not void.
    mutating func sweep(where isValid: (Entry) -> Bool) {
        entries.removeAll { !isValid($0) }
        strays.removeAll { !isValid($0) }
    }

    /// The index of the first entry above `number`.
    func index(after number: MessageNumber) -> Int {
        var low = 0
        var high = entries.count
        while low < high {
            let middle = (low + high) / 2
            if entries[middle].number <= number { low = middle + 1 } else { high = middle }
        }
        return low
    }
}

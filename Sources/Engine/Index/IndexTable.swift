// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

/// A hash table from keys that lie elsewhere to their places: open addressing, eight bytes a slot.
///
/// The table keeps half of each hash beside the place, so that it grows and closes gaps without looking at
/// keys, and asks its owner about equality only where the halves agree.
struct IndexTable: Sendable {
    private struct Slot {
        var hash: UInt32
        var place: UInt32
    }

    /// How many places are in the table.
    private(set) var count = 0
    private var slots: [Slot] = []
    private var mask = 0

    /// A table that takes `capacity` places before it grows.
    init(capacity: Int = 0) {
        if capacity > 0 { resize(toHold: capacity) }
    }

    /// Every place, in the order of the table.
    var places: some Sequence<UInt32> { slots.lazy.map(\.place).filter { $0 != nowhere } }

    /// The place under `hash` that `isWanted` accepts.
    @inline(__always)
    func find(_ hash: UInt64, where isWanted: (UInt32) -> Bool) -> UInt32? {
        guard count > 0 else { return nil }
        let half = UInt32(truncatingIfNeeded: hash &>> 32)
        var index = Int(half) & mask
        while slots[index].place != nowhere {
            if slots[index].hash == half, isWanted(slots[index].place) { return slots[index].place }
            index = (index &+ 1) & mask
        }
        return nil
    }

    /// Adds a place that is not yet there.
    mutating func insert(_ hash: UInt64, _ place: UInt32) {
        if (count + 1) * 4 > slots.count * 3 { resize(toHold: (count + 1) * 3 / 2) }
        put(Slot(hash: UInt32(truncatingIfNeeded: hash &>> 32), place: place))
        count += 1
    }

    /// Takes a place out; whoever calls knows that it is there.
    mutating func remove(_ hash: UInt64, _ place: UInt32) {
        var index = Int(UInt32(truncatingIfNeeded: hash &>> 32)) & mask
        while slots[index].place != place {
            precondition(slots[index].place != nowhere, "a place is removed that is not in the table")
            index = (index + 1) & mask
        }
        count -= 1
        closeGap(at: index)
    }

    /// Moves later slots of the same run forward, so that no probe ends early.
    private mutating func closeGap(at gap: Int) {
        var gap = gap
        var index = (gap + 1) & mask
        while slots[index].place != nowhere {
            let home = Int(slots[index].hash) & mask
            if (index - home) & mask >= (index - gap) & mask {
                slots[gap] = slots[index]
                gap = index
            }
            index = (index + 1) & mask
        }
        slots[gap].place = nowhere
    }

    private mutating func resize(toHold capacity: Int) {
        var size = 8
        while size * 3 < capacity * 4 { size *= 2 }
        let old = slots
        slots = [Slot](repeating: Slot(hash: 0, place: nowhere), count: size)
        mask = size - 1
        for slot in old where slot.place != nowhere { put(slot) }
    }

    private mutating func put(_ slot: Slot) {
        var index = Int(slot.hash) & mask
        while slots[index].place != nowhere { index = (index &+ 1) & mask }
        slots[index] = slot
    }
}

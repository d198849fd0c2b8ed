// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

/// The place of nothing in a `Slab`.
let nowhere = UInt32.max

/// Elements in one array, named by their places; a place that becomes free is given out again.
///
/// It serves instead of an object per element: four bytes a reference, no reference counting.
struct Slab<Element: Sendable>: Sendable {
    private var elements: [Element] = []
    private var free: [UInt32] = []

    /// How many elements there are.
    var count: Int { elements.count - free.count }

    /// The element at a place that was given out.
    subscript(place: UInt32) -> Element {
        @inline(__always) get { elements[Int(place)] }
        @inline(__always) _modify { yield &elements[Int(place)] }
    }

    /// Keeps an element and tells its place.
    mutating func insert(_ element: Element) -> UInt32 {
        if let place = free.popLast() {
            elements[Int(place)] = element
            return place
        }
        precondition(elements.count < Int(nowhere), "a slab is full")
        elements.append(element)
        return UInt32(elements.count - 1)
    }

    /// Gives a place back.
    mutating func remove(_ place: UInt32) {
        free.append(place)
    }
}

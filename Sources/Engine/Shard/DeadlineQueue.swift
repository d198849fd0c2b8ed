// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

package import Persistence

/// When absent sessions need attention: a binary heap with lazy cancellation.
package struct DeadlineQueue {
    private struct Item {
        var at: Milliseconds
        var session: SessionNumber
        var generation: UInt64
    }

    private var heap: [Item] = []
    private var current: [SessionNumber: UInt64] = [:]
    private var generation: UInt64 = 0

    package init() {}

    /// Sets a session's only deadline.
    package mutating func set(_ session: Session, at time: Milliseconds) {
        generation += 1
        current[session.number] = generation
        push(Item(at: time, session: session.number, generation: generation))
    }

    package mutating func cancel(_ session: Session) {
        current[session.number] = nil
    }

    /// A session whose deadline has passed.
    package mutating func next(now: Milliseconds) -> SessionNumber? {
        while let first = heap.first {
            let isCurrent = current[first.session] == first.generation
            guard !isCurrent || first.at <= now else { return nil }
            pop()
            if isCurrent {
                current[first.session] = nil
                return first.session
            }
        }
        return nil
    }

    private mutating func push(_ item: Item) {
        heap.append(item)
        var child = heap.count - 1
        while child > 0, heap[(child - 1) / 2].at > heap[child].at {
            heap.swapAt(child, (child - 1) / 2)
            child = (child - 1) / 2
        }
    }

    private mutating func pop() {
        heap.swapAt(0, heap.count - 1)
        heap.removeLast()
        var parent = 0
        while true {
            let left = parent * 2 + 1
            guard left < heap.count else { return }
            let right = left + 1
            let least = right < heap.count && heap[right].at < heap[left].at ? right : left
            guard heap[least].at < heap[parent].at else { return }
            heap.swapAt(least, parent)
            parent = least
        }
    }
}

// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

/// A dictionary whose keys can be walked in order.
///
/// The keys lie in a sorted array beside the dictionary. A removed key stays in the array until half of them are
/// gone, so taking entries out at the front, as a queue does, costs no more than anywhere else.
struct SortedMap<Key: Hashable & Comparable & Sendable, Value: Sendable>: Sendable {
    private var values: [Key: Value] = [:]
    private var keys: [Key] = []

    init() {}

    var count: Int { values.count }
    var isEmpty: Bool { values.isEmpty }
    /// All values by their keys.
    var dictionary: [Key: Value] { values }

    // Both setters change the value in place: a copy of it could be a copy of a whole queue.
    subscript(key: Key) -> Value? {
        get { values[key] }
        _modify {
            let count = values.count
            yield &values[key]
            if values.count > count { insert(key) }
            if values.count < count { compact() }
        }
    }

    subscript(key: Key, default value: @autoclosure () -> Value) -> Value {
        get { values[key] ?? value() }
        _modify {
            let count = values.count
            yield &values[key, default: value()]
            if values.count > count { insert(key) }
        }
    }

    /// The entries with keys above `key` (all of them for `nil`), rising, at most `limit`.
    func entries(after key: Key?, limit: Int = .max) -> [(key: Key, value: Value)] {
        var found: [(key: Key, value: Value)] = []
        walk(after: key) { key, value in
            guard found.count < limit else { return false }
            found.append((key, value))
            return true
        }
        return found
    }

    /// Calls `visit` with the entries above `key`, rising, until it returns false.
    func walk(after key: Key?, _ visit: (Key, Value) -> Bool) {
        var index = key.map { position(of: $0, orAfter: true) } ?? 0
        while index < keys.count {
            if let value = values[keys[index]], !visit(keys[index], value) { return }
            index += 1
        }
    }

    private mutating func insert(_ key: Key) {
        let index = position(of: key, orAfter: false)
        if index == keys.count || keys[index] != key { keys.insert(key, at: index) }
    }

    private mutating func compact() {
        if keys.count > 2 * values.count { keys.removeAll { values[$0] == nil } }
    }

    /// The first index whose key is not below `key`; with `orAfter`, whose key is above it.
    private func position(of key: Key, orAfter: Bool) -> Int {
        var low = 0
        var high = keys.count
        while low < high {
            let middle = (low + high) / 2
            if keys[middle] < key || (orAfter && keys[middle] == key) {
                low = middle + 1
            } else {
                high = middle
            }
        }
        return low
    }
}

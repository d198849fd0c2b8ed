// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

public import Persistence
import Synchronization

/// The store without a disk, and the specification of all others: what it answers is right.
///
/// The contents are one value behind one lock. They end with the object, not with `close`: an object that is
/// opened again has all it had, as a disk would. A batch that breaks the contract of `Change` stops the
/// process here with the rule it broke, so tests find the engine's mistakes on this store.
public final class MemoryStore: Store {
    private struct State {
        var contents = Contents()
        var isOpen = false
    }

    private let state = Mutex(State())

    /// An empty store.
    public init() {}

    /// Always `memory`.
    public var name: String { "memory" }
    /// Always `memory`.
    public var location: String { "memory" }
    /// Always `memory`.
    public var durability: Durability { .memory }

    /// Makes the store ready; what it held when it was closed is there.
    public func open() {
        state.withLock { $0.isOpen = true }
    }

    /// Refuses reads and commits until the store is opened again; keeps its contents.
    public func close() {
        state.withLock { $0.isOpen = false }
    }

    /// Applies all changes under the lock; never fails on an open store.
    public func commit(_ batch: borrowing ChangeBatch) throws(StoreError) {
        try state.withLock { (state) throws(StoreError) in
            guard state.isOpen else { throw StoreError(.unavailable, "The memory store is not open.") }
            if batch.number > state.contents.info.batch { state.contents.apply(batch) }
        }
    }

    /// One sentence per broken invariant.
    public func verify() throws(StoreError) -> [String] {
        try read { (contents) throws(StoreError) in contents.faults() }
    }

    /// Everything the store holds, as a value that can be compared; works on a closed store too.
    public func snapshot() throws(StoreError) -> Snapshot {
        try state.withLock { (state) throws(StoreError) in try Snapshot(state.contents) }
    }

    func read<Result: Sendable>(
        _ body: (borrowing Contents) throws(StoreError) -> Result
    ) throws(StoreError) -> Result {
        try state.withLock { (state) throws(StoreError) -> Result in
            guard state.isOpen else { throw StoreError(.unavailable, "The memory store is not open.") }
            return try body(state.contents)
        }
    }
}

// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

/// A store that can be looked at beside the broker that has it, by a tool in another process.
package protocol ReadableStore: Store {
    /// Makes the pages readable without becoming the store's owner and without changing what is stored; nothing can be
    /// committed. Ends with `close`. Throws `unavailable` when there is nothing at the place: nothing is made there.
    func openForReading() throws(StoreError)

    /// The durability that the broker or tool which wrote last asked of the store; of Redis, what its settings promise.
    /// `nil` when that is not known: what was written last did not say.
    func recordedDurability() throws(StoreError) -> Durability?
}

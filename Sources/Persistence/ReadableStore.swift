// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

/// A store that can be looked at beside the broker that has it, by a tool in another process.
package protocol ReadableStore: Store {
    /// Makes the pages readable without becoming the store's owner and without changing what is stored; nothing can be
    /// committed. Ends with `close`. Throws `unavailable` when there is nothing at the place: nothing is made there.
    func openForReading() throws(StoreError)
}

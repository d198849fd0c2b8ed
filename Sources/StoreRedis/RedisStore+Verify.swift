// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

public import Persistence

extension RedisStore {
    /// Later.
    public func verify() throws(StoreError) -> [String] { [] }
}

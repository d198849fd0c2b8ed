// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import Persistence

/// Looks into the store now and then while nothing is committed to it.
///
/// A broker that lost its store to another one while it was stopped must learn of it although nobody gives it
/// anything to commit: it would go on to acknowledge what needs no commit, to clients that the other broker does
/// not know of. A look costs one small read each second.
struct StoreWatch {
    private let store: any Store
    private var lookedAt: Milliseconds = 0

    /// How long the store is left alone.
    static let milliseconds = 1000

    init(_ store: any Store) {
        self.store = store
    }

    /// A commit has told as much as a look would.
    mutating func stands(at now: Milliseconds) {
        lookedAt = now
    }

    /// What is wrong with the store, if it is time to look and it can be told. A store that is away for a while
    /// is none of our business: the next commit tells.
    mutating func look(at now: Milliseconds) -> StoreError? {
        guard now - lookedAt >= Milliseconds(StoreWatch.milliseconds) else { return nil }
        lookedAt = now
        do throws(StoreError) {
            _ = try store.sysInfo()
            return nil
        } catch {
            return error
        }
    }
}

// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

public import Persistence

extension RedisStore {
    /// Reads everything below the prefix and checks every record and every invariant between them. Commits
    /// may go on meanwhile, but there is no state that is held for a reader, so it begins again when a batch
    /// was applied, and after a few times throws `retry`. Takes memory for a part of what is stored.
    public func verify() throws(StoreError) -> [String] {
        for _ in 0..<Self.verifyAttemptsMax {
            let inspection = Inspection(self, try sysInfo())
            do throws(StoreError) {
                let faults = try inspection.allFaults()
                if try sysInfo().batch == inspection.info.batch { return faults }
            } catch {
                guard inspection.isOutdated else { throw error }
            }
        }
        throw StoreError(.retry, "\(location) changes while it is verified: stop the broker first.")
    }

    private static let verifyAttemptsMax = 3
}

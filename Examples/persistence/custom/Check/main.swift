// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

// Tries every rule of the port on the store of this example.
//
//     swift run persistence-custom-check

import Glibc
import LogStore
import Persistence
import StoreConformance
import Synchronization

let made = Atomic<Int>(0)
let fixture = StoreFixture(
    create: {
        let number = made.add(1, ordering: .relaxed).newValue
        return LogStore(path: "/tmp/roost-check-\(getpid())-\(number).log")
    },
    destroy: { store in unlink(store.location) })

var failures = 0
for check in StoreConformance.checks {
    do {
        try check.run(fixture)
        print("passed  \(check)")
    } catch {
        failures += 1
        print("FAILED  \(check): \(error)")
    }
}
print("\(StoreConformance.checks.count - failures) of \(StoreConformance.checks.count) rules passed")
exit(failures == 0 ? 0 : 1)

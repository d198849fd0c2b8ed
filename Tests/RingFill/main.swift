// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import Glibc
import Persistence
import StoreSQLite

// ring-fill FILE RECORDS   makes a database for the migration ring; see Filling

guard CommandLine.arguments.count == 3, let records = UInt64(CommandLine.arguments[2]), records > 0,
    records % 10_000 == 0
else {
    print("usage: ring-fill FILE RECORDS   (a multiple of 10,000)")
    exit(2)
}
let store = SQLiteStore(path: CommandLine.arguments[1], durability: .process)
try store.open()
var filling = Filling(store, records: records, now: Milliseconds(time(nil)) * 1_000)
try filling.run()
store.close()

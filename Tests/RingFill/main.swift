// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import Glibc
import Persistence
import StoreSQLite

// ring-fill FILE RECORDS           makes a database for the migration ring; see Filling
// ring-fill FILE RECORDS fan-out   makes one of a tenth as many sessions that all wait for one message

let arguments = CommandLine.arguments
guard arguments.count == 3 || arguments.count == 4 && arguments[3] == "fan-out",
    let records = UInt64(arguments[2]), records > 0,
    records % 10_000 == 0
else {
    print("usage: ring-fill FILE RECORDS [fan-out]   (a multiple of 10,000)")
    exit(2)
}
let store = SQLiteStore(path: arguments[1], durability: .process)
try store.open()
var filling = Filling(store, records: records, now: Milliseconds(time(nil)) * 1_000)
try arguments.count == 4 ? filling.runFanOut() : filling.run()
store.close()

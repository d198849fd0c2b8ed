// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import Persistence

/// What was asked of the database, so that others can tell; it lies beside the system information, in a row that every
/// batch writes.
///
/// It goes with the first batch after an opening that asked for something else: a database that was opened and not
/// written to says what it said. That batch is synced in any case, so that after a loss of power the file does not
/// promise more than was asked for. The first builds of format 1 had no column for it and pass over one.
extension Connection {
    /// What whoever wrote last asked for; `nil` when that is not known.
    func recordedDurability() throws(SQLiteFailure) -> Durability? {
        guard try hasDurabilityColumn() else { return nil }
        let level = try integer("SELECT coalesce(durability, -1) FROM info WHERE id = 1")
        return UInt8(exactly: level).flatMap(Durability.init(rawValue:))
    }

    /// Whether there is a place for it.
    func hasDurabilityColumn() throws(SQLiteFailure) -> Bool {
        try integer("SELECT count(*) FROM pragma_table_info('info') WHERE name = 'durability'") > 0
    }

    /// Records it within the open transaction.
    func record(_ durability: Durability) throws(SQLiteFailure) {
        if try !hasDurabilityColumn() { try execute("ALTER TABLE info ADD COLUMN durability INTEGER") }
        try execute("UPDATE info SET durability = \(durability.rawValue) WHERE id = 1")
    }

    /// From now on commits are synced as that asks for, and no more; not within a transaction.
    func sync(for durability: Durability) throws(SQLiteFailure) {
        let level =
            switch durability {
            case .disk: "FULL"
            case .process: "NORMAL"
            case .memory: "OFF"
            }
        try execute("PRAGMA synchronous=\(level)")
    }
}

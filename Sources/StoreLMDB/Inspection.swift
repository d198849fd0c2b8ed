// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import CLMDB
import Packets
import Persistence

/// Looks for everything that does not fit together, as of one committed state.
///
/// It reads everything within one transaction and gives up, to begin anew, when the map has to move. Memory grows
/// with the number of messages that have rows of their own.
struct Inspection {
    /// Sentences of one kind; more of the same help nobody.
    private static let faultsMax = 100

    let transaction: Transaction
    let tables: Tables
    let info: SysInfoRecord
    /// Rows between two looks at `mayGoOn`.
    private static let rowsPerLook = 256
    /// Throws when it is time to give up.
    private let mayGoOn: () throws(LMDBFailure) -> Void
    private(set) var faults: [String] = []
    private var faultCounts: [String: Int] = [:]
    /// Deliveries that need a row in `message`, by its number.
    var users: [MessageNumber: UInt64] = [:]
    /// Messages that lie in their delivery.
    var inlineCount: UInt64 = 0

    init(
        _ transaction: Transaction, _ tables: Tables, _ info: SysInfoRecord,
        mayGoOn: @escaping () throws(LMDBFailure) -> Void
    ) {
        self.transaction = transaction
        self.tables = tables
        self.info = info
        self.mayGoOn = mayGoOn
    }

    /// Everything; `pages` is how many there are up to the last one.
    mutating func inspect(pages: Int) throws(LMDBFailure) {
        try inspectPages(pages)
        try inspectDurability()
        try inspectClients()
        try inspectEnded()
        try inspectSubscriptions()
        try inspectReceptions()
        try inspectDeliveries()
        try inspectMessages()
        try inspectReferences()
        try inspectRetained()
        try inspectBoots()
        try inspectCounts()
    }

    /// A sentence; `kind` is what others of its kind share.
    mutating func found(_ kind: String, _ sentence: String) {
        faultCounts[kind, default: 0] += 1
        if faultCounts[kind, default: 0] <= Self.faultsMax { faults.append(sentence) }
    }

    /// What `read` gives, or `nil` and a sentence.
    mutating func decoded<Value>(
        _ what: String, _ read: () throws(StoreError) -> Value
    ) -> Value? {
        do throws(StoreError) {
            return try read()
        } catch {
            found("record", "\(what): \(error.message)")
            return nil
        }
    }

    /// Calls `look` with every row of a table, in order of key, and checks that order.
    mutating func walk(
        _ name: String, _ table: MDB_dbi,
        _ look: (inout Inspection, UnsafeRawBufferPointer, UnsafeRawBufferPointer) throws(LMDBFailure) -> Void
    ) throws(LMDBFailure) {
        var cursor = try Cursor(transaction, table)
        var last: [UInt8] = []
        var count = 0
        while try cursor.next() {
            if count % Self.rowsPerLook == 0 { try mayGoOn() }
            count += 1
            if !last.isEmpty, !last.lexicographicallyPrecedes(cursor.key) {
                found(name, "The keys of \(name) are not in order.")
            }
            last = Array(cursor.key)
            try look(&self, cursor.key, cursor.value)
        }
    }

    /// Every page is in one tree, or free; the two meta pages count as used.
    private mutating func inspectPages(_ pages: Int) throws(LMDBFailure) {
        var used = 2 + (try transaction.freePages())
        for table in [Tables.free, Tables.unnamed] + tables.all.map(\.table) {
            used += try transaction.statistics(table).pages
        }
        if used != pages {
            found("pages", "LMDB: \(used) pages are in tables or free, and there are \(pages).")
        }
    }

    private mutating func inspectDurability() throws(LMDBFailure) {
        guard let value = try transaction.get(Tables.unnamed, Tables.durabilityKey) else { return }
        _ = decoded("The recorded durability") { () throws(StoreError) in try Durability(sealed: value) }
    }

    private mutating func inspectCounts() throws(LMDBFailure) {
        let tables = tables
        func rows(_ table: MDB_dbi) throws(LMDBFailure) -> UInt64 {
            UInt64(try transaction.statistics(table).ms_entries)
        }
        let counters: [(String, UInt64, UInt64)] = [
            ("clients", info.clientCount, try rows(tables.client)),
            ("subscriptions", info.subscriptionCount, try rows(tables.subscription)),
            ("deliveries", info.deliveryCount, try rows(tables.delivery)),
            ("messages", info.messageCount, try rows(tables.message) + inlineCount),
            ("receptions", info.receptionCount, try rows(tables.reception)),
            ("retained messages", info.retainedCount, try rows(tables.retained)),
        ]
        for (name, stored, counted) in counters where stored != counted {
            found("counts", "The store counts \(stored) \(name) and has \(counted).")
        }
    }
}

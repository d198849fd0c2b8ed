// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import Packets
import Persistence

/// Looks for everything that does not fit together, within one read transaction.
struct Inspection {
    /// Sentences of one kind; more of the same help nobody.
    private static let faultsMax = 100

    private let connection: Connection
    private let info: SysInfoRecord

    init(_ connection: Connection, _ info: SysInfoRecord) {
        self.connection = connection
        self.info = info
    }

    /// One sentence per fault.
    func faults() throws(SQLiteFailure) -> [String] {
        var faults = try integrity()
        for rule in InspectionRule.all { faults += try broken(rule) }
        faults += try counts()
        faults += try durability()
        faults += try records()
        return faults
    }

    private func integrity() throws(SQLiteFailure) -> [String] {
        let lines = try rows("PRAGMA integrity_check(100)") { $0.text(0) }
        return lines == ["ok"] ? [] : lines.map { "SQLite: \($0)." }
    }

    /// The sentence of a rule for every row that its query finds.
    private func broken(_ rule: InspectionRule) throws(SQLiteFailure) -> [String] {
        let limits = "WITH info(session, message) AS (SELECT \(info.session), \(info.message))"
        let sql = "\(limits) \(rule.query) LIMIT \(Self.faultsMax)"
        return try rows(sql) { row in rule.sentence(row.integer(0), row.integer(1)) }
    }

    private func counts() throws(SQLiteFailure) -> [String] {
        let counters: [(String, UInt64, String)] = [
            ("clients", info.clientCount, "client"),
            ("subscriptions", info.subscriptionCount, "subscription"),
            ("deliveries", info.deliveryCount, "(SELECT 1 FROM recent UNION ALL SELECT 1 FROM settled)"),
            ("messages", info.messageCount, InspectionRule.bodies),
            ("receptions", info.receptionCount, "reception"),
            ("retained messages", info.retainedCount, "retained"),
        ]
        var faults: [String] = []
        for (name, stored, table) in counters {
            let counted = try connection.integer("SELECT count(*) FROM \(table)")
            if counted != stored { faults.append("The store counts \(stored) \(name) and has \(counted).") }
        }
        return faults
    }

    private func durability() throws(SQLiteFailure) -> [String] {
        guard try connection.hasDurabilityColumn() else { return [] }
        return try rows("SELECT durability FROM info WHERE durability NOT IN (0, 1, 2)") { row in
            "The recorded durability, \(row.text(0)), is none."
        }
    }

    private func rows<Value>(
        _ sql: String, _ value: (Statement) -> Value
    ) throws(SQLiteFailure) -> [Value] {
        let statement = try connection.statement(sql)
        defer { statement.reset() }
        var values: [Value] = []
        while try statement.step() { values.append(value(statement)) }
        return values
    }
}

/// Every record can be decoded and lies where it belongs.
extension Inspection {
    private func records() throws(SQLiteFailure) -> [String] {
        var faults = try undecodable("SELECT record, session, key FROM client") {
            (row) throws(StoreError) in
            let record = try RecordCoding.decodeClient(row.bytes(0))
            return record.session == row.number(1) && TextKey(record.clientID).bytes == Array(row.bytes(2))
        }
        faults += try undecodable("SELECT record, session, key FROM subscription") {
            (row) throws(StoreError) in
            let record = try RecordCoding.decodeSubscription(row.bytes(0))
            return record.session == row.number(1) && TextKey(record.filter).bytes == Array(row.bytes(2))
        }
        faults += try undecodable("SELECT record, number, key FROM retained") { (row) throws(StoreError) in
            let record = try RecordCoding.decodeMessage(row.bytes(0))
            return TextKey(record.topic).bytes == Array(row.bytes(2))
        }
        faults += try undecodable("SELECT record, number FROM message") { (row) throws(StoreError) in
            _ = try RecordCoding.decodeMessage(row.bytes(0))
            return true
        }
        return faults + (try deliveryRecords())
    }

    private func deliveryRecords() throws(SQLiteFailure) -> [String] {
        let message = MessageRecord(topic: "", payload: [])
        let sql = """
            SELECT record, number, session, state, body FROM settled
            UNION ALL SELECT record, number, session, state, NULL FROM recent
            """
        return try undecodable(sql) { (row) throws(StoreError) in
            if !row.isNull(4) { _ = try RecordCoding.decodeMessage(row.bytes(4)) }
            _ = try RecordCoding.decodeDelivery(
                row.bytes(0), session: row.number(2), number: row.number(1), message: message)
            return DeliveryState(rawValue: UInt8(truncatingIfNeeded: row.integer(3))) != nil
        }
    }

    private func undecodable(
        _ sql: String, _ fits: (Statement) throws(StoreError) -> Bool
    ) throws(SQLiteFailure) -> [String] {
        let what = sql.split(separator: " ").drop { $0 != "FROM" }.dropFirst().first ?? ""
        var faults: [String] = []
        let statement = try connection.statement(sql)
        defer { statement.reset() }
        while try statement.step(), faults.count < Self.faultsMax {
            do throws(StoreError) {
                if try fits(statement) { continue }
                faults.append("A record \(statement.integer(1)) in \(what) lies under the wrong key.")
            } catch {
                faults.append("A record \(statement.integer(1)) in \(what): \(error.message)")
            }
        }
        return faults
    }
}

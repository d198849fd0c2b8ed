// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

public import Packets
public import Persistence

/// The pages. Each is one statement, which sees one committed state from its first row to its last.
extension SQLiteStore {
    /// See `StoredClients`.
    public func clients(after session: SessionNumber, limit: Int) throws(StoreError) -> [ClientRecord] {
        try page("SELECT record FROM client WHERE session > ?1 ORDER BY session", limit: limit) { statement in
            statement.bind(1, session)
        } record: { (row) throws(StoreError) -> ClientRecord in
            try RecordCoding.decodeClient(row.bytes(0))
        }
    }

    /// See `StoredClients`.
    public func client(_ clientID: Text) throws(StoreError) -> ClientRecord? {
        try keyed("SELECT record FROM client WHERE key = ?1", TextKey(clientID)) {
            (row) throws(StoreError) -> ClientRecord in
            try RecordCoding.decodeClient(row.bytes(0))
        }
    }

    /// See `StoredClients`.
    public func endedSessions(after session: SessionNumber, limit: Int) throws(StoreError) -> [SessionNumber]
    {
        try page("SELECT session FROM ended WHERE session > ?1 ORDER BY session", limit: limit) { statement in
            statement.bind(1, session)
        } record: { (row) throws(StoreError) -> SessionNumber in
            row.number(0)
        }
    }

    /// See `StoredSubscriptions`.
    public func subscriptions(
        after session: SessionNumber, filter: Text, limit: Int
    ) throws(StoreError) -> [SubscriptionRecord] {
        let sql = """
            SELECT record FROM subscription AS s WHERE (session, key) > (?1, ?2)
            AND NOT EXISTS (SELECT 1 FROM ended WHERE ended.session = s.session) ORDER BY session, key
            """
        return try page(sql, limit: limit, key: TextKey(filter), at: 2) { statement in
            statement.bind(1, session)
        } record: { (row) throws(StoreError) -> SubscriptionRecord in
            try RecordCoding.decodeSubscription(row.bytes(0))
        }
    }

    /// See `StoredSubscriptions`.
    public func subscriptions(of session: SessionNumber) throws(StoreError) -> [SubscriptionRecord] {
        try page("SELECT record FROM subscription WHERE session = ?1 ORDER BY key", limit: .max) {
            statement in
            statement.bind(1, session)
        } record: { (row) throws(StoreError) -> SubscriptionRecord in
            try RecordCoding.decodeSubscription(row.bytes(0))
        }
    }

    /// See `StoredInflightMessages`.
    public func receptions(of session: SessionNumber) throws(StoreError) -> [UInt16] {
        try page("SELECT packet FROM reception WHERE session = ?1 ORDER BY packet", limit: .max) {
            statement in
            statement.bind(1, session)
        } record: { (row) throws(StoreError) -> UInt16 in
            UInt16(truncatingIfNeeded: row.integer(0))
        }
    }

    /// See `StoredInflightMessages`.
    public func packetIDs(of session: SessionNumber) throws(StoreError) -> [UInt16] {
        let sql = """
            SELECT packet FROM settled WHERE session = ?1 AND packet != 0
            UNION ALL SELECT packet FROM recent WHERE session = ?1 AND packet != 0
            """
        return try page(sql, limit: .max) { statement in
            statement.bind(1, session)
        } record: { (row) throws(StoreError) -> UInt16 in
            UInt16(truncatingIfNeeded: row.integer(0))
        }
    }

    /// See `StoredInflightMessages`.
    public func deliveryCount(of session: SessionNumber) throws(StoreError) -> Int {
        let sql = """
            SELECT (SELECT count(*) FROM settled WHERE session = ?1) + (SELECT count(*) FROM recent WHERE session = ?1)
            """
        return try page(sql, limit: 1) { statement in
            statement.bind(1, session)
        } record: { (row) throws(StoreError) -> Int in
            Int(row.integer(0))
        }.first ?? 0
    }

    /// See `StoredRetainedMessages`.
    public func retainedMessages(after topic: Text, limit: Int) throws(StoreError) -> [RetainedRecord] {
        let sql = "SELECT record, number FROM retained WHERE key > ?1 ORDER BY key"
        return try page(sql, limit: limit, key: TextKey(topic), at: 1) { _ in
        } record: { (row) throws(StoreError) -> RetainedRecord in
            RetainedRecord(number: row.number(1), message: try RecordCoding.decodeMessage(row.bytes(0)))
        }
    }

    /// See `StoredRetainedMessages`.
    public func retainedMessage(_ topic: Text) throws(StoreError) -> RetainedRecord? {
        try keyed("SELECT record, number FROM retained WHERE key = ?1", TextKey(topic)) {
            (row) throws(StoreError) -> RetainedRecord in
            RetainedRecord(number: row.number(1), message: try RecordCoding.decodeMessage(row.bytes(0)))
        }
    }

    /// See `StoredSysInfo`.
    public func sysInfo() throws(StoreError) -> SysInfoRecord {
        try readers.read { (connection) throws(StoreError) in try connection.info(location) }
    }

    /// See `StoredSysInfo`.
    public func boots() throws(StoreError) -> [BootRecord] {
        try page("SELECT number, started FROM boot ORDER BY number", limit: .max) { _ in
        } record: { (row) throws(StoreError) -> BootRecord in
            BootRecord(number: row.number(0), startedAt: row.integer(1))
        }
    }
}

extension SQLiteStore {
    /// Reads rows until `limit` records are there; what cannot be decoded is reported and left out.
    private func page<Record>(
        _ sql: String, limit: Int, key: TextKey = TextKey(""), at index: Int32 = 0,
        bind: (Statement) -> Void, record: (Statement) throws(StoreError) -> Record
    ) throws(StoreError) -> [Record] {
        try read(sql, key, at: index) { (statement, location) throws(SQLiteFailure) -> [Record] in
            bind(statement)
            var records: [Record] = []
            while records.count < limit, try statement.step() {
                if let record = decoded("A record", { () throws(StoreError) in try record(statement) }) {
                    records.append(record)
                }
            }
            return records
        }
    }

    private func keyed<Record>(
        _ sql: String, _ key: TextKey, record: (Statement) throws(StoreError) -> Record
    ) throws(StoreError) -> Record? {
        try page(sql, limit: 1, key: key, at: 1, bind: { _ in }, record: record).first
    }

    /// Lends a statement of a reader, with `key` bound when `index` is not zero.
    func read<Result>(
        _ sql: String, _ key: TextKey = TextKey(""), at index: Int32 = 0,
        _ body: (Statement, String) throws(SQLiteFailure) -> Result
    ) throws(StoreError) -> Result {
        try readers.read { (connection) throws(StoreError) in
            try translating(location, .reading) { () throws(SQLiteFailure) in
                let statement = try connection.statement(sql)
                defer { statement.reset() }
                return try key.bytes.span.bytes.withUnsafeBytes { (bytes) throws(SQLiteFailure) -> Result in
                    if index > 0 { try statement.bind(index, bytes) }
                    return try body(statement, location)
                }
            }
        }
    }

    /// The record, or `nil` and a report.
    func decoded<Record>(_ what: String, _ decode: () throws(StoreError) -> Record) -> Record? {
        do throws(StoreError) {
            return try decode()
        } catch {
            report(error, what)
            return nil
        }
    }
}

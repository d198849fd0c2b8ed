// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

/// Everything the writer runs, prepared once.
struct WriterStatements {
    let begin, commit, rollback, setInfo: Statement
    let updateClient, insertClient, deleteClient, insertEnded, deleteEnded: Statement
    let updateSubscription, insertSubscription, deleteSubscription, deleteSubscriptions: Statement
    let insertMessage, dropReference, deleteMessage: Statement
    let insertRecent, insertSettled, updateRecent, updateSettled, deleteRecent, deleteSettled: Statement
    let sessionNumbers: Statement
    let insertReception, deleteReception, deleteReceptions: Statement
    let updateRetained, insertRetained, deleteRetained, insertBoot, deleteBoot: Statement
    let settling: SettlingStatements

    init(_ connection: Connection) throws(SQLiteFailure) {
        begin = try connection.prepare("BEGIN IMMEDIATE")
        commit = try connection.prepare("COMMIT")
        rollback = try connection.prepare("ROLLBACK")
        setInfo = try connection.prepare("UPDATE info SET record = ? WHERE id = 1")

        updateClient = try connection.prepare("UPDATE client SET record = ?2 WHERE session = ?1")
        insertClient = try connection.prepare("INSERT INTO client VALUES (?, ?, ?)")
        deleteClient = try connection.prepare("DELETE FROM client WHERE session = ?")
        insertEnded = try connection.prepare("INSERT INTO ended VALUES (?)")
        deleteEnded = try connection.prepare("DELETE FROM ended WHERE session = ?")

        updateSubscription = try connection.prepare(
            "UPDATE subscription SET record = ?3 WHERE session = ?1 AND key = ?2")
        insertSubscription = try connection.prepare("INSERT INTO subscription VALUES (?, ?, ?)")
        deleteSubscription = try connection.prepare("DELETE FROM subscription WHERE session = ? AND key = ?")
        deleteSubscriptions = try connection.prepare("DELETE FROM subscription WHERE session = ?")

        insertMessage = try connection.prepare("INSERT INTO message VALUES (?, ?, ?)")
        dropReference = try connection.prepare(
            "UPDATE message SET refs = refs - 1 WHERE number = ? AND refs > 1")
        deleteMessage = try connection.prepare("DELETE FROM message WHERE number = ?")

        insertRecent = try connection.prepare("INSERT INTO recent VALUES (?, ?, ?, ?, ?)")
        insertSettled = try connection.prepare("INSERT INTO settled VALUES (?, ?, ?, ?, ?, ?)")
        updateRecent = try connection.prepare(
            "UPDATE recent SET packet = ?3, state = ?4 WHERE session = ?1 AND number = ?2")
        updateSettled = try connection.prepare(
            "UPDATE settled SET packet = ?3, state = ?4 WHERE session = ?1 AND number = ?2")
        deleteRecent = try connection.prepare("DELETE FROM recent WHERE session = ? AND number = ?")
        deleteSettled = try connection.prepare("DELETE FROM settled WHERE session = ? AND number = ?")
        sessionNumbers = try connection.prepare(
            """
            SELECT number FROM settled WHERE session = ?1
            UNION ALL SELECT number FROM recent WHERE session = ?1 LIMIT 1000
            """)

        insertReception = try connection.prepare("INSERT OR IGNORE INTO reception VALUES (?, ?)")
        deleteReception = try connection.prepare("DELETE FROM reception WHERE session = ? AND packet = ?")
        deleteReceptions = try connection.prepare("DELETE FROM reception WHERE session = ?")

        updateRetained = try connection.prepare(
            "UPDATE retained SET number = ?2, record = ?3 WHERE key = ?1 AND number <= ?2")
        insertRetained = try connection.prepare("INSERT OR IGNORE INTO retained VALUES (?, ?, ?)")
        deleteRetained = try connection.prepare("DELETE FROM retained WHERE key = ? AND number <= ?")
        insertBoot = try connection.prepare("INSERT OR REPLACE INTO boot VALUES (?, ?)")
        deleteBoot = try connection.prepare("DELETE FROM boot WHERE number = ?")

        settling = try SettlingStatements(connection)
    }
}

/// What `Settling` runs.
struct SettlingStatements {
    let sliceEnd, settle, deleteSettledRecent, leftoverEnd, deleteLeftovers: Statement

    init(_ connection: Connection) throws(SQLiteFailure) {
        sliceEnd = try connection.prepare(
            """
            SELECT session, number FROM recent WHERE (session, number) > (?1, ?2) AND number <= ?3
            ORDER BY session, number LIMIT 1 OFFSET ?4
            """)
        settle = try connection.prepare(
            """
            INSERT OR IGNORE INTO settled
            SELECT r.session, r.number, r.packet, r.state, r.record, m.record
            FROM recent r LEFT JOIN message m ON m.number = r.number AND m.refs = 0
            WHERE (r.session, r.number) > (?1, ?2) AND (r.session, r.number) <= (?4, ?5) AND r.number <= ?3
            ORDER BY r.session, r.number
            """)
        deleteSettledRecent = try connection.prepare(
            """
            DELETE FROM recent
            WHERE (session, number) > (?1, ?2) AND (session, number) <= (?4, ?5) AND number <= ?3
            """)
        leftoverEnd = try connection.prepare(
            "SELECT number FROM message WHERE number > ? AND number <= ? ORDER BY number LIMIT 1 OFFSET ?")
        deleteLeftovers = try connection.prepare(
            "DELETE FROM message WHERE number > ? AND number <= ? AND refs = 0")
    }
}

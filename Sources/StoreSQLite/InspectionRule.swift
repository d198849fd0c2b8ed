// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

/// A rule between tables: what its query finds breaks it.
struct InspectionRule {
    /// Finds two numbers for each broken place; may use `info(session, message)`.
    let query: String
    /// Says it with the two numbers.
    let sentence: @Sendable (Int64, Int64) -> String

    /// The message bodies that are in use: shared ones, unshared ones of `recent`, and those in `settled`.
    static let bodies = """
        (SELECT number FROM message WHERE refs > 0
        UNION ALL SELECT number FROM recent JOIN message USING (number) WHERE refs = 0
        UNION ALL SELECT number FROM settled WHERE body IS NOT NULL)
        """

    /// How many deliveries need the body in `message`, by number.
    private static let users = """
        (SELECT number, count(*) AS n FROM
        (SELECT number FROM recent UNION ALL SELECT number FROM settled WHERE body IS NULL) GROUP BY number)
        """

    private static let owners = "(SELECT session FROM client UNION ALL SELECT session FROM ended)"

    static let all: [InspectionRule] = ownership + references + limits

    private static let ownership: [InspectionRule] =
        ["subscription", "recent", "settled", "reception"].map { table in
            InspectionRule(
                query: "SELECT DISTINCT session, 0 FROM \(table) WHERE session NOT IN \(owners)"
            ) { session, _ in
                "Session \(session) has rows in \(table), but no client record, and has not ended."
            }
        } + [
            InspectionRule(query: "SELECT session, 0 FROM client JOIN ended USING (session)") { session, _ in
                "Session \(session) has a client record and is on the list of ended ones."
            }
        ]

    private static let references: [InspectionRule] = [
        InspectionRule(
            query: """
                SELECT session, number FROM recent WHERE number NOT IN (SELECT number FROM message)
                UNION ALL SELECT session, number FROM settled
                WHERE body IS NULL AND number NOT IN (SELECT number FROM message WHERE refs > 0)
                """
        ) { "Delivery \($1) of session \($0) has no message." },
        InspectionRule(
            query: """
                SELECT number, refs FROM message LEFT JOIN \(users) USING (number)
                WHERE refs > 0 AND refs IS NOT n
                """
        ) { "Message \($0) counts \($1) deliveries, but has another number of them." },
        InspectionRule(
            query: """
                SELECT number, coalesce(n, 0) FROM message LEFT JOIN \(users) USING (number)
                WHERE refs = 0 AND coalesce(n, 0) != 1
                AND number NOT IN (SELECT number FROM settled WHERE body IS NOT NULL)
                """
        ) { "Message \($0) should have one delivery and has \($1)." },
        InspectionRule(
            query: """
                SELECT session, number FROM settled JOIN recent USING (session, number)
                UNION ALL SELECT session, number FROM settled JOIN message USING (number)
                WHERE body IS NOT NULL AND refs > 0
                """
        ) { "Delivery \($1) of session \($0) is stored twice." },
    ]

    private static let limits: [InspectionRule] =
        ["client", "ended"].map { table in
            InspectionRule(
                query: "SELECT t.session, info.session FROM \(table) t, info WHERE t.session > info.session"
            ) { "Session \($0) in \(table) is above the greatest number given out, \($1)." }
        }
        + ["message", "recent", "settled", "retained"].map { table in
            InspectionRule(
                query: "SELECT number, info.message FROM \(table), info WHERE number > info.message"
            ) { "Message \($0) in \(table) is above the greatest number given out, \($1)." }
        }
}

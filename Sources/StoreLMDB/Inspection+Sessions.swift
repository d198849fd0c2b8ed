// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import CLMDB
import Packets
import Persistence

/// Clients, their names, ended sessions, and what belongs to sessions.
extension Inspection {
    mutating func inspectClients() throws(LMDBFailure) {
        try walk("client", tables.client) { (inspection, key, value) throws(LMDBFailure) in
            let session = key.number()
            inspection.limit(session, in: "client")
            let client = inspection.decoded("Client record \(session)") { () throws(StoreError) in
                try RecordCoding.decodeClient(value)
            }
            guard let client else { return }
            try inspection.inspect(client, under: session)
        }
        try walk("name", tables.name) { (inspection, _, value) throws(LMDBFailure) in
            let session = inspection.decoded("A client identifier") { () throws(StoreError) in
                try SealedNumber.read(value)
            }
            guard let session else { return }
            if try inspection.transaction.get(inspection.tables.client, NumberKey(session)) == nil {
                inspection.found(
                    "name", "A client identifier leads to session \(session), which has no record.")
            }
        }
    }

    private mutating func inspect(_ client: ClientRecord, under session: SessionNumber) throws(LMDBFailure) {
        if client.session != session {
            found("client", "The record of session \(client.session) lies under \(session).")
        }
        let value = try transaction.get(tables.name, StringKey(client.clientID))
        let owner = value.map { (value) in
            decoded("The session of a client identifier") { () throws(StoreError) in
                try SealedNumber.read(value)
            }
        }
        if owner != session {
            found("client", "The client identifier of session \(session) does not lead to it.")
        }
        if try transaction.get(tables.ended, NumberKey(session)) != nil {
            found("ended", "Session \(session) has a client record and is on the list of ended ones.")
        }
    }

    mutating func inspectEnded() throws(LMDBFailure) {
        try walk("ended", tables.ended) { (inspection, key, _) throws(LMDBFailure) in
            inspection.limit(key.number(), in: "ended")
        }
    }

    mutating func inspectSubscriptions() throws(LMDBFailure) {
        var owners = Owners("subscription")
        try walk("subscription", tables.subscription) { (inspection, key, value) throws(LMDBFailure) in
            let session = key.number()
            try owners.check(session, &inspection)
            let record = inspection.decoded("A subscription of session \(session)") { () throws(StoreError) in
                try RecordCoding.decodeSubscription(value)
            }
            guard let record else { return }
            if !key.elementsEqual(StringKey(record.session, record.filter).bytes) {
                inspection.found(
                    "subscription", "A subscription of session \(session) lies under the wrong key.")
            }
        }
    }

    mutating func inspectReceptions() throws(LMDBFailure) {
        var owners = Owners("reception")
        try walk("reception", tables.reception) { (inspection, key, _) throws(LMDBFailure) in
            try owners.check(key.number(), &inspection)
        }
    }

    mutating func limit(_ session: SessionNumber, in table: String) {
        if session > info.session {
            found(
                table,
                "Session \(session) in \(table) is above the greatest number given out, \(info.session).")
        }
    }

    mutating func limit(message number: MessageNumber, in table: String) {
        if number > info.message {
            found(
                table,
                "Message \(number) in \(table) is above the greatest number given out, \(info.message).")
        }
    }
}

/// Checks that the sessions of a table's rows, which come in order, are known.
struct Owners {
    private let table: String
    private var last: SessionNumber?

    init(_ table: String) {
        self.table = table
    }

    mutating func check(_ session: SessionNumber, _ inspection: inout Inspection) throws(LMDBFailure) {
        if session == last { return }
        last = session
        let (transaction, tables) = (inspection.transaction, inspection.tables)
        if try transaction.get(tables.client, NumberKey(session)) != nil { return }
        if try transaction.get(tables.ended, NumberKey(session)) != nil { return }
        inspection.found(
            table,
            "Session \(session) has rows in \(table), but no client record, and is not on the list of ended ones."
        )
    }
}

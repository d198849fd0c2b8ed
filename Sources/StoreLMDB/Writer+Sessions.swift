// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import CLMDB
import Packets
import Persistence

/// Clients, and how sessions end.
extension Writer {
    func set(
        _ session: SessionNumber, clientID: Text, _ record: Slice, _ batch: borrowing ChangeBatch,
        _ transaction: Transaction
    ) throws(LMDBFailure) {
        let isNew = try transaction.get(tables.client, NumberKey(session)) == nil
        if isNew {
            let isFree = try transaction.put(
                tables.name, StringKey(clientID), SealedNumber(session), MDB_NOOVERWRITE)
            guard isFree else {
                throw .refused("the client identifier of session \(session) leads to another")
            }
            draft.clientCount += 1
        }
        try withRecord(record, batch) { (record) throws(LMDBFailure) in
            _ = try transaction.put(tables.client, NumberKey(session), record)
        }
    }

    func end(_ session: SessionNumber, _ transaction: Transaction) throws(LMDBFailure) {
        guard let record = try transaction.get(tables.client, NumberKey(session)) else { return }
        let client = readable("The client record of session \(session)") { () throws(StoreError) in
            try RecordCoding.decodeClient(record)
        }
        if let client {
            try transaction.delete(tables.name, StringKey(client.clientID))
        } else {
            try deleteName(of: session, transaction)
        }
        try transaction.delete(tables.client, NumberKey(session))
        try transaction.put(tables.ended, NumberKey(session), UnsafeRawBufferPointer(start: nil, count: 0))
        draft.clientCount.countDown()
    }

    /// Looks at all names, because the record that tells the right one is damaged.
    private func deleteName(of session: SessionNumber, _ transaction: Transaction) throws(LMDBFailure) {
        var cursor = try Cursor(transaction, tables.name)
        while try cursor.next() {
            let value = cursor.value
            let owner = readable("The session of a client identifier") { () throws(StoreError) in
                try SealedNumber.read(value)
            }
            if owner == session { try cursor.delete() }
        }
    }

    func sweep(_ session: SessionNumber, _ transaction: Transaction) throws(LMDBFailure) {
        guard try transaction.delete(tables.ended, NumberKey(session)) else { return }
        try removeDeliveries(of: session, transaction)
        let subscriptions = try deleteRows(tables.subscription, of: session, transaction)
        draft.subscriptionCount.countDown(by: subscriptions)
        let receptions = try deleteRows(tables.reception, of: session, transaction)
        draft.receptionCount.countDown(by: receptions)
    }

    /// Removes all rows whose keys begin with the session; tells how many.
    private func deleteRows(
        _ table: MDB_dbi, of session: SessionNumber, _ transaction: Transaction
    ) throws(LMDBFailure) -> Int {
        var cursor = try Cursor(transaction, table)
        var count = 0
        var isThere = try cursor.seek(NumberKey(session))
        while isThere, cursor.key.number() == session {
            try cursor.delete()
            count += 1
            isThere = try cursor.next()
        }
        return count
    }

    private func removeDeliveries(
        of session: SessionNumber, _ transaction: Transaction
    ) throws(LMDBFailure) {
        var cursor = try Cursor(transaction, tables.delivery)
        var isThere = try cursor.seek(NumberKey(session))
        while isThere, cursor.key.number() == session {
            let number = cursor.key.number(at: 8)
            let isInline = isInline(cursor.value, session, number)
            try cursor.delete()
            try removed(number, isInline: isInline, transaction)
            isThere = try cursor.next()
        }
    }
}

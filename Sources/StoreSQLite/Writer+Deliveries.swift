// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import CSQLite
import Persistence

/// Messages and deliveries: the path of every stored publish.
extension Writer {
    func insert(
        _ number: MessageNumber, _ record: Slice, _ references: UInt32, of batch: borrowing ChangeBatch
    ) throws(SQLiteFailure) {
        draft.messageCount += 1
        unsharedBody = references == 1 ? record : nil
        if references > 1 { try insertBody(number, record, references, of: batch) }
    }

    func insert(
        _ session: SessionNumber, _ number: MessageNumber, _ record: Slice, of batch: borrowing ChangeBatch
    ) throws(SQLiteFailure) {
        draft.deliveryCount += 1
        let body = unsharedBody
        unsharedBody = nil
        if number <= settlingDraft.roundEnd || isSettledAtOnce(body, session) {
            return try insertSettled(try signed(session), number, record, body, of: batch)
        }
        if let body { try insertBody(number, body, 0, of: batch) }
        settlingDraft.recentCount += 1
        settlingDraft.insertions += 1
        let session = try signed(session)
        try batch.withBytes(record) { (record) throws(SQLiteFailure) in
            try begin(statements.insertRecent, session, number, record)
            try statements.insertRecent.run()
        }
    }

    /// Whether an unshared body and its delivery gain nothing by waiting in `message` and `recent`.
    private func isSettledAtOnce(_ body: Slice?, _ session: SessionNumber) -> Bool {
        guard let body else { return false }
        return body.count > options.recentBodyBytesMax || growth.isBulk(session)
    }

    private func insertBody(
        _ number: MessageNumber, _ record: Slice, _ references: UInt32, of batch: borrowing ChangeBatch
    ) throws(SQLiteFailure) {
        let insert = statements.insertMessage
        insert.bind(1, try signed(number))
        insert.bind(2, Int64(references))
        try batch.withBytes(record) { (record) throws(SQLiteFailure) in
            try insert.bind(3, record)
            try insert.run()
        }
    }

    private func insertSettled(
        _ session: SessionNumber, _ number: MessageNumber, _ record: Slice, _ body: Slice?,
        of batch: borrowing ChangeBatch
    ) throws(SQLiteFailure) {
        let insert = statements.insertSettled
        try batch.withBytes(record) { (record) throws(SQLiteFailure) in
            try begin(insert, session, try signed(number), record)
            guard let body else {
                insert.bindNull(6)
                try insert.run()
                return
            }
            try batch.withBytes(body) { (body) throws(SQLiteFailure) in
                try insert.bind(6, body)
                try insert.run()
            }
        }
    }

    /// Binds what both tables of deliveries have.
    private func begin(
        _ insert: Statement, _ session: SessionNumber, _ number: MessageNumber,
        _ record: UnsafeRawBufferPointer
    ) throws(SQLiteFailure) {
        let start: RecordCoding.DeliveryStart
        do throws(StoreError) {
            start = try RecordCoding.deliveryStart(record)
        } catch {
            throw SQLiteFailure(SQLITE_CONSTRAINT, text: error.message)
        }
        insert.bind(1, session)
        insert.bind(2, number)
        insert.bind(3, Int64(start.packetID))
        insert.bind(4, Int64(start.state.rawValue))
        try insert.bind(5, record)
    }

    func set(
        _ session: SessionNumber, _ number: MessageNumber, _ packetID: UInt16, _ state: DeliveryState
    ) throws(SQLiteFailure) {
        let session = try signed(session)
        for statement in [statements.updateRecent, statements.updateSettled] {
            statement.bind(1, session)
            statement.bind(2, try signed(number))
            statement.bind(3, Int64(packetID))
            statement.bind(4, Int64(state.rawValue))
            if try statement.run() > 0 { return }
        }
    }

    func remove(_ session: SessionNumber, _ number: MessageNumber) throws(SQLiteFailure) {
        var isThere = try removeRecent(session, number)
        if !isThere { isThere = try removeSettled(session, number) }
        guard isThere else { return }
        draft.deliveryCount.countDown()
        statements.dropReference.bind(1, number)
        if try statements.dropReference.run() > 0 { return }
        statements.deleteMessage.bind(1, number)
        try statements.deleteMessage.run()
        draft.messageCount.countDown()
    }

    private func removeRecent(
        _ session: SessionNumber, _ number: MessageNumber
    ) throws(SQLiteFailure) -> Bool {
        if number <= settling.settledEnd || settlingDraft.recentCount == 0 { return false }
        statements.deleteRecent.bind(1, try signed(session))
        statements.deleteRecent.bind(2, try signed(number))
        guard try statements.deleteRecent.run() > 0 else { return false }
        settlingDraft.recentCount -= 1
        return true
    }

    private func removeSettled(
        _ session: SessionNumber, _ number: MessageNumber
    ) throws(SQLiteFailure) -> Bool {
        statements.deleteSettled.bind(1, try signed(session))
        statements.deleteSettled.bind(2, try signed(number))
        return try statements.deleteSettled.run() > 0
    }
}

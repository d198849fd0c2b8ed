// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import CSQLite
import Packets
import Persistence

/// What each change does to the tables.
extension Writer {
    func apply(_ change: Change, of batch: borrowing ChangeBatch) throws(SQLiteFailure) {
        switch change {
        case .client(let session, let clientID, let record):
            try set(session, clientID: clientID, record, of: batch)
        case .sessionEnd(let session): try end(session)
        case .sessionSwept(let session): try sweep(session)
        case .subscription(let session, let filter, let record):
            try set(session, filter: filter, record, of: batch)
        case .unsubscription(let session, let filter): try unsubscribe(session, filter, of: batch)
        case .message(let number, let record, let references):
            try insert(number, record, references, of: batch)
        case .delivery(let session, let number, let record):
            try insert(session, number, record, of: batch)
        case .deliveryState(let session, let number, let packetID, let state):
            try set(session, number, packetID, state)
        case .removal(let session, let number): try remove(session, number)
        case .reception(let session, let packetID): try receive(session, packetID)
        case .release(let session, let packetID): try release(session, packetID)
        case .retained(let topic, let number, let record): try retain(topic, number, record, of: batch)
        case .retainedRemoval(let topic, let number): try unretain(topic, number, of: batch)
        case .boot(let number, let startedAt):
            statements.insertBoot.bind(1, try signed(number))
            statements.insertBoot.bind(2, startedAt)
            try statements.insertBoot.run()
        case .bootRemoval(let number):
            statements.deleteBoot.bind(1, try signed(number))
            try statements.deleteBoot.run()
        }
    }

    private func set(
        _ session: SessionNumber, clientID: Slice, _ record: Slice, of batch: borrowing ChangeBatch
    ) throws(SQLiteFailure) {
        let session = try signed(session)
        let key = TextKey(Text(bytes: batch.bytes(clientID)))
        let isNew = try batch.withBytes(record) { (record) throws(SQLiteFailure) -> Bool in
            statements.updateClient.bind(1, session)
            try statements.updateClient.bind(2, record)
            if try statements.updateClient.run() > 0 { return false }
            try withKey(key, statements.insertClient, 2) { (insert) throws(SQLiteFailure) in
                insert.bind(1, session)
                try insert.bind(3, record)
                try insert.run()
            }
            return true
        }
        if isNew { draft.clientCount += 1 }
    }

    private func end(_ session: SessionNumber) throws(SQLiteFailure) {
        statements.deleteClient.bind(1, try signed(session))
        guard try statements.deleteClient.run() > 0 else { return }
        statements.insertEnded.bind(1, session)
        try statements.insertEnded.run()
        draft.clientCount.countDown()
    }

    private func sweep(_ session: SessionNumber) throws(SQLiteFailure) {
        statements.deleteEnded.bind(1, try signed(session))
        guard try statements.deleteEnded.run() > 0 else { return }
        while true {
            let numbers = try numbers(of: session)
            if numbers.isEmpty { break }
            for number in numbers { try remove(session, number) }
        }
        statements.deleteSubscriptions.bind(1, session)
        draft.subscriptionCount.countDown(by: try statements.deleteSubscriptions.run())
        statements.deleteReceptions.bind(1, session)
        draft.receptionCount.countDown(by: try statements.deleteReceptions.run())
    }

    /// Some of the deliveries of a session, none only when there are none.
    private func numbers(of session: SessionNumber) throws(SQLiteFailure) -> [MessageNumber] {
        var numbers: [MessageNumber] = []
        let statement = statements.sessionNumbers
        statement.bind(1, session)
        while try statement.step() { numbers.append(statement.number(0)) }
        statement.reset()
        return numbers
    }

    private func set(
        _ session: SessionNumber, filter: Slice, _ record: Slice, of batch: borrowing ChangeBatch
    ) throws(SQLiteFailure) {
        let key = TextKey(Text(bytes: batch.bytes(filter)))
        let session = try signed(session)
        let isNew = try batch.withBytes(record) { (record) throws(SQLiteFailure) -> Bool in
            let set = { (statement: Statement) throws(SQLiteFailure) -> Int in
                statement.bind(1, session)
                try statement.bind(3, record)
                return try statement.run()
            }
            if try withKey(key, statements.updateSubscription, 2, set) > 0 { return false }
            return try withKey(key, statements.insertSubscription, 2, set) > 0
        }
        if isNew { draft.subscriptionCount += 1 }
    }

    private func unsubscribe(
        _ session: SessionNumber, _ filter: Slice, of batch: borrowing ChangeBatch
    ) throws(SQLiteFailure) {
        let key = TextKey(Text(bytes: batch.bytes(filter)))
        let session = try signed(session)
        let count = try withKey(key, statements.deleteSubscription, 2) {
            (delete) throws(SQLiteFailure) -> Int in
            delete.bind(1, session)
            return try delete.run()
        }
        draft.subscriptionCount.countDown(by: count)
    }

    private func receive(_ session: SessionNumber, _ packetID: UInt16) throws(SQLiteFailure) {
        statements.insertReception.bind(1, try signed(session))
        statements.insertReception.bind(2, Int64(packetID))
        draft.receptionCount += UInt64(try statements.insertReception.run())
    }

    private func release(_ session: SessionNumber, _ packetID: UInt16) throws(SQLiteFailure) {
        statements.deleteReception.bind(1, try signed(session))
        statements.deleteReception.bind(2, Int64(packetID))
        draft.receptionCount.countDown(by: try statements.deleteReception.run())
    }

    private func retain(
        _ topic: Slice, _ number: MessageNumber, _ record: Slice, of batch: borrowing ChangeBatch
    ) throws(SQLiteFailure) {
        let key = TextKey(Text(bytes: batch.bytes(topic)))
        let number = try signed(number)
        let isNew = try batch.withBytes(record) { (record) throws(SQLiteFailure) -> Bool in
            let set = { (statement: Statement) throws(SQLiteFailure) -> Int in
                statement.bind(2, number)
                try statement.bind(3, record)
                return try statement.run()
            }
            if try withKey(key, statements.updateRetained, 1, set) > 0 { return false }
            // Nothing is inserted when a greater number was the reason that nothing was updated.
            return try withKey(key, statements.insertRetained, 1, set) > 0
        }
        if isNew { draft.retainedCount += 1 }
    }

    private func unretain(
        _ topic: Slice, _ number: MessageNumber, of batch: borrowing ChangeBatch
    ) throws(SQLiteFailure) {
        let key = TextKey(Text(bytes: batch.bytes(topic)))
        let number = try signed(number)
        let count = try withKey(key, statements.deleteRetained, 1) { (delete) throws(SQLiteFailure) -> Int in
            delete.bind(2, number)
            return try delete.run()
        }
        draft.retainedCount.countDown(by: count)
    }
}

extension Writer {
    /// Binds a key for as long as `body` runs.
    private func withKey<Result>(
        _ key: TextKey, _ statement: Statement, _ index: Int32,
        _ body: (Statement) throws(SQLiteFailure) -> Result
    ) throws(SQLiteFailure) -> Result {
        try key.bytes.span.bytes.withUnsafeBytes { (bytes) throws(SQLiteFailure) -> Result in
            try statement.bind(index, bytes)
            return try body(statement)
        }
    }

    /// SQLite's integers are signed; a counter that starts at one does not get there.
    func signed(_ number: UInt64) throws(SQLiteFailure) -> UInt64 {
        guard number <= UInt64(Int64.max) else {
            throw SQLiteFailure(SQLITE_TOOBIG, text: "the number \(number) is beyond 63 bits")
        }
        return number
    }
}

// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import CLMDB
import Packets
import Persistence

/// What each change does to the tables.
extension Writer {
    func apply(
        _ change: Change, of batch: borrowing ChangeBatch, _ transaction: Transaction
    ) throws(LMDBFailure) {
        switch change {
        case .client(let session, let clientID, let record):
            try set(session, clientID: text(clientID, batch), record, batch, transaction)
        case .sessionEnd(let session): try end(session, transaction)
        case .sessionSwept(let session): try sweep(session, transaction)
        case .subscription(let session, let filter, let record):
            try subscribe(StringKey(session, text(filter, batch)), record, batch, transaction)
        case .unsubscription(let session, let filter):
            let isThere = try transaction.delete(tables.subscription, StringKey(session, text(filter, batch)))
            if isThere { draft.subscriptionCount.countDown() }
        case .message(let number, let record, let references):
            try insert(number, record, references, batch, transaction)
        case .delivery(let session, let number, let record):
            try insert(session, number, record, batch, transaction)
        case .deliveryState(let session, let number, let packetID, let state):
            try set(session, number, packetID, state, transaction)
        case .removal(let session, let number): try remove(session, number, transaction)
        case .reception(let session, let packetID):
            try receive(ReceptionKey(session, packetID), transaction)
        case .release(let session, let packetID):
            let isThere = try transaction.delete(tables.reception, ReceptionKey(session, packetID))
            if isThere { draft.receptionCount.countDown() }
        case .retained(let topic, let number, let record):
            try retain(text(topic, batch), number, record, batch, transaction)
        case .retainedRemoval(let topic, let number):
            try unretain(StringKey(text(topic, batch)), number, transaction)
        case .boot(let number, let startedAt):
            let time = SealedNumber(UInt64(bitPattern: startedAt))
            try transaction.put(tables.boot, NumberKey(number), time)
        case .bootRemoval(let number): _ = try transaction.delete(tables.boot, NumberKey(number))
        }
    }

    /// Bytes of a batch as a value; refused beyond the limit.
    func withRecord<Result>(
        _ record: Slice, _ batch: borrowing ChangeBatch,
        _ body: (UnsafeRawBufferPointer) throws(LMDBFailure) -> Result
    ) throws(LMDBFailure) -> Result {
        guard record.count <= options.recordBytesMax else {
            throw .refused("a record of \(record.count) bytes is longer than \(options.recordBytesMax)")
        }
        return try batch.withBytes(record, body)
    }

    private func text(_ slice: Slice, _ batch: borrowing ChangeBatch) -> Text {
        Text(bytes: batch.bytes(slice))
    }

    private func receive(_ key: ReceptionKey, _ transaction: Transaction) throws(LMDBFailure) {
        let nothing = UnsafeRawBufferPointer(start: nil, count: 0)
        if try transaction.put(tables.reception, key, nothing, MDB_NOOVERWRITE) { draft.receptionCount += 1 }
    }

    private func subscribe(
        _ key: StringKey, _ record: Slice, _ batch: borrowing ChangeBatch, _ transaction: Transaction
    ) throws(LMDBFailure) {
        let isNew = try transaction.get(tables.subscription, key) == nil
        try withRecord(record, batch) { (record) throws(LMDBFailure) in
            _ = try transaction.put(tables.subscription, key, record)
        }
        if isNew { draft.subscriptionCount += 1 }
    }
}

/// Retained messages: a number and a record under the topic.
extension Writer {
    private func retain(
        _ topic: Text, _ number: MessageNumber, _ record: Slice, _ batch: borrowing ChangeBatch,
        _ transaction: Transaction
    ) throws(LMDBFailure) {
        let key = StringKey(topic)
        let old = try retainedNumber(key, transaction)
        if let old, old > number { return }
        try withRecord(record, batch) { (record) throws(LMDBFailure) in
            let count = SealedNumber.bytes + record.count
            _ = try transaction.put(tables.retained, key, count: count, 0) { value in
                value.copyBytes(from: SealedNumber(number).array)
                UnsafeMutableRawBufferPointer(rebasing: value[SealedNumber.bytes...]).copyMemory(from: record)
            }
        }
        if old == nil { draft.retainedCount += 1 }
    }

    private func unretain(
        _ key: StringKey, _ number: MessageNumber, _ transaction: Transaction
    ) throws(LMDBFailure) {
        guard let old = try retainedNumber(key, transaction), old <= number else { return }
        try transaction.delete(tables.retained, key)
        draft.retainedCount.countDown()
    }

    /// The number that is stored, zero if it cannot be read: then any other wins.
    private func retainedNumber(
        _ key: StringKey, _ transaction: Transaction
    ) throws(LMDBFailure) -> MessageNumber? {
        guard let value = try transaction.get(tables.retained, key) else { return nil }
        return readable("The number of a retained message") { () throws(StoreError) in
            try SealedNumber.read(value)
        } ?? 0
    }

    /// What `read` gives, or `nil` and a report.
    func readable<Value>(_ what: String, _ read: () throws(StoreError) -> Value) -> Value? {
        do throws(StoreError) {
            return try read()
        } catch {
            report(error, what)
            return nil
        }
    }
}

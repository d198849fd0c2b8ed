// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import CLMDB
import Persistence

/// Messages and deliveries: the path of every stored publish.
extension Writer {
    func insert(
        _ number: MessageNumber, _ record: Slice, _ references: UInt32, _ batch: borrowing ChangeBatch,
        _ transaction: Transaction
    ) throws(LMDBFailure) {
        draft.messageCount += 1
        inlineBody = nil
        if references == 1, record.count <= options.inlineBodyBytesMax {
            inlineBody = record
            return
        }
        if references > 1 {
            try append(tables.reference, number, transaction) { (flags) throws(LMDBFailure) in
                try transaction.put(
                    tables.reference, NumberKey(number), SealedNumber(UInt64(references)), flags)
            }
        }
        try withRecord(record, batch) { (record) throws(LMDBFailure) in
            try append(tables.message, number, transaction) { (flags) throws(LMDBFailure) in
                try transaction.put(tables.message, NumberKey(number), record, flags)
            }
        }
    }

    /// Numbers rise but for rare exceptions, and LMDB fills pages to the end when it is told so.
    private func append(
        _ table: MDB_dbi, _ number: MessageNumber, _ transaction: Transaction,
        _ put: (Int32) throws(LMDBFailure) -> Bool
    ) throws(LMDBFailure) {
        if try put(MDB_APPEND) { return }
        if try put(MDB_NOOVERWRITE) { return }
        throw .refused("message \(number) is stored already")
    }

    func insert(
        _ session: SessionNumber, _ number: MessageNumber, _ record: Slice, _ batch: borrowing ChangeBatch,
        _ transaction: Transaction
    ) throws(LMDBFailure) {
        let body = inlineBody
        inlineBody = nil
        let isNew = try withRecord(record, batch) { (record) throws(LMDBFailure) -> Bool in
            guard let body else { return try put(session, number, record, nil, transaction) }
            return try batch.withBytes(body) { (body) throws(LMDBFailure) -> Bool in
                try put(session, number, record, body, transaction)
            }
        }
        guard isNew else { throw .refused("session \(session) has message \(number) already") }
        draft.deliveryCount += 1
    }

    private func put(
        _ session: SessionNumber, _ number: MessageNumber, _ record: UnsafeRawBufferPointer,
        _ body: UnsafeRawBufferPointer?, _ transaction: Transaction
    ) throws(LMDBFailure) -> Bool {
        let count = DeliveryValue.headBytes + record.count + (body?.count ?? 0)
        return try transaction.put(
            tables.delivery, DeliveryKey(session, number), count: count, MDB_NOOVERWRITE
        ) { value in
            DeliveryValue.write(record, body, to: value)
        }
    }

    /// The record is written anew with state and packet identifier, so that its checksum covers them.
    func set(
        _ session: SessionNumber, _ number: MessageNumber, _ packetID: UInt16, _ state: DeliveryState,
        _ transaction: Transaction
    ) throws(LMDBFailure) {
        let key = DeliveryKey(session, number)
        guard let value = try transaction.get(tables.delivery, key) else { return }
        let changed = readable("Delivery \(number) of session \(session)") { () throws(StoreError) in
            try DeliveryValue(value).changed(packetID, state)
        }
        guard let changed else { return }
        try changed.span.bytes.withUnsafeBytes { (bytes) throws(LMDBFailure) in
            _ = try transaction.put(tables.delivery, key, bytes)
        }
    }

    func remove(
        _ session: SessionNumber, _ number: MessageNumber, _ transaction: Transaction
    ) throws(LMDBFailure) {
        let key = DeliveryKey(session, number)
        guard let value = try transaction.get(tables.delivery, key) else { return }
        let isInline = isInline(value, session, number)
        try transaction.delete(tables.delivery, key)
        try removed(number, isInline: isInline, transaction)
    }

    /// Whether a delivery holds its message itself; one that cannot be told is taken to, because a message that is
    /// left over is better than one that others miss.
    func isInline(_ value: UnsafeRawBufferPointer, _ session: SessionNumber, _ number: MessageNumber) -> Bool
    {
        readable("Delivery \(number) of session \(session)") { () throws(StoreError) in
            try DeliveryValue(value).body != nil
        } ?? true
    }

    /// Counts a delivery that is gone, and takes its message away with the last one.
    func removed(
        _ number: MessageNumber, isInline: Bool, _ transaction: Transaction
    ) throws(LMDBFailure) {
        draft.deliveryCount.countDown()
        let isGone = isInline ? true : try dropReference(number, transaction)
        if isGone { draft.messageCount.countDown() }
    }

    /// Whether the message went with it.
    private func dropReference(
        _ number: MessageNumber, _ transaction: Transaction
    ) throws(LMDBFailure) -> Bool {
        let key = NumberKey(number)
        guard let value = try transaction.get(tables.reference, key) else {
            return try transaction.delete(tables.message, key)
        }
        let references = readable("The reference count of message \(number)") { () throws(StoreError) in
            try SealedNumber.read(value)
        }
        // A count that cannot be read keeps its message: too much is better than too little.
        guard let references else { return false }
        if references > 2 {
            try transaction.put(tables.reference, key, SealedNumber(references - 1))
        } else {
            try transaction.delete(tables.reference, key)
        }
        return false
    }
}

// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import Packets
public import Persistence

extension LMDBStore {
    /// See `StoredInflightMessages`.
    public func deliveries(
        of session: SessionNumber, after number: MessageNumber, limit: Int, bytesMax: Int
    ) throws(StoreError) -> DeliveryPage {
        try read { (transaction, tables) throws(LMDBFailure) -> DeliveryPage in
            var page = DeliveryPage(deliveries: [], isLast: true)
            var bytes = 0
            var cursor = try Cursor(transaction, tables.delivery)
            var isThere = number < .max ? try cursor.seek(DeliveryKey(session, number + 1)) : false
            var last = number
            while isThere, cursor.key.number() == session {
                let number = cursor.key.number(at: 8)
                guard number > last else { throw .corrupt("the deliveries of a session are not in order") }
                last = number
                let delivery = try delivery(session, number, cursor.value, transaction, tables)
                if let delivery {
                    bytes += delivery.message.payload.count + delivery.message.topic.bytes.count
                    let fits = bytes <= bytesMax && page.deliveries.count < limit
                    page.isLast = page.deliveries.isEmpty || fits
                    guard page.isLast else { break }
                    page.deliveries.append(delivery)
                }
                isThere = try cursor.next()
            }
            return page
        }
    }

    /// See `StoredInflightMessages`.
    public func deliveryCount(of session: SessionNumber) throws(StoreError) -> Int {
        try read { (transaction, tables) throws(LMDBFailure) -> Int in
            var count = 0
            var cursor = try Cursor(transaction, tables.delivery)
            var isThere = try cursor.seek(NumberKey(session))
            while isThere, cursor.key.number() == session {
                count += 1
                isThere = try cursor.next()
            }
            return count
        }
    }

    private func delivery(
        _ session: SessionNumber, _ number: MessageNumber, _ value: UnsafeRawBufferPointer,
        _ transaction: Transaction, _ tables: Tables
    ) throws(LMDBFailure) -> DeliveryRecord? {
        let what = "Delivery \(number) of session \(session)"
        guard let parts = decoded(what, { () throws(StoreError) in try DeliveryValue(value) }) else {
            return nil
        }
        var body = parts.body
        if body == nil { body = try transaction.get(tables.message, NumberKey(number)) }
        return decoded(what) { [body] () throws(StoreError) -> DeliveryRecord in
            guard let body else { throw StoreError(.corrupt, "Its message is missing.") }
            return try parts.decoded(session, number, try RecordCoding.decodeMessage(body))
        }
    }
}

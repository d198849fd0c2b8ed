// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import Packets
public import Persistence

extension SQLiteStore {
    /// Both tables of deliveries, merged in order of number, each with its body from beside it or from
    /// `message`.
    private static let deliveries = """
        SELECT number, packet, state, s.record, coalesce(body, m.record)
        FROM settled s LEFT JOIN message m USING (number) WHERE session = ?1 AND number > ?2
        UNION ALL
        SELECT number, packet, state, r.record, m.record
        FROM recent r LEFT JOIN message m USING (number) WHERE session = ?1 AND number > ?2
        ORDER BY number
        """

    /// See `StoredInflightMessages`.
    public func deliveries(
        of session: SessionNumber, after number: MessageNumber, limit: Int, bytesMax: Int
    ) throws(StoreError) -> DeliveryPage {
        try read(Self.deliveries) { (row, _) throws(SQLiteFailure) -> DeliveryPage in
            row.bind(1, session)
            row.bind(2, number)
            var page = DeliveryPage(deliveries: [], isLast: true)
            var bytes = 0
            var last = number
            while try row.step() {
                guard let delivery = delivery(session, row, after: last) else { continue }
                bytes += delivery.message.payload.count + delivery.message.topic.bytes.count
                page.isLast = page.deliveries.isEmpty || (bytes <= bytesMax && page.deliveries.count < limit)
                guard page.isLast else { break }
                last = delivery.number
                page.deliveries.append(delivery)
            }
            return page
        }
    }

    private func delivery(
        _ session: SessionNumber, _ row: Statement, after last: MessageNumber
    ) -> DeliveryRecord? {
        let number = row.number(0)
        return decoded("Delivery \(number) of session \(session)") {
            () throws(StoreError) -> DeliveryRecord in
            if number <= last { throw StoreError(.corrupt, "It is stored twice.") }
            if row.isNull(4) { throw StoreError(.corrupt, "Its message is missing.") }
            guard let state = DeliveryState(rawValue: UInt8(truncatingIfNeeded: row.integer(2))) else {
                throw StoreError(.corrupt, "Its state is unknown.")
            }
            let message = try RecordCoding.decodeMessage(row.bytes(4))
            var record = try RecordCoding.decodeDelivery(
                row.bytes(3), session: session, number: number, message: message)
            record.state = state
            record.packetID = UInt16(truncatingIfNeeded: row.integer(1))
            return record
        }
    }
}

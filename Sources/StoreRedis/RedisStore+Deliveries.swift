// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import Packets
public import Persistence

extension RedisStore {
    /// See `StoredInflightMessages`.
    public func deliveries(
        of session: SessionNumber, after number: MessageNumber, limit: Int, bytesMax: Int
    ) throws(StoreError) -> DeliveryPage {
        var last = number
        while true {
            let arguments: [Argument] = [
                .number(session), .bytes(last.key), .number(limit), .number(bytesMax),
            ]
            let page = try read(.deliveries, arguments) { (reply) throws(StoreError) -> DeliveryPage in
                last = Self.lastNumber(reply) ?? last
                let rows = stride(from: 2, to: reply.count, by: 3)
                let deliveries = rows.compactMap { delivery(session, reply, $0) }
                return DeliveryPage(deliveries: deliveries, isLast: reply[1].text == "1")
            }
            // Nothing but records that cannot be read: the page begins after them.
            if page.isLast || !page.deliveries.isEmpty { return page }
        }
    }

    private func delivery(
        _ session: SessionNumber, _ reply: Reply.Value, _ row: Int
    ) -> DeliveryRecord? {
        let number = SessionNumber(key: reply[row].bytes.prefix(8)) ?? 0
        return decoded("Delivery \(number) of session \(session)") { () throws(StoreError) in
            let member = try QueueMember(reply[row].bytes)
            return try member.delivery(of: session, body: reply[row + 1].bytes, state: reply[row + 2].bytes)
        }
    }

    private static func lastNumber(_ reply: Reply.Value) -> MessageNumber? {
        reply.count < 5 ? nil : MessageNumber(key: reply[reply.count - 3].bytes.prefix(8))
    }
}

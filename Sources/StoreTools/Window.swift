// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import Packets
import Persistence

/// The deliveries of all sessions with numbers in a range that moves up.
///
/// `gather` looks into every queue above the last range. When more is found than fits, the greatest numbers are
/// forgotten again and the range ends below them; at the end it is complete for all sessions. A message that does
/// not fit alone is taken nevertheless: the port wants it whole.
struct Window {
    private struct Entry {
        var message: MessageRecord
        var deliveries: [Walk.Delivery] = []

        static let deliveryBytes = 160

        /// What an entry without deliveries takes, roughly.
        var ownBytes: Int {
            400 + message.payload.count + message.properties.count + message.topic.bytes.count
        }

        var bytes: Int { ownBytes + deliveries.count * Self.deliveryBytes }
    }

    private let store: any Store
    private let bytesMax: Int
    private var sessions: [SessionNumber]
    private var entries: [MessageNumber: Entry] = [:]
    private var bytes = 0
    /// Numbers up to this one have been given out.
    private var start: MessageNumber = 0
    /// The range ends here.
    private var end = MessageNumber.max

    init(_ store: any Store, _ sessions: [SessionNumber], bytesMax: Int) {
        self.store = store
        self.sessions = sessions
        self.bytesMax = bytesMax
    }

    /// Fills the next range; false when no queue has anything above the last.
    mutating func gather() throws -> Bool {
        end = .max
        var remaining: [SessionNumber] = []
        for session in sessions where try gather(session) { remaining.append(session) }
        sessions = remaining
        return !entries.isEmpty
    }

    /// Gives out what was gathered, in rising order.
    mutating func drain(_ body: (MessageNumber, MessageRecord, [Walk.Delivery]) throws -> Void) throws {
        for number in entries.keys.sorted() {
            guard let entry = entries.removeValue(forKey: number) else { continue }
            try body(number, entry.message, entry.deliveries)
        }
        bytes = 0
        start = end
    }

    /// Whether the session has anything above the last range.
    private mutating func gather(_ session: SessionNumber) throws -> Bool {
        var last = start
        while last < end {
            let page = try store.deliveries(of: session, after: last, limit: 100, bytesMax: 1 << 20)
            for delivery in page.deliveries where delivery.number <= end { add(delivery) }
            guard let final = page.deliveries.last?.number else { return last > start }
            last = final
            if page.isLast { return true }
        }
        return true
    }

    private mutating func add(_ record: DeliveryRecord) {
        if entries[record.number] == nil {
            let entry = Entry(message: record.message)
            bytes += entry.ownBytes
            entries[record.number] = entry
        }
        entries[record.number]?.deliveries.append(Walk.Delivery(record))
        bytes += Entry.deliveryBytes
        if bytes > bytesMax { shrink() }
    }

    /// Forgets the greater half of the numbers, so that the cost of sorting is shared by many additions.
    private mutating func shrink() {
        let numbers = entries.keys.sorted()
        guard numbers.count > 1 else { return }
        for number in numbers[(numbers.count / 2)...] {
            bytes -= entries.removeValue(forKey: number)?.bytes ?? 0
        }
        end = numbers[numbers.count / 2 - 1]
    }
}

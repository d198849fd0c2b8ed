// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import Packets
import Persistence

/// The deliveries of all sessions with numbers in a range that moves up, and their messages, as records in one arena.
///
/// `gather` looks into every queue above the last range. When more is found than fits, the greatest quarter of the
/// numbers is forgotten again and the range ends below them; at the end it is complete for all sessions. What the
/// last range took says how far the next one may go. A message that does not fit alone is taken nevertheless: the
/// port wants it whole.
struct Window: ~Copyable {
    /// A delivery. In the arena lies its message, when it is the first one of it, and then its record.
    private struct Row {
        var number: MessageNumber
        var session: SessionNumber
        var start: Int
        var messageCount: UInt32
        var recordCount: UInt32

        static let bytes = 32
    }

    /// A session, and the last number in its queue as far as that is known.
    private struct Queue {
        var session: SessionNumber
        var last = MessageNumber.max
    }

    private let store: any Store
    private let bytesMax: Int
    private var queues: [Queue]
    private var arena: [UInt8] = []
    private var rows: [Row] = []
    /// The numbers whose messages are in the arena.
    private var seen: Set<MessageNumber> = []
    private var scratch = ChangeBatch()
    /// Beyond this the window shrinks.
    private var bytesLimit: Int
    /// Numbers up to this one have been given out.
    private var start: MessageNumber = 0
    /// The range ends here.
    private var end = MessageNumber.max
    /// Rows asked of a queue at first; what is beyond the range is read in vain.
    private var firstLimit: Int

    private static let limitMax = 512

    /// `count` is how many deliveries there are in all.
    init(_ store: any Store, _ sessions: [SessionNumber], count: Int, bytesMax: Int) {
        self.store = store
        self.bytesMax = bytesMax
        bytesLimit = bytesMax
        queues = sessions.map { Queue(session: $0) }
        firstLimit = min(Self.limitMax, 1 + count / max(1, sessions.count))
        // Takes addresses, no memory, and is never moved then.
        if count > 0 { arena.reserveCapacity(bytesMax) }
    }

    private var bytes: Int { arena.count + rows.count * Row.bytes + seen.count * 16 }

    /// Fills the next range; false when no queue has anything above the last. `gathered` is told how many deliveries
    /// are in it so far.
    mutating func gather(_ gathered: (Int) throws -> Void = { _ in }) throws -> Bool {
        for index in queues.indices {
            queues[index].last = try gather(queues[index].session)
            try gathered(rows.count)
        }
        queues.removeAll { $0.last <= end }
        return !rows.isEmpty || !queues.isEmpty
    }

    /// The last number in the queue, or `max` when there may be more above the range.
    private mutating func gather(_ session: SessionNumber) throws -> MessageNumber {
        var (last, limit) = (start, firstLimit)
        while last < end {
            let page = try store.deliveries(of: session, after: last, limit: limit, bytesMax: 1 << 20)
            for delivery in page.deliveries where delivery.number <= end { add(delivery) }
            last = page.deliveries.last?.number ?? last
            if page.isLast { return last }
            limit = min(2 * limit, Self.limitMax)
        }
        return .max
    }

    private mutating func add(_ record: DeliveryRecord) {
        let start = arena.count
        if seen.insert(record.number).inserted {
            scratch.removeAll()
            let slice = scratch.append(record.message)
            scratch.withBytes(slice) { arena.append(contentsOf: $0) }
        }
        let middle = arena.count
        scratch.removeAll()
        let slice = scratch.append(record)
        scratch.withBytes(slice) { arena.append(contentsOf: $0) }
        let row = Row(
            number: record.number, session: record.session, start: start,
            messageCount: UInt32(middle - start), recordCount: UInt32(arena.count - middle))
        rows.append(row)
        if bytes > bytesLimit { shrink() }
    }

    /// Forgets the greatest quarter, so that the cost of it is shared by many additions. A message is kept with all
    /// its rows or with none.
    private mutating func shrink() {
        let numbers = rows.map(\.number).sorted()
        guard let greatest = numbers.last else { return }
        let wanted = numbers[numbers.count / 4 * 3]
        guard let kept = wanted < greatest ? wanted : numbers.last(where: { $0 < greatest }) else {
            bytesLimit = 2 * bytes
            return
        }
        end = kept
        seen = seen.filter { $0 <= kept }
        rows.removeAll { $0.number > kept }
        var used = 0
        for index in rows.indices {
            let count = Int(rows[index].messageCount + rows[index].recordCount)
            moveDown(rows[index].start, count, to: used)
            rows[index].start = used
            used += count
        }
        arena.removeLast(arena.count - used)
    }

    private mutating func moveDown(_ start: Int, _ count: Int, to place: Int) {
        arena.withUnsafeMutableBytes { bytes in
            let source = UnsafeRawBufferPointer(rebasing: bytes[start..<start + count])
            // The pointer is used within the closure only; the ranges may overlap.
            UnsafeMutableRawBufferPointer(rebasing: bytes[place..<place + count]).copyMemory(from: source)
        }
    }
}

extension Window {
    /// Gives out what was gathered. Messages with one delivery come session by session, because keys that rise cost an
    /// engine less than keys that scatter; then those that are shared, by number.
    mutating func drain(_ body: (Walk.Publication) throws -> Void) throws {
        let (taken, count) = (bytes, rows.count)
        // The one with the message first.
        rows.sort { ($0.number, $1.messageCount, $0.session) < ($1.number, $0.messageCount, $1.session) }
        let shared = takeShared()
        rows.sort { ($0.session, $0.number) < ($1.session, $1.number) }
        try give(rows, body)
        try give(shared, body)
        moveUp(taken, count)
    }

    /// Leaves the rows of messages with one delivery.
    private mutating func takeShared() -> [Row] {
        var shared: [Row] = []
        var (index, kept) = (0, 0)
        while index < rows.count {
            let next = rows[index...].firstIndex { $0.number != rows[index].number } ?? rows.count
            if next == index + 1 {
                rows[kept] = rows[index]
                kept += 1
            } else {
                shared.append(contentsOf: rows[index..<next])
            }
            index = next
        }
        rows.removeLast(rows.count - kept)
        return shared
    }

    private func give(_ rows: [Row], _ body: (Walk.Publication) throws -> Void) throws {
        var publication: Walk.Publication?
        for row in rows {
            let middle = row.start + Int(row.messageCount)
            if row.messageCount > 0 {
                if let publication { try body(publication) }
                publication = Walk.Publication(number: row.number, message: Array(arena[row.start..<middle]))
            }
            let record = Array(arena[middle..<middle + Int(row.recordCount)])
            publication?.deliveries.append(Walk.Delivery(session: row.session, record: record))
        }
        if let publication { try body(publication) }
    }

    /// The last range took so many bytes for so many deliveries.
    private mutating func moveUp(_ taken: Int, _ count: Int) {
        let width = Double(end - start)
        let share = Double(bytesMax) / Double(max(taken, bytesMax / 8, 1))
        firstLimit = min(Self.limitMax, 1 + count / max(1, queues.count))
        start = end
        // A little less than would fit, so that it seldom has to shrink.
        let next = Double(start) + max(1, width * 0.9 * share)
        end = next < 0x1p63 ? max(start + 1, MessageNumber(next)) : .max
        arena.removeAll(keepingCapacity: true)
        rows.removeAll(keepingCapacity: true)
        seen.removeAll(keepingCapacity: true)
        bytesLimit = bytesMax
    }
}

// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import Packets
import Persistence

/// Writes a batch as the arguments of the script that applies it.
///
/// The order of changes is kept, with exceptions that leave the same: deliveries come first, those of one
/// session together, and removals last, all together. A number is used once, so nothing before an insertion
/// can be about it, and nothing after a removal. States come together, and so do receptions with releases, before
/// what followed them, unless that sweeps a session. Bodies with one delivery lie in the member of the queue unless
/// they are large, so that a window of members has a bounded size; what has its body kept apart goes by `FanOut`.
///
/// Redis takes about a million arguments in a command, and a batch may be one message for more sessions than that.
/// So whatever one entry of a lane can have any number of shares its arguments (`FanOut`, `PackedEntries`).
struct BatchEncoder {
    /// Members of one queue in one command.
    private static let membersMax = 200
    /// The longest body that lies in a queue.
    static let inlineBytesMax = 4_096

    private struct Member {
        var number: MessageNumber
        var record: Slice
        var body: Slice
        var next: Int
    }

    private struct Queue {
        var session: SessionNumber
        var first: Int
        var last: Int
        var count: Int
    }

    private var members: [Member] = []
    private var queues: [Queue] = []
    private var queueBySession: [SessionNumber: Int] = [:]
    private var fanOut = FanOut()
    /// What is not queued any more when it comes.
    private var firstStates = PackedEntries()
    private var states = PackedEntries()
    private var receptions = PackedEntries()
    private var removals = PackedEntries()
    private var messageCount: UInt64 = 0
    private var body: (slice: Slice, isInline: Bool) = (.empty, false)

    /// Appends everything after the arguments that say who asks.
    mutating func append(_ batch: borrowing ChangeBatch, leaseMilliseconds: UInt64, to command: inout Command)
    {
        sort(batch)
        for number in [batch.number, batch.session, batch.message, UInt64(max(0, batch.time))] {
            command.append(number.padded)
        }
        command.append(leaseMilliseconds)
        command.append(batch.makesRoom ? "1" : "0")
        command.append(messageCount)
        for change in batch.changes { append(body: change, of: batch, to: &command) }
        fanOut.append(to: &command)
        fanOut.removeAll()
        for queue in queues { append(queue, of: batch, to: &command) }
        firstStates.move("Y", to: &command)
        for change in batch.changes { append(change, of: batch, to: &command) }
        moveStates(to: &command)
        removals.move("R", to: &command)
    }

    private mutating func sort(_ batch: borrowing ChangeBatch) {
        members.removeAll(keepingCapacity: true)
        queues.removeAll(keepingCapacity: true)
        queueBySession.removeAll(keepingCapacity: true)
        messageCount = 0
        for change in batch.changes {
            switch change {
            case .message(let number, let record, let references):
                messageCount += 1
                body = (record, Self.isInline(record, references))
                if !body.isInline { fanOut.begin(number) }
            case .delivery(let session, let number, let record):
                if let state = Self.state(record, of: batch) { firstStates.append(session, number, state) }
                if body.isInline {
                    insert(session, number, record)
                } else {
                    fanOut.add(session, record, of: batch)
                }
            case .removal(let session, let number): removals.append(session, number)
            case .client, .sessionEnd, .sessionSwept, .subscription, .unsubscription, .deliveryState,
                .reception, .release, .retained, .retainedRemoval, .boot, .bootRemoval:
                continue
            }
        }
    }

    private mutating func insert(_ session: SessionNumber, _ number: MessageNumber, _ record: Slice) {
        let index = members.count
        members.append(Member(number: number, record: record, body: body.slice, next: -1))
        let queue = queueBySession[session] ?? queues.count
        if queue == queues.count {
            queueBySession[session] = queue
            queues.append(Queue(session: session, first: index, last: index, count: 0))
        } else {
            members[queues[queue].last].next = index
        }
        queues[queue].last = index
        queues[queue].count += 1
    }

    /// Packet identifier and state with which a delivery begins; `nil` when it is queued.
    private static func state(_ record: Slice, of batch: borrowing ChangeBatch) -> [UInt8]? {
        do throws(StoreError) {
            let start = try batch.withBytes(record) { (record) throws(StoreError) in
                try RecordCoding.deliveryStart(record)
            }
            return start.state == .queued && start.packetID == 0 ? nil : state(start.packetID, start.state)
        } catch {
            preconditionFailure("a delivery record is made by RecordCoding: \(error)")
        }
    }

    private static func state(_ packetID: UInt16, _ state: DeliveryState) -> [UInt8] {
        [UInt8(packetID >> 8), UInt8(packetID & 0xff), state.rawValue]
    }

    private static func isInline(_ record: Slice, _ references: UInt32) -> Bool {
        references == 1 && record.count <= inlineBytesMax
    }
}

extension BatchEncoder {
    private func append(body change: Change, of batch: borrowing ChangeBatch, to command: inout Command) {
        guard case .message(let number, let record, let references) = change else { return }
        if Self.isInline(record, references) { return }
        command.append("M")
        command.append(key: number)
        command.append(UInt64(references))
        batch.withBytes(record) { command.append($0) }
    }

    private func append(_ queue: Queue, of batch: borrowing ChangeBatch, to command: inout Command) {
        var index = queue.first
        var left = queue.count
        while left > 0 {
            let count = min(left, Self.membersMax)
            left -= count
            command.append("Z")
            command.append(queue.session)
            command.append(UInt64(2 * count))
            for _ in 0..<count {
                command.append("0")
                append(members[index], of: batch, to: &command)
                index = members[index].next
            }
        }
    }

    /// Number, kind, length of the record, the record, and the body.
    private func append(_ member: Member, of batch: borrowing ChangeBatch, to command: inout Command) {
        command.open(QueueMember.headBytes + member.record.count + member.body.count)
        command.piece(bigEndian: member.number)
        command.piece(byte: 1)
        command.piece(bigEndian: UInt32(member.record.count))
        batch.withBytes(member.record) { command.piece($0) }
        batch.withBytes(member.body) { command.piece($0) }
        command.close()
    }

    private mutating func moveStates(to command: inout Command) {
        states.move("T", to: &command)
        receptions.move("N", to: &command)
    }

    private mutating func append(_ change: Change, of batch: borrowing ChangeBatch, to command: inout Command)
    {
        switch change {
        case .client(let session, let clientID, let record):
            append(client: session, TextKey(batch, clientID), record, of: batch, to: &command)
        case .sessionEnd(let session):
            command.append("E")
            command.append(key: session)
        case .sessionSwept(let session):
            moveStates(to: &command)
            command.append("W")
            command.append(key: session)
            command.append(session)
        case .subscription(let session, let filter, let record):
            command.append("S")
            command.append(session.key + TextKey(batch, filter).bytes)
            batch.withBytes(record) { command.append($0) }
        case .unsubscription(let session, let filter):
            command.append("U")
            command.append(session.key + TextKey(batch, filter).bytes)
        case .deliveryState(let session, let number, let packetID, let state):
            states.append(session, number, Self.state(packetID, state))
        case .reception(let session, let packetID):
            receptions.append(session, packetID: packetID, isAdded: true)
        case .release(let session, let packetID):
            receptions.append(session, packetID: packetID, isAdded: false)
        case .retained(let topic, let number, let record):
            append(retained: TextKey(batch, topic), number, record, of: batch, to: &command)
        case .retainedRemoval(let topic, let number):
            command.append("k")
            command.append(TextKey(batch, topic).bytes)
            command.append(number.padded)
        case .boot(let number, let startedAt):
            command.append("B")
            command.append(number)
            command.append(String(startedAt))
        case .bootRemoval(let number):
            command.append("b")
            command.append(number)
        case .message, .delivery, .removal:
            break
        }
    }

    private func append(
        client session: SessionNumber, _ key: TextKey, _ record: Slice, of batch: borrowing ChangeBatch,
        to command: inout Command
    ) {
        command.append("C")
        command.append(key: session)
        command.append(key.bytes)
        let length = UInt16(key.bytes.count)
        batch.withBytes(record) {
            command.append($0, after: [UInt8(length >> 8), UInt8(length & 0xff)] + key.bytes)
        }
    }

    private func append(
        retained key: TextKey, _ number: MessageNumber, _ record: Slice, of batch: borrowing ChangeBatch,
        to command: inout Command
    ) {
        command.append("K")
        command.append(key.bytes)
        command.append(number.padded)
        batch.withBytes(record) { command.append($0, after: Array(number.padded.utf8)) }
    }
}

extension TextKey {
    fileprivate init(_ batch: borrowing ChangeBatch, _ text: Slice) {
        self.init(Text(bytes: batch.bytes(text)))
    }
}

extension Command {
    /// Appends a number in eight bytes, the high one first.
    mutating func append(key number: UInt64) {
        open(8)
        piece(bigEndian: number)
        close()
    }
}

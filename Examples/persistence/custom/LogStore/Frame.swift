// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import Glibc
import Packets
import Persistence

/// What a batch does, with its bytes decoded.
enum Entry {
    case client(ClientRecord)
    case sessionEnd(SessionNumber)
    case sessionSwept(SessionNumber)
    case subscription(SubscriptionRecord)
    case unsubscription(SessionNumber, Text)
    case message(MessageNumber, MessageRecord, references: UInt64)
    case delivery(DeliveryRecord)
    case deliveryState(SessionNumber, MessageNumber, packetID: UInt16, DeliveryState)
    case removal(SessionNumber, MessageNumber)
    case reception(SessionNumber, UInt16)
    case release(SessionNumber, UInt16)
    case retained(RetainedRecord)
    case retainedRemoval(Text, MessageNumber)
    case boot(BootRecord)
    case bootRemoval(UInt64)
}

/// A batch as it is in the file.
struct Frame {
    /// Length and checksum before the changes.
    static let headBytes = 16

    var number: UInt64
    var session: SessionNumber
    var message: MessageNumber
    var time: Milliseconds
    var entries: [Entry] = []

    /// The changes of a batch: a tag, two numbers and some bytes for each.
    static func encode(_ batch: borrowing ChangeBatch) -> [UInt8] {
        var bytes = FrameBytes()
        for number in [batch.number, batch.session, batch.message, UInt64(bitPattern: batch.time)] {
            bytes.append(number)
        }
        for change in batch.changes {
            switch change {
            case .client(_, _, let record): bytes.append(0, 0, 0, batch.bytes(record))
            case .sessionEnd(let session): bytes.append(1, session)
            case .sessionSwept(let session): bytes.append(2, session)
            case .subscription(_, _, let record): bytes.append(3, 0, 0, batch.bytes(record))
            case .unsubscription(let session, let filter): bytes.append(4, session, 0, batch.bytes(filter))
            case .message(let number, let record, let references):
                bytes.append(5, number, UInt64(references), batch.bytes(record))
            case .delivery(let session, let number, let record):
                bytes.append(6, session, number, batch.bytes(record))
            case .deliveryState(let session, let number, let packetID, let state):
                bytes.append(
                    7, session, number, [UInt8(packetID >> 8), UInt8(packetID & 255), state.rawValue])
            case .removal(let session, let number): bytes.append(8, session, number)
            case .reception(let session, let packetID): bytes.append(9, session, UInt64(packetID))
            case .release(let session, let packetID): bytes.append(10, session, UInt64(packetID))
            case .retained(_, let number, let record): bytes.append(11, number, 0, batch.bytes(record))
            case .retainedRemoval(let topic, let number): bytes.append(12, number, 0, batch.bytes(topic))
            case .boot(let number, let startedAt): bytes.append(13, number, UInt64(bitPattern: startedAt))
            case .bootRemoval(let number): bytes.append(14, number)
            }
        }
        return bytes.bytes
    }

    /// Reads what `encode` has made.
    init(decoding bytes: [UInt8]) throws(StoreError) {
        var bytes = FrameBytes(bytes)
        number = bytes.next()
        session = bytes.next()
        message = bytes.next()
        time = Milliseconds(bitPattern: bytes.next())
        var body: MessageRecord?
        while !bytes.isAtEnd {
            let (tag, first, second, rest) = (bytes.next(), bytes.next(), bytes.next(), bytes.nextBytes())
            let entry = try Frame.entry(tag, first, second, rest, body)
            if case .message(_, let message, _) = entry { body = message }
            entries.append(entry)
        }
    }

    private static func entry(
        _ tag: UInt64, _ first: UInt64, _ second: UInt64, _ bytes: [UInt8], _ body: MessageRecord?
    ) throws(StoreError) -> Entry {
        switch (tag, body) {
        case (0, _): return .client(try decoded(bytes, RecordCoding.decodeClient))
        case (1, _): return .sessionEnd(first)
        case (2, _): return .sessionSwept(first)
        case (3, _): return .subscription(try decoded(bytes, RecordCoding.decodeSubscription))
        case (4, _): return .unsubscription(first, Text(bytes: bytes))
        case (5, _):
            return .message(first, try decoded(bytes, RecordCoding.decodeMessage), references: second)
        case (6, let body?):
            return .delivery(
                try decoded(bytes) { (bytes) throws(StoreError) in
                    try RecordCoding.decodeDelivery(bytes, session: first, number: second, message: body)
                })
        case (7, _):
            let packetID = UInt16(bytes[0]) << 8 | UInt16(bytes[1])
            return .deliveryState(
                first, second, packetID: packetID, DeliveryState(rawValue: bytes[2]) ?? .queued)
        case (8, _): return .removal(first, second)
        case (9, _): return .reception(first, UInt16(second))
        case (10, _): return .release(first, UInt16(second))
        case (11, _):
            let message = try decoded(bytes, RecordCoding.decodeMessage)
            return .retained(RetainedRecord(number: first, message: message))
        case (12, _): return .retainedRemoval(Text(bytes: bytes), first)
        case (13, _): return .boot(BootRecord(number: first, startedAt: Milliseconds(bitPattern: second)))
        case (14, _): return .bootRemoval(first)
        default: throw StoreError(.corrupt, "A change in the file is of a kind that does not exist.")
        }
    }

    private static func decoded<Record>(
        _ bytes: [UInt8], _ decode: (UnsafeRawBufferPointer) throws(StoreError) -> Record
    ) throws(StoreError) -> Record {
        try bytes.span.bytes.withUnsafeBytes { (bytes) throws(StoreError) in try decode(bytes) }
    }
}

extension Frame {
    /// A frame behind its length and checksum.
    static func sealed(_ frame: [UInt8]) -> [UInt8] {
        var head = FrameBytes()
        head.append(UInt64(frame.count))
        head.append(checksum(frame))
        return head.bytes + frame
    }

    /// The whole frame at a position of the file; `nil` at the end and where a crash has cut one off.
    static func read(_ descriptor: Int32, at position: Int) -> [UInt8]? {
        guard let bytes = read(descriptor, at: position, count: headBytes) else { return nil }
        var head = FrameBytes(bytes)
        let (count, sum) = (head.next(), head.next())
        let rest = Int(lseek(descriptor, 0, SEEK_END)) - position - headBytes
        guard count <= UInt64(max(0, rest)) else { return nil }
        guard let frame = read(descriptor, at: position + headBytes, count: Int(count)) else { return nil }
        return checksum(frame) == sum ? frame : nil
    }

    private static func read(_ descriptor: Int32, at position: Int, count: Int) -> [UInt8]? {
        let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
            initialized = max(0, pread(descriptor, buffer.baseAddress, count, position))
        }
        return bytes.count == count ? bytes : nil
    }

    /// FNV-1a.
    private static func checksum(_ bytes: [UInt8]) -> UInt64 {
        bytes.reduce(0xcbf2_9ce4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
    }
}

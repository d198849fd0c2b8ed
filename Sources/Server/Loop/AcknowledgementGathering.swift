// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import Engine
import NIOCore
import Persistence

/// Whether the acknowledgements of a client are read many at a time.
///
/// A busy consumer answers each message with four bytes, and to be woken for them costs more than all else that is
/// done for the message. So while nothing but PUBACK comes from a client, and often, the kernel wakes the loop for
/// `bytesMin` of them only (SO_RCVLOWAT, socket(7)), and the loop looks every `milliseconds` for fewer. That the broker
/// knows of an acknowledgement a moment later delays nobody: its messages go on as long as the client's receive window
/// lasts, which is large enough for what may be unread, and of a volatile session nothing is stored. Any other packet
/// ends it, and is read `milliseconds` late at most; so does a time without a packet.
struct AcknowledgementGathering {
    enum Step: Hashable {
        case stay, begin, end
    }

    private(set) var isOn = false
    /// Reads in a row that had only PUBACK; below zero, so many more must pass before they count.
    private var reads = 0
    private var countedSince: Milliseconds = 0
    private var emptyLooks = 0

    /// How long a packet may be unread.
    static let milliseconds: Int64 = 2
    /// For fewer bytes the loop is not woken: sixteen PUBACK.
    static let bytesMin: Int32 = 64
    /// A smaller window could be used up by acknowledgements that are not read.
    static let windowMin = 4 * Int(bytesMin)
    /// Begins with so many reads within so many milliseconds.
    private static let readsMin = 32
    private static let millisecondsMax: Milliseconds = 64
    /// Reads that are not counted after another packet has come.
    private static let pause = 256
    /// Looks without a packet that end it.
    private static let emptyLooksMax = 8

    /// Something was read, by whichever way.
    mutating func read(_ hasOnlyAcknowledgements: Bool, now: Milliseconds) -> Step {
        emptyLooks = 0
        guard hasOnlyAcknowledgements else {
            reads = isOn ? -AcknowledgementGathering.pause : min(reads, 0)
            return end()
        }
        if isOn { return .stay }
        if reads <= 0 { countedSince = now }
        reads += 1
        guard reads >= AcknowledgementGathering.readsMin else { return .stay }
        reads = 0
        guard now - countedSince <= AcknowledgementGathering.millisecondsMax else { return .stay }
        isOn = true
        return .begin
    }

    /// The loop has looked and found nothing.
    mutating func lookedInVain() -> Step {
        emptyLooks += 1
        return emptyLooks >= AcknowledgementGathering.emptyLooksMax ? end() : .stay
    }

    /// The connection is paused, or about to end.
    mutating func end() -> Step {
        defer { isOn = false }
        return isOn ? .end : .stay
    }

    /// Whether bytes are PUBACK packets without a reason, as far as the first and the last of them tell.
    static func areAcknowledgements(_ bytes: ByteBuffer) -> Bool {
        let count = bytes.readableBytes
        guard count >= 4, count % 4 == 0 else { return false }
        return bytes.getInteger(at: bytes.readerIndex, as: UInt16.self) == puback
            && bytes.getInteger(at: bytes.readerIndex + count - 4, as: UInt16.self) == puback
    }

    /// Fixed header and remaining length of a PUBACK without a reason.
    private static let puback: UInt16 = 0x4002
}

extension Connection {
    /// Whether it makes no difference to anybody when the broker learns a moment later what this client has received.
    var mayAcknowledgeLate: Bool {
        guard let session else { return false }
        return !session.isPersistent && windowMax >= AcknowledgementGathering.windowMin
    }
}

// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import Persistence

/// Small changes of one kind, many to an argument: Redis takes about a million arguments in one command.
struct PackedEntries {
    private static let pieceBytes = 64 << 10

    private var bytes: [UInt8] = []
    /// Where pieces end; the last one ends with the bytes.
    private var ends: [Int] = []

    /// A session, a message number in eight bytes, and what else belongs to the entry, of a length that is the
    /// same for all of its kind.
    mutating func append(_ session: SessionNumber, _ number: MessageNumber, _ rest: [UInt8] = []) {
        bytes.append(decimal: session)
        bytes.append(UInt8(ascii: ":"))
        bytes.append(bigEndian: number)
        bytes.append(contentsOf: rest)
        endPiece()
    }

    /// A packet identifier that a session gets or loses.
    mutating func append(_ session: SessionNumber, packetID: UInt16, isAdded: Bool) {
        bytes.append(decimal: session)
        bytes.append(UInt8(ascii: isAdded ? "+" : "-"))
        bytes.append(decimal: UInt64(packetID))
        bytes.append(UInt8(ascii: " "))
        endPiece()
    }

    private mutating func endPiece() {
        if bytes.count - (ends.last ?? 0) >= Self.pieceBytes { ends.append(bytes.count) }
    }

    /// Moves everything into the command, as operations of one letter.
    mutating func move(_ operation: String, to command: inout Command) {
        if bytes.isEmpty { return }
        var start = 0
        if ends.last != bytes.count { ends.append(bytes.count) }
        bytes.withUnsafeBytes { bytes in
            for end in ends {
                command.append(operation)
                // The pointer is used within the closure only.
                command.append(UnsafeRawBufferPointer(rebasing: bytes[start..<end]))
                start = end
            }
        }
        removeAll()
    }

    /// Forgets everything, and the memory when there was much.
    mutating func removeAll() {
        bytes.removeAll(keepingCapacity: bytes.count <= Self.pieceBytes)
        ends.removeAll(keepingCapacity: true)
    }
}

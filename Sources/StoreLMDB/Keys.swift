// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import Packets
import Persistence

/// A key of a table. LMDB compares bytes, so numbers are big-endian; no key is longer than the 511 bytes that it
/// allows, and none is empty, which it refuses.
protocol Key {
    /// Calls `body` with the bytes, which are valid only during the call.
    func withBytes<Result, Failure: Error>(
        _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
    ) throws(Failure) -> Result
}

extension Key where Self: BitwiseCopyable {
    func withBytes<Result, Failure: Error>(
        _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try withUnsafeBytes(of: self, body)
    }
}

/// The key of what has one number: clients, ended sessions, messages, boots.
struct NumberKey: Key {
    private let number: UInt64

    init(_ number: UInt64) {
        self.number = number.bigEndian
    }
}

/// The key of a delivery: a session's queue is one range, in order of number.
struct DeliveryKey: Key {
    private let session: UInt64
    private let number: UInt64

    init(_ session: SessionNumber, _ number: MessageNumber) {
        self.session = session.bigEndian
        self.number = number.bigEndian
    }
}

/// The key of a reception: ten bytes.
struct ReceptionKey: Key {
    private let session: UInt64
    private let packetID: UInt16

    init(_ session: SessionNumber, _ packetID: UInt16) {
        self.session = session.bigEndian
        self.packetID = packetID.bigEndian
    }
}

/// A key with a client-chosen text in it.
struct StringKey: Key {
    let bytes: [UInt8]

    init(bytes: [UInt8]) {
        self.bytes = bytes
    }

    /// The key of a client identifier or a topic. A zero byte comes first because the text may be empty.
    init(_ text: Text) {
        bytes = [0] + TextKey(text).bytes
    }

    /// The key of a subscription.
    init(_ session: SessionNumber, _ filter: Text) {
        bytes = withUnsafeBytes(of: session.bigEndian) { Array($0) } + TextKey(filter).bytes
    }

    func withBytes<Result, Failure: Error>(
        _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try bytes.span.bytes.withUnsafeBytes(body)
    }
}

extension UnsafeRawBufferPointer {
    /// The big-endian number at `offset` of a key; zero when the key is too short to have one.
    func number(at offset: Int = 0) -> UInt64 {
        guard count >= offset + 8 else { return 0 }
        return UInt64(bigEndian: loadUnaligned(fromByteOffset: offset, as: UInt64.self))
    }

    /// The packet identifier of a reception's key.
    var packetID: UInt16 {
        guard count >= 10 else { return 0 }
        return UInt16(bigEndian: loadUnaligned(fromByteOffset: 8, as: UInt16.self))
    }
}

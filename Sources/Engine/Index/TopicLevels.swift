// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import Packets

/// The levels of a topic name or filter, in order and without copying: the bytes between the slashes.
///
/// Empty levels are levels: `/a` has two, the empty text has one.
struct TopicLevels: Sequence, IteratorProtocol {
    private let bytes: UnsafeRawBufferPointer
    private var start = 0
    private var hasMore = true

    /// The levels of `bytes`, which must outlive the iteration.
    init(_ bytes: UnsafeRawBufferPointer) {
        self.bytes = bytes
    }

    /// The next level; `nil` after the last.
    @inline(__always)
    mutating func next() -> UnsafeRawBufferPointer? {
        guard hasMore else { return nil }
        var end = start
        while end < bytes.count, bytes[end] != UInt8(ascii: "/") { end &+= 1 }
        hasMore = end < bytes.count
        defer { start = end &+ 1 }
        return UnsafeRawBufferPointer(rebasing: bytes[start..<end])
    }
}

extension UnsafeRawBufferPointer {
    /// Whether a topic belongs to the broker: filters that begin with a wildcard do not match it
    /// `[MQTT-4.7.2-1]`.
    var isReservedTopic: Bool { first == UInt8(ascii: "$") }

    /// Whether a topic is one of the broker's own: `$SYS` or below.
    var isSystemTopic: Bool {
        var levels = TopicLevels(self)
        return levels.next().map { $0.elementsEqual("$SYS".utf8) } ?? false
    }

    /// How many levels a topic or a filter has.
    var levelCount: Int { reduce(1) { $0 + ($1 == UInt8(ascii: "/") ? 1 : 0) } }

    /// Whether this level is one character, such as a wildcard.
    func isLevel(_ character: Unicode.Scalar) -> Bool { count == 1 && self[0] == UInt8(ascii: character) }

    /// Whether the bytes are the same.
    @inline(__always)
    func hasSameBytes(as other: UnsafeRawBufferPointer) -> Bool {
        guard count == other.count else { return false }
        guard count >= 8 else { return elementsEqual(other) }
        var offset = 0
        while offset &+ 8 < count {
            guard hasSameWord(as: other, at: offset) else { return false }
            offset &+= 8
        }
        return hasSameWord(as: other, at: count &- 8)
    }

    @inline(__always)
    private func hasSameWord(as other: UnsafeRawBufferPointer, at offset: Int) -> Bool {
        loadUnaligned(fromByteOffset: offset, as: UInt64.self)
            == other.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
    }
}

extension Text {
    /// Calls `body` with the bytes, which are valid only during the call.
    @inline(__always)
    func withBytes<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result {
        bytes.withUnsafeBytes(body)
    }
}

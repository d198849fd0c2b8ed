// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

/// A UTF-8 string as MQTT compares it: byte by byte.
///
/// `String` treats canonically equivalent texts as equal; the specification does not, and two client
/// identifiers that merely look alike are two clients. A `Text` may hold any bytes: who reads one from the
/// network validates it first (`[MQTT-1.5.4-1]`, `[MQTT-1.5.4-2]`).
public struct Text: Hashable, Sendable, Comparable, ExpressibleByStringLiteral, CustomStringConvertible {
    /// The UTF-8 bytes, without a length prefix and without a terminator.
    public let bytes: [UInt8]

    /// Keeps `bytes` as they are.
    @inlinable public init(bytes: [UInt8]) {
        self.bytes = bytes
    }

    /// Keeps the UTF-8 bytes of `string`.
    public init(_ string: some StringProtocol) {
        self.bytes = Array(string.utf8)
    }

    /// Keeps the UTF-8 bytes of a literal.
    public init(stringLiteral value: String) {
        self.init(value)
    }

    /// Whether there are no bytes at all.
    @inlinable public var isEmpty: Bool { bytes.isEmpty }

    /// Feeds the bytes to the hasher at once, not one by one as an array does.
    public func hash(into hasher: inout Hasher) {
        hasher.combine(bytes.count)
        bytes.withUnsafeBytes { hasher.combine(bytes: $0) }
    }

    /// The text for people: invalid UTF-8 is shown with replacement characters.
    public var description: String { String(decoding: bytes, as: UTF8.self) }

    /// Byte order, as `memcmp` sees it.
    public static func < (left: Text, right: Text) -> Bool {
        left.bytes.lexicographicallyPrecedes(right.bytes)
    }
}

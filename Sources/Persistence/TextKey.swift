// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

public import Packets

/// What stands for a client-chosen text in an engine's keys, and the order of pages.
///
/// A text of at most `textBytesMax` bytes is its own key. Of a longer one the first `textBytesMax` bytes are
/// followed by 16 bytes of its SHA-256 digest, so no key is longer than `keyBytesMax` and nobody can choose
/// two texts with one key. Keys are compared byte by byte. That is the order of the texts, except among long
/// ones that agree in their first `textBytesMax` bytes, whose order is arbitrary but the same in every store.
public struct TextKey: Hashable, Sendable, Comparable {
    /// The longest text that is its own key.
    public static let textBytesMax = 480
    /// The longest key.
    public static let keyBytesMax = 496

    /// The key as an engine stores it.
    public let bytes: [UInt8]

    /// The key of a text.
    public init(_ text: Text) {
        if text.bytes.count <= Self.textBytesMax {
            bytes = text.bytes
        } else {
            bytes = Array(text.bytes[..<Self.textBytesMax] + SHA256.digest(of: text.bytes)[..<16])
        }
    }

    /// Byte order, as `memcmp` sees it.
    public static func < (left: TextKey, right: TextKey) -> Bool {
        left.bytes.lexicographicallyPrecedes(right.bytes)
    }
}

// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

/// A topic that a message is published to, valid by construction.
///
/// At least one character, at most 65,535 bytes, UTF-8 without U+0000, no wildcard (`[MQTT-4.7.0-1]`,
/// `[MQTT-4.7.3-1]`, `[MQTT-4.7.3-2]`, `[MQTT-4.7.3-3]`). Topics are compared byte by byte `[MQTT-4.7.3-4]`.
public struct TopicName: Hashable, Sendable {
    /// The topic itself.
    public let text: Text

    /// Nil when `text` is not a topic name.
    public init?(_ text: Text) {
        guard text.bytes.withUnsafeBytes(TopicName.isValid) else { return nil }
        self.text = text
    }

    /// Whether `bytes` are a topic name. ASCII costs about a cycle per byte.
    public static func isValid(_ bytes: UnsafeRawBufferPointer) -> Bool {
        guard bytes.count > 0, bytes.count <= 65_535 else { return false }
        if TextCheck.isPlainTopic(bytes) { return true }
        return TextCheck.fault(in: bytes) == nil && !TextCheck.hasWildcard(bytes)
    }
}

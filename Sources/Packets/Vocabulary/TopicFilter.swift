// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

/// What a client subscribes to, valid by construction: a topic filter, perhaps shared by a group.
///
/// `#` stands alone in the last level `[MQTT-4.7.1-1]`, `+` alone in its level `[MQTT-4.7.1-2]`. A shared filter
/// is `$share/group/filter`: the group is not empty and has no wildcard, and the filter after it is one by the
/// same rules (`[MQTT-4.8.2-1]`, `[MQTT-4.8.2-2]`). `$share` is compared as it is written; `$SHARE/a/b` is an
/// ordinary filter.
public struct TopicFilter: Hashable, Sendable {
    /// The filter as the client wrote it.
    public let text: Text
    /// The group of a shared subscription.
    public let share: Text?
    /// The filter that topics are matched with: without `$share/group/`.
    public let filter: Text

    /// Nil when `text` is not a topic filter.
    public init?(_ text: Text) {
        guard text.bytes.count <= 65_535, text.bytes.withUnsafeBytes(TextCheck.fault) == nil else {
            return nil
        }
        self.text = text
        guard TopicFilter.isShared(text) else {
            guard TopicFilter.isValid(text.bytes[...]) else { return nil }
            share = nil
            filter = text
            return
        }
        let rest = text.bytes.dropFirst(TopicFilter.sharePrefix.count)
        guard let slash = rest.firstIndex(of: 0x2F), slash > rest.startIndex,
            !rest[..<slash].contains(where: { $0 == 0x2B || $0 == 0x23 }),
            TopicFilter.isValid(rest[(slash + 1)...])
        else { return nil }
        share = Text(bytes: Array(rest[..<slash]))
        filter = Text(bytes: Array(rest[(slash + 1)...]))
    }

    private static let sharePrefix = Array("$share/".utf8)

    /// Whether `text` claims to be a shared filter, valid or not.
    package static func isShared(_ text: Text) -> Bool {
        text.bytes.starts(with: sharePrefix)
    }

    /// Whether the wildcards stand where they may.
    private static func isValid(_ bytes: ArraySlice<UInt8>) -> Bool {
        guard !bytes.isEmpty else { return false }
        for index in bytes.indices where bytes[index] == 0x23 || bytes[index] == 0x2B {
            let next = index + 1
            if index > bytes.startIndex, bytes[index - 1] != 0x2F { return false }
            if next < bytes.endIndex, bytes[index] == 0x23 || bytes[next] != 0x2F { return false }
        }
        return true
    }
}

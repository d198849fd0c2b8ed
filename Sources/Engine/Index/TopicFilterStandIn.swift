// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

package import Packets

/// Stands in for the type of Packets until that is merged.
package struct TopicFilter: Hashable, Sendable {
    package let text: Text
    package let share: Text?
    package let filter: Text

    package init?(_ text: Text) {
        self.text = text
        let parts = text.bytes.split(
            separator: UInt8(ascii: "/"), maxSplits: 2, omittingEmptySubsequences: false)
        if parts.count == 3, Text(bytes: Array(parts[0])) == "$share" {
            share = Text(bytes: Array(parts[1]))
            filter = Text(bytes: Array(parts[2]))
        } else {
            share = nil
            filter = text
        }
        let levels = filter.bytes.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
        for (index, level) in levels.enumerated() {
            if level.contains(UInt8(ascii: "+")), level.count > 1 { return nil }
            if level.contains(UInt8(ascii: "#")), level.count > 1 || index < levels.count - 1 { return nil }
        }
        if filter.isEmpty { return nil }
    }
}

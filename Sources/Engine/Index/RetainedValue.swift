// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

package import Packets
package import Persistence

/// A retained message in memory, shared by the index and whoever sends it.
package final class RetainedBody: Sendable {
    /// The message.
    package let message: MessageRecord

    /// Keeps a message.
    package init(_ message: MessageRecord) {
        self.message = message
    }

    /// About how much memory it takes.
    package var byteCount: Int {
        message.payload.count + message.properties.count + message.topic.bytes.count
            + message.publisher.bytes.count + 256
    }
}

/// The retained value of one topic.
package struct RetainedValue: Sendable {
    /// The number of the message that set it.
    package let number: MessageNumber
    /// The topic.
    package let topic: Text
    /// When it expires; zero means never.
    package let expiresAt: Milliseconds
    /// The message; `nil` when only the store has it.
    package let body: RetainedBody?
}

/// A window of the retained values that match a filter.
package struct RetainedPage: Sendable {
    /// The values, rising by number.
    package var values: [RetainedValue] = []
    /// Every value up to this number has been looked at: the next window begins after it.
    package var through: MessageNumber
    /// Whether nothing is left.
    package var isLast: Bool
    /// How many nodes and values were looked at for it.
    package var visitCount = 0
}

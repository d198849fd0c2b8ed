// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

package import Packets

/// The topics that a client's aliases stand for, on one connection `[MQTT-3.3.2-7]`.
package struct InboundTopicAliases: Hashable, Sendable {
    /// What an alias of a PUBLISH comes to.
    package enum Resolution: Hashable, Sendable {
        /// The publish goes to this topic.
        case topic(Text)
        /// Close the connection with this reason.
        case refused(ReasonCode)
    }

    private let maximum: UInt16
    private let bytesMax: Int
    private var topics: [Text?] = []
    private var byteCount = 0

    /// Aliases 1 to `maximum`, whose topics together may have `bytesMax` bytes.
    package init(maximum: UInt16, bytesMax: Int = .max) {
        self.maximum = maximum
        self.bytesMax = bytesMax
    }

    /// The topic of a PUBLISH with an alias: `topic` itself, which the alias stands for from now on, or what
    /// the alias stands for when `topic` is empty (`[MQTT-3.3.2-8]`, `[MQTT-3.3.2-9]`, `[MQTT-3.3.2-12]`).
    package mutating func resolve(_ alias: UInt16, _ topic: UnsafeRawBufferPointer) -> Resolution {
        guard alias > 0, alias <= maximum else { return .refused(.topicAliasInvalid) }
        let known = alias <= topics.count ? topics[Int(alias) - 1] : nil
        if topic.isEmpty { return known.map(Resolution.topic) ?? .refused(.protocolError) }
        if let known, known.withBytes({ $0.hasSameBytes(as: topic) }) { return .topic(known) }
        let growth = topic.count - (known?.bytes.count ?? 0)
        guard byteCount + growth <= bytesMax else { return .refused(.quotaExceeded) }
        byteCount += growth
        let text = Text(bytes: Array(topic))
        while topics.count < alias { topics.append(nil) }
        topics[Int(alias) - 1] = text
        return .topic(text)
    }
}

/// The aliases that the broker gives to topics, on one connection: first come, first served.
package struct OutboundTopicAliases: Sendable {
    /// One hash for all connections: it costs nothing to open one, and its seed is as secret as another.
    private static let hash = SeededHash()

    private let maximum: UInt16
    private let bytesMax: Int
    private var table = IndexTable()
    private var topics: [Text] = []
    private var byteCount = 0

    /// Aliases 1 to `maximum`, whose topics together may have `bytesMax` bytes.
    package init(maximum: UInt16, bytesMax: Int = .max) {
        self.maximum = maximum
        self.bytesMax = bytesMax
    }

    /// The alias for a topic: a new one must be sent with the topic, any other in its place. `nil` when all
    /// aliases are given to other topics.
    package mutating func alias(for topic: UnsafeRawBufferPointer) -> (alias: UInt16, isNew: Bool)? {
        guard maximum > 0 else { return nil }
        let hash = Self.hash(topic)
        let known = table.find(hash) { place in
            topics[Int(place)].withBytes { $0.hasSameBytes(as: topic) }
        }
        if let known { return (UInt16(known) + 1, false) }
        guard topics.count < Int(maximum), byteCount + topic.count <= bytesMax else { return nil }
        table.insert(hash, UInt32(topics.count))
        topics.append(Text(bytes: Array(topic)))
        byteCount += topic.count
        return (UInt16(topics.count), true)
    }
}

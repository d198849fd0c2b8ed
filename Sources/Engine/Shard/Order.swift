// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import DequeModule
package import Packets
package import Persistence

/// What a shard wants done outside itself; the shell performs orders as they come.
package enum Order: Sendable {
    /// Write what the slot's outbound buffer holds.
    case flush(SlotID)
    /// Write it, then close the socket.
    case close(SlotID)
    /// Stop reading from the socket.
    case pause(SlotID)
    /// Read on.
    case resume(SlotID)
    /// Another shard has mail: it must `collect`.
    case wake(shard: Int)
    /// The committer has something that cannot wait.
    case wakeCommitter
    /// Run on a reader thread, then `readFinished`.
    case read(ReadRequest)
    /// Call `collect` after a while; zero: in the next loop iteration.
    case wakeSelf(afterMilliseconds: Int)
    /// An inline publish is durable, or was refused.
    case completed(ticket: UInt64, reason: ReasonCode)
    /// Worth a line in the log, or a count.
    case report(Report)
}

/// Something that happened, for the log and the metrics.
package enum Report: Sendable, Hashable, CustomStringConvertible {
    case connected(Text, Origin, version: ProtocolVersion, resumed: Bool)
    case disconnected(Text, Origin, reason: ReasonCode, detail: String)
    case refused(Origin, reason: ReasonCode, detail: String)
    /// Session zero: of several sessions.
    case dropped(session: SessionNumber, count: Int, because: DropReason)
    case ended(Text)
    case unreadable(Text, String)

    package enum Level: Sendable, Hashable {
        case debug, info, warning
    }

    package var level: Level {
        switch self {
        case .connected, .disconnected, .ended: .debug
        case .refused: .info
        case .dropped, .unreadable: .warning
        }
    }

    package var description: String {
        switch self {
        case .connected(let client, let origin, let version, let resumed):
            "client \(client) connected from \(origin.remote), MQTT \(version), \(resumed ? "resumed" : "new")"
        case .disconnected(let client, let origin, let reason, let detail):
            "client \(client) from \(origin.remote) disconnected, reason \(reason.rawValue): \(detail)"
        case .refused(let origin, let reason, let detail):
            "connection from \(origin.remote) refused, reason \(reason.rawValue): \(detail)"
        case .dropped(let session, let count, let why):
            "dropped \(count) messages for session \(session): \(why.rawValue)"
        case .ended(let client): "session of client \(client) ended"
        case .unreadable(let client, let why): "the queue of client \(client) could not be read: \(why)"
        }
    }
}

/// Why a message did not reach a session.
package enum DropReason: String, Sendable, Hashable {
    /// QoS 0 to a client that does not read fast enough.
    case slowConsumer
    /// The session's queue has reached its limit.
    case queueFull
    /// A full mailbox between shards, QoS 0 only.
    case mailboxFull
    /// QoS 0 of a publisher, whose session this is, that was beyond its allowance of uncommitted publishes, or came while
    /// too much was uncommitted.
    case allowance
}

/// A question to the store, answered off the event loops.
package struct ReadRequest: Sendable, Hashable {
    package enum Kind: Sendable, Hashable {
        /// A window of a queue.
        case window(after: MessageNumber, limit: Int, bytesMax: Int, round: UInt32)
        /// The packet identifiers in use, in both directions.
        case receptions
        /// How many deliveries are stored, and about how many bytes.
        case count
        /// A slice of an ended session's queue.
        case sweep(limit: Int)
        /// Retained messages whose bodies are not in memory.
        case retained([Text], bytesMax: Int, round: UInt64)
    }

    package var session: SessionNumber
    package var kind: Kind

    /// Asks the store; blocks. On a reader thread.
    package func run(on store: any Store) -> ReadReply {
        ReadReply(request: self, result: Result { () throws(StoreError) in try answer(store) })
    }

    private func answer(_ store: any Store) throws(StoreError) -> ReadReply.Answer {
        switch kind {
        case .window(let after, let limit, let bytesMax, _):
            .deliveries(try store.deliveries(of: session, after: after, limit: limit, bytesMax: bytesMax))
        case .sweep(let limit):
            .deliveries(try store.deliveries(of: session, after: 0, limit: limit, bytesMax: 1 << 20))
        case .count:
            try count(store)
        case .receptions:
            .receptions(try store.receptions(of: session), sent: try store.packetIDs(of: session))
        case .retained(let topics, let bytesMax, _):
            try retained(topics, bytesMax: bytesMax, store)
        }
    }

    /// Bytes are those of the first deliveries, projected: reading all of them would cost too much.
    private func count(_ store: any Store) throws(StoreError) -> ReadReply.Answer {
        let count = try store.deliveryCount(of: session)
        guard count > 0 else { return .count(0, bytes: 0) }
        let sample = try store.deliveries(
            of: session, after: 0, limit: ReadRequest.sampleMax, bytesMax: ReadRequest.sampleBytesMax)
        let bytes = sample.deliveries.reduce(0) { $0 + $1.message.queuedBytes }
        return .count(count, bytes: bytes / max(1, sample.deliveries.count) * count)
    }

    private static let sampleMax = 16
    private static let sampleBytesMax = 1 << 16

    /// As many as fit in `bytesMax`, and one at least.
    private func retained(
        _ topics: [Text], bytesMax: Int, _ store: any Store
    ) throws(StoreError) -> ReadReply.Answer {
        var records: [RetainedRecord] = []
        var bytes = 0
        for (index, topic) in topics.enumerated() {
            guard bytes < bytesMax else { return .retained(records, of: topics[..<index]) }
            guard let record = try store.retainedMessage(topic) else { continue }
            bytes += record.message.queuedBytes
            records.append(record)
        }
        return .retained(records, of: topics[...])
    }
}

extension MessageRecord {
    /// What a message weighs against the limits on queues.
    fileprivate var queuedBytes: Int { topic.bytes.count + properties.count + payload.count }
}

/// What the store answered.
package struct ReadReply: Sendable {
    package enum Answer: Sendable {
        case deliveries(DeliveryPage)
        case receptions([UInt16], sent: [UInt16])
        case count(Int, bytes: Int)
        /// What there is of the topics that were read.
        case retained([RetainedRecord], of: ArraySlice<Text>)
    }

    package var request: ReadRequest
    package var result: Result<Answer, StoreError>
}

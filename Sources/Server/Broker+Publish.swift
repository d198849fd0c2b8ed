// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import Engine
import NIOCore
public import Packets
import Persistence

extension Broker {
    /// Publishes a message as the broker itself; returns when the contract lets a PUBACK go: the message, its
    /// deliveries and the retained value are committed.
    ///
    /// Two publications to one topic keep their order if the first has returned before the second begins. Throws
    /// a `BrokerError` when the broker is not running or the message is refused.
    public func publish(
        topic: String, payload: [UInt8], qos: QoS = .atLeastOnce, retain: Bool = false
    ) async throws {
        guard let machinery else { throw Broker.notRunning }
        guard let name = TopicName(Text(topic)) else {
            throw BrokerError(
                .publishRefused, "\"\(topic)\" is not a topic name; it must not be empty or have wildcards.")
        }
        let message = MessageRecord(
            topic: name.text, payload: payload, qos: qos, publishedAt: machinery.clock.now)
        let loop = machinery.loops[Int(UInt(bitPattern: topic.hashValue) % UInt(machinery.loops.count))]
        let reason: ReasonCode? = await withCheckedContinuation { continuation in
            loop.eventLoop.execute { loop.publish(message, retain: retain, continuation: continuation) }
        }
        guard let reason else { throw Broker.notRunning }
        guard reason.rawValue < 0x80 else {
            throw BrokerError(.publishRefused, "The message to \"\(topic)\" was refused: \(reason).")
        }
    }
}

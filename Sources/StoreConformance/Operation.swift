// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import Packets
import Persistence

/// A change in terms of records, from which both a batch and the model can be made.
enum Operation {
    case client(ClientRecord)
    case sessionEnd(SessionNumber)
    case sessionSwept(SessionNumber)
    case subscription(SubscriptionRecord)
    case unsubscription(SessionNumber, Text)
    /// A message and its deliveries, which carry number and message themselves.
    case publish([DeliveryRecord])
    case deliveryState(SessionNumber, MessageNumber, packetID: UInt16, DeliveryState)
    case removal(SessionNumber, MessageNumber)
    case reception(SessionNumber, UInt16)
    case release(SessionNumber, UInt16)
    case retained(RetainedRecord)
    case retainedRemoval(Text, MessageNumber)
    case boot(UInt64, Milliseconds)
    case bootRemoval(UInt64)

    /// One delivery of a message of its own.
    static func delivery(_ record: DeliveryRecord) -> Operation { .publish([record]) }
}

extension ChangeBatch {
    mutating func append(_ operation: Operation) {
        switch operation {
        case .client(let record): add(record)
        case .sessionEnd(let session): append(.sessionEnd(session: session))
        case .sessionSwept(let session): append(.sessionSwept(session: session))
        case .subscription(let record): add(record)
        case .unsubscription(let session, let filter):
            let filter = append(bytes: filter.bytes)
            append(.unsubscription(session: session, filter: filter))
        case .publish(let deliveries): append(deliveries)
        case .deliveryState(let session, let number, let packetID, let state):
            append(.deliveryState(session: session, number: number, packetID: packetID, state: state))
        case .removal(let session, let number): append(.removal(session: session, number: number))
        case .reception(let session, let packetID): append(.reception(session: session, packetID: packetID))
        case .release(let session, let packetID): append(.release(session: session, packetID: packetID))
        case .retained(let record): add(record)
        case .retainedRemoval(let topic, let number):
            let topic = append(bytes: topic.bytes)
            append(.retainedRemoval(topic: topic, number: number))
            message = max(message, number)
        case .boot(let number, let startedAt): append(.boot(number: number, startedAt: startedAt))
        case .bootRemoval(let number): append(.bootRemoval(number: number))
        }
    }

    private mutating func append(_ deliveries: [DeliveryRecord]) {
        guard let first = deliveries.first else { preconditionFailure("a message has at least one delivery") }
        let encoded = append(first.message)
        append(.message(number: first.number, record: encoded, references: UInt32(deliveries.count)))
        for delivery in deliveries {
            let encoded = append(delivery)
            append(.delivery(session: delivery.session, number: delivery.number, record: encoded))
        }
        message = max(message, first.number)
    }
}

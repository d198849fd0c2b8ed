// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import Packets
import Persistence

extension Netting {
    /// Appends to `batch` what is not settled and within `scope`, in order.
    static func fill(_ batch: inout ChangeBatch, from lanes: [Lane], _ scope: CommitScope) {
        switch scope {
        case .all:
            for lane in lanes {
                for change in lane.changes { append(change, of: lane, to: &batch) }
            }
        case .roomMaking(let places), .first(let places):
            for place in places { fill(&batch, from: lanes, .entry(place)) }
        case .entry(let place):
            let lane = lanes[place.lane]
            for index in lane.changes(of: place.entry) { append(lane.changes[index], of: lane, to: &batch) }
        }
    }

    private static func append(_ change: LaneChange, of lane: Lane, to batch: inout ChangeBatch) {
        switch change {
        case .settled, .folded: break
        case .message(let index): appendMessage(Int(index), of: lane, to: &batch)
        case .removal(let session, let number, _): batch.append(.removal(session: session, number: number))
        case .state(let session, let number, _, let packetID, let state):
            batch.append(.deliveryState(session: session, number: number, packetID: packetID, state: state))
        case .reception(let session, let packetID):
            batch.append(.reception(session: session, packetID: packetID))
        case .release(let session, let packetID):
            batch.append(.release(session: session, packetID: packetID))
        case .client(let session, let clientID, let record):
            let id = copy(clientID, of: lane, to: &batch)
            batch.append(.client(session: session, clientID: id, record: copy(record, of: lane, to: &batch)))
        case .sessionEnd(let session, _): batch.append(.sessionEnd(session: session))
        case .sessionSwept(let session): batch.append(.sessionSwept(session: session))
        case .subscription(let session, let filter, let record):
            let text = copy(filter, of: lane, to: &batch)
            let bytes = copy(record, of: lane, to: &batch)
            batch.append(.subscription(session: session, filter: text, record: bytes))
        case .unsubscription(let session, let filter):
            batch.append(.unsubscription(session: session, filter: copy(filter, of: lane, to: &batch)))
        case .retainedRemoval(let topic, let number):
            batch.append(.retainedRemoval(topic: copy(topic, of: lane, to: &batch), number: number))
        }
    }

    private static func copy(_ slice: Slice, of lane: Lane, to batch: inout ChangeBatch) -> Slice {
        lane.arena.withUnsafeBytes { batch.append(bytes: UnsafeRawBufferPointer(rebasing: $0[slice.range])) }
    }

    private static func appendMessage(_ index: Int, of lane: Lane, to batch: inout ChangeBatch) {
        let message = lane.messages[index]
        let number = lane.firstNumber + UInt64(index)
        let deliveries = Int(message.firstDelivery)..<Int(message.firstDelivery + message.deliveryCount)
        var references: UInt32 = 0
        for delivery in deliveries where !lane.deliveries[delivery].isRemoved { references += 1 }
        let keepsBody = references > 0 || message.retained == .set
        let record = keepsBody ? appendRecord(message, of: lane, to: &batch) : .empty
        if references > 0 {
            batch.append(.message(number: number, record: record, references: references))
            for delivery in deliveries where !lane.deliveries[delivery].isRemoved {
                appendDelivery(lane.deliveries[delivery], number, of: lane, to: &batch)
            }
        }
        switch message.retained {
        case .none: break
        case .set:
            let topic = copy(message.topic, of: lane, to: &batch)
            batch.append(.retained(topic: topic, number: number, record: record))
        case .clear:
            batch.append(.retainedRemoval(topic: copy(message.topic, of: lane, to: &batch), number: number))
        }
    }

    private static func appendRecord(
        _ message: LaneMessage, of lane: Lane, to batch: inout ChangeBatch
    ) -> Slice {
        lane.arena.withUnsafeBytes { bytes in
            batch.appendMessage(
                topic: UnsafeRawBufferPointer(rebasing: bytes[message.topic.range]),
                properties: UnsafeRawBufferPointer(rebasing: bytes[message.properties.range]),
                payload: UnsafeRawBufferPointer(rebasing: bytes[message.payload.range]),
                publisher: UnsafeRawBufferPointer(rebasing: bytes[message.publisher.range]),
                qos: message.qos, publishedAt: message.publishedAt, expiresAt: message.expiresAt)
        }
    }

    private static func appendDelivery(
        _ delivery: LaneDelivery, _ number: MessageNumber, of lane: Lane, to batch: inout ChangeBatch
    ) {
        let first = Int(delivery.firstIdentifier)
        let identifiers = lane.identifiers[first..<first + Int(delivery.identifierCount)]
        let record = lane.arena.withUnsafeBytes { bytes in
            batch.appendDelivery(
                qos: delivery.qos, retain: delivery.retain, state: delivery.state,
                packetID: delivery.packetID, identifiers: identifiers,
                share: UnsafeRawBufferPointer(rebasing: bytes[delivery.share.range]))
        }
        batch.append(.delivery(session: delivery.session, number: number, record: record))
    }
}

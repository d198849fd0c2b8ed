// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import Persistence

extension Lane {
    /// A lane with nothing but these entries, unchanged, at the same positions and with the same numbers.
    func excerpt(_ range: Range<Int>) -> Lane {
        var copy = Lane()
        copy.shard = shard
        copy.isUrgent = isUrgent
        let firstMessage = messages(of: range.lowerBound).lowerBound
        copy.firstPosition = firstPosition + UInt64(range.lowerBound)
        copy.firstNumber = firstNumber + UInt64(firstMessage)
        for entry in range {
            copy.begin()
            for change in changes[changes(of: entry)] {
                copy.append(change.moved(by: firstMessage) { copy.append(bytesOf: $0, from: self) })
            }
            for message in messages(of: entry) { copy.append(messages[message], from: self) }
        }
        return copy
    }

    /// What an entry weighs in a lane of its own.
    func weight(of entry: Int) -> Int {
        var weight = 0
        for change in changes[changes(of: entry)] {
            weight += MemoryLayout<LaneChange>.stride
            _ = change.moved(by: 0) { slice in
                weight += slice.count
                return slice
            }
        }
        for index in messages(of: entry) {
            let message = messages[index]
            weight += MemoryLayout<LaneMessage>.stride
            if message.isSettled { continue }
            weight += message.topic.count + message.properties.count
            weight += message.payload.count + message.publisher.count
            for delivery in deliveries[message.deliveryRange] {
                weight += MemoryLayout<LaneDelivery>.stride + delivery.share.count
            }
        }
        return weight
    }

    /// The message that a change of the entry names; of one that is settled only its place is needed.
    private mutating func append(_ message: LaneMessage, from other: Lane) {
        var copy = message
        copy.topic = message.isSettled ? .empty : append(bytesOf: message.topic, from: other)
        copy.properties = message.isSettled ? .empty : append(bytesOf: message.properties, from: other)
        copy.payload = message.isSettled ? .empty : append(bytesOf: message.payload, from: other)
        copy.publisher = message.isSettled ? .empty : append(bytesOf: message.publisher, from: other)
        copy.firstDelivery = Int32(deliveries.count)
        copy.deliveryCount = message.isSettled ? 0 : message.deliveryCount
        messages.append(copy)
        if message.isSettled { return }
        for delivery in other.deliveries[message.deliveryRange] { append(delivery, from: other) }
    }

    private mutating func append(_ delivery: LaneDelivery, from other: Lane) {
        var copy = delivery
        copy.share = append(bytesOf: delivery.share, from: other)
        let first = Int(delivery.firstIdentifier)
        copy.firstIdentifier = Int32(identifiers.count)
        identifiers += other.identifiers[first..<first + Int(delivery.identifierCount)]
        deliveries.append(copy)
    }

    private mutating func append(bytesOf slice: Slice, from other: Lane) -> Slice {
        other.arena.withUnsafeBytes { append(bytes: UnsafeRawBufferPointer(rebasing: $0[slice.range])) }
    }
}

extension LaneChange {
    /// The change in another lane, in which messages count from `firstMessage` on and slices are elsewhere.
    fileprivate func moved(by firstMessage: Int, _ copy: (Slice) -> Slice) -> LaneChange {
        switch self {
        case .message(let index): .message(index: index - Int32(firstMessage))
        case .client(let session, let clientID, let record):
            .client(session: session, clientID: copy(clientID), record: copy(record))
        case .sessionEnd(let session, let clientID):
            .sessionEnd(session: session, clientID: copy(clientID))
        case .subscription(let session, let filter, let record):
            .subscription(session: session, filter: copy(filter), record: copy(record))
        case .unsubscription(let session, let filter):
            .unsubscription(session: session, filter: copy(filter))
        case .retainedRemoval(let topic, let number):
            .retainedRemoval(topic: copy(topic), number: number)
        case .removal, .state, .reception, .release, .sessionSwept, .folded, .settled: self
        }
    }
}

extension LaneMessage {
    /// The indices of its deliveries.
    fileprivate var deliveryRange: Range<Int> {
        Int(firstDelivery)..<Int(firstDelivery) + Int(deliveryCount)
    }
}

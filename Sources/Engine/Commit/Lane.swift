// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

package import Packets
package import Persistence

/// The changes one shard has gathered since it last handed over, in order.
///
/// A lane is one arena of bytes and four arrays of trivial values that name ranges in it, so that a publish
/// costs appends and nothing else. It is made of *entries*: what must be committed together and is
/// acknowledged together, a publish with all its deliveries, say. At the hand-over the lane gets the number of
/// its first message and the position of its first entry; the others count on from there.
///
/// The strange case: a lane that nobody waits for (removals, counters) starts no commit. It is *not urgent*.
package struct Lane: Sendable {
    /// The shard that filled it.
    package var shard = 0
    /// The number of `messages[0]`, given at the hand-over.
    package var firstNumber: MessageNumber = 0
    /// The position of `entries[0]`, given at the hand-over.
    package var firstPosition: UInt64 = 0
    /// Whether someone waits for a commit.
    package var isUrgent = false
    package var entries: [LaneEntry] = []
    package var changes: [LaneChange] = []
    package var messages: [LaneMessage] = []
    package var deliveries: [LaneDelivery] = []
    package var identifiers: [UInt32] = []
    package var arena: [UInt8] = []

    package init() {}

    package var isEmpty: Bool { entries.isEmpty }

    /// What the lane weighs against the limits on memory.
    package var bytes: Int {
        arena.count + changes.count * MemoryLayout<LaneChange>.stride
            + deliveries.count * MemoryLayout<LaneDelivery>.stride
            + messages.count * MemoryLayout<LaneMessage>.stride
    }

    /// Starts an entry: the changes appended until the next `begin` belong to it.
    package mutating func begin() {
        entries.append(
            LaneEntry(firstChange: Int32(changes.count), firstMessage: Int32(messages.count)))
    }

    package mutating func append(_ change: LaneChange) {
        changes.append(change)
    }

    /// Copies bytes into the arena and names them.
    package mutating func append(bytes: UnsafeRawBufferPointer) -> Slice {
        let start = arena.count
        arena.append(contentsOf: bytes)
        return Slice(start: start, count: bytes.count)
    }

    package mutating func append(bytes: [UInt8]) -> Slice {
        let start = arena.count
        arena.append(contentsOf: bytes)
        return Slice(start: start, count: bytes.count)
    }

    /// Appends a message; its deliveries are appended next. Returns its index.
    package mutating func append(_ message: LaneMessage) -> Int {
        var message = message
        message.firstDelivery = Int32(deliveries.count)
        messages.append(message)
        changes.append(.message(index: Int32(messages.count - 1)))
        return messages.count - 1
    }

    /// Appends a delivery of the last message; returns its ordinal among that message's deliveries.
    package mutating func append(_ delivery: LaneDelivery) -> UInt32 {
        let last = messages.count - 1
        deliveries.append(delivery)
        messages[last].deliveryCount += 1
        return UInt32(messages[last].deliveryCount - 1)
    }

    /// The position of the last entry.
    package var lastPosition: UInt64 { firstPosition + UInt64(entries.count) - 1 }

    /// The range of `changes` that belongs to an entry.
    package func changes(of entry: Int) -> Range<Int> {
        let end = entry + 1 < entries.count ? Int(entries[entry + 1].firstChange) : changes.count
        return Int(entries[entry].firstChange)..<end
    }

    /// The range of `messages` that belongs to an entry.
    package func messages(of entry: Int) -> Range<Int> {
        let end = entry + 1 < entries.count ? Int(entries[entry + 1].firstMessage) : messages.count
        return Int(entries[entry].firstMessage)..<end
    }

    /// The number of the last message, or of the one before the first if there is none.
    package var lastNumber: MessageNumber { firstNumber + UInt64(messages.count) - 1 }

    /// About how many bytes an entry brings to the store.
    package func bytes(of entry: Int) -> Int {
        var bytes = 0
        for index in changes(of: entry) {
            guard case .message(let place) = changes[index] else { continue }
            let message = messages[Int(place)]
            bytes += message.topic.count + message.properties.count + message.payload.count
            bytes += Int(message.deliveryCount) * MemoryLayout<LaneDelivery>.stride
        }
        return max(bytes, MemoryLayout<LaneChange>.stride)
    }

    /// Forgets everything but keeps the memory, unless a burst made it large.
    package mutating func removeAll() {
        let keeps = arena.capacity <= Lane.keptBytesMax
        entries.removeAll(keepingCapacity: keeps)
        changes.removeAll(keepingCapacity: keeps)
        messages.removeAll(keepingCapacity: keeps)
        deliveries.removeAll(keepingCapacity: keeps)
        identifiers.removeAll(keepingCapacity: keeps)
        arena.removeAll(keepingCapacity: keeps)
        isUrgent = false
    }

    /// Arenas above this size are given back rather than reused.
    private static let keptBytesMax = 4 << 20
}

/// What is committed and acknowledged together.
package struct LaneEntry: Sendable, Hashable {
    package var firstChange: Int32
    package var firstMessage: Int32
    /// It is settled, and the shards were told so, ahead of the watermark.
    package var isNamed = false

    package init(firstChange: Int32, firstMessage: Int32) {
        self.firstChange = firstChange
        self.firstMessage = firstMessage
    }
}

/// A message on its way to the store. Trivial.
package struct LaneMessage: Sendable, Hashable {
    package var topic: Slice
    package var properties: Slice
    package var payload: Slice
    package var publisher: Slice
    package var qos: QoS
    package var publishedAt: Milliseconds
    package var expiresAt: Milliseconds
    package var retained: RetainedChange
    package var firstDelivery: Int32 = 0
    package var deliveryCount: Int32 = 0
    /// Committed, or netted out.
    package var isSettled = false
}

/// What a publish does to the retained message of its topic.
package enum RetainedChange: UInt8, Sendable, Hashable {
    case none, set, clear
}

/// A delivery on its way to the store. Trivial.
package struct LaneDelivery: Sendable, Hashable {
    package var session: SessionNumber
    package var seat: UInt32
    package var share: Slice = .empty
    package var firstIdentifier: Int32 = 0
    package var identifierCount: Int32 = 0
    package var packetID: UInt16 = 0
    package var state: DeliveryState = .queued
    package var qos: QoS
    package var retain: Bool
    /// Netted out: a removal met it before it reached the store.
    package var isRemoved = false
}

/// One change of an entry. Trivial; bytes are slices of the lane's arena.
package enum LaneChange: Sendable, Hashable {
    case message(index: Int32)
    case removal(session: SessionNumber, number: MessageNumber, ordinal: UInt32)
    case state(
        session: SessionNumber, number: MessageNumber, ordinal: UInt32, packetID: UInt16, state: DeliveryState
    )
    case reception(session: SessionNumber, packetID: UInt16)
    case release(session: SessionNumber, packetID: UInt16)
    case client(session: SessionNumber, clientID: Slice, record: Slice)
    case sessionEnd(session: SessionNumber, clientID: Slice)
    case sessionSwept(session: SessionNumber)
    case subscription(session: SessionNumber, filter: Slice, record: Slice)
    case unsubscription(session: SessionNumber, filter: Slice)
    case retainedRemoval(topic: Slice, number: MessageNumber)
    /// A state of a delivery that is itself on its way: it is in the insertion now, and done with it.
    case folded(number: MessageNumber)
    /// Done already: netted out, or committed ahead of its turn.
    case settled
}

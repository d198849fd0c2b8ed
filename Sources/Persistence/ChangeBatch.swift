// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

/// Names bytes in the arena of a lane or a batch.
public struct Slice: Hashable, Sendable {
    /// Where the bytes begin.
    public var start: Int
    /// How many there are.
    public var count: Int

    /// No bytes.
    public static let empty = Slice(start: 0, count: 0)

    /// The bytes `start ..< start + count` of an arena.
    @inlinable public init(start: Int, count: Int) {
        self.start = start
        self.count = count
    }
}

/// One thing that a batch does to a store. Trivial: bytes are slices of the batch's arena.
///
/// Records are encoded by `RecordCoding`. A store keeps them as they are and decodes them when it reads.
public enum Change: Hashable, Sendable {
    /// Sets the client record of `session` and makes `clientID` lead to it.
    case client(session: SessionNumber, clientID: Slice, record: Slice)
    /// `clientID` of `session` no longer leads anywhere; the number joins the ended sessions, whose rows no
    /// page shows (except those that ask for one session). Nothing happens if the session is not stored.
    case sessionEnd(session: SessionNumber)
    /// Removes an ended session from the list with whatever rows it still has. The engine has seen to its
    /// deliveries before.
    case sessionSwept(session: SessionNumber)
    /// Sets a subscription.
    case subscription(session: SessionNumber, filter: Slice, record: Slice)
    /// Removes a subscription; nothing happens if there is none.
    case unsubscription(session: SessionNumber, filter: Slice)
    /// Stores a message body. Exactly `references` deliveries of it follow at once, and no fewer than one.
    case message(number: MessageNumber, record: Slice, references: UInt32)
    /// Puts a message in a session's queue; `record` holds what is particular to the delivery.
    case delivery(session: SessionNumber, number: MessageNumber, record: Slice)
    /// Sets packet identifier and state of a delivery; nothing happens if there is none.
    case deliveryState(
        session: SessionNumber, number: MessageNumber, packetID: UInt16, state: DeliveryState)
    /// Takes a message out of a session's queue, and its body with the last reference; nothing happens if
    /// the delivery is not there.
    case removal(session: SessionNumber, number: MessageNumber)
    /// Remembers a QoS 2 packet identifier that was received.
    case reception(session: SessionNumber, packetID: UInt16)
    /// Forgets a QoS 2 packet identifier; nothing happens if it is not there.
    case release(session: SessionNumber, packetID: UInt16)
    /// Sets the retained message of a topic, unless a greater number is stored.
    case retained(topic: Slice, number: MessageNumber, record: Slice)
    /// Clears the retained message of a topic, unless a greater number is stored.
    case retainedRemoval(topic: Slice, number: MessageNumber)
    /// Records a start of the broker.
    case boot(number: UInt64, startedAt: Milliseconds)
    /// Forgets a start of the broker; nothing happens if it is not there. Tools that empty a store ask for it.
    case bootRemoval(number: UInt64)
}

/// The changes of one commit: one arena of bytes, and trivial values that name ranges in it.
///
/// The committer reuses one batch for its whole life. A store iterates `changes` in order and reads bytes
/// with `withBytes(_:_:)`, without copying.
public struct ChangeBatch: ~Copyable, Sendable {
    /// Rises by one with each batch; stored in the batch's own transaction.
    public var number: UInt64 = 0
    /// The greatest session number given out so far.
    public var session: SessionNumber = 0
    /// The greatest message number in this batch, or in any before it.
    public var message: MessageNumber = 0
    /// The broker's time.
    public var time: Milliseconds = 0
    /// Whether the batch makes room (removals, states, client records, session ends): a store may use its
    /// reserve for it.
    public var makesRoom = false
    /// What to do, in order.
    public private(set) var changes: [Change] = []
    @usableFromInline var arena: [UInt8] = []

    /// A batch without changes.
    public init() {}

    /// Appends a change whose slices were made by `append(_:)` on this batch.
    public mutating func append(_ change: Change) {
        changes.append(change)
    }

    /// Copies bytes into the arena and names them.
    public mutating func append(bytes: some Collection<UInt8>) -> Slice {
        let start = arena.count
        arena.append(contentsOf: bytes)
        return Slice(start: start, count: arena.count - start)
    }

    /// Calls `body` with the bytes that `slice` names; they are valid only during the call.
    @inlinable public borrowing func withBytes<Result, Failure: Error>(
        _ slice: Slice, _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        let whole = arena.span.bytes
        precondition(
            slice.start >= 0 && slice.start + slice.count <= whole.byteCount, "a slice of another arena")
        return try whole.withUnsafeBytes { (pointer) throws(Failure) -> Result in
            try body(UnsafeRawBufferPointer(rebasing: pointer[slice.start..<slice.start + slice.count]))
        }
    }

    /// A copy of the bytes that `slice` names.
    public borrowing func bytes(_ slice: Slice) -> [UInt8] {
        Array(arena[slice.start..<slice.start + slice.count])
    }

    /// How many bytes the arena holds.
    public var arenaBytes: Int { arena.count }

    /// Forgets all changes; keeps the memory for the next batch.
    public mutating func removeAll() {
        changes.removeAll(keepingCapacity: true)
        arena.removeAll(keepingCapacity: true)
        makesRoom = false
    }
}

// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

public import Packets

/// Something that can be added to a broker; what it does is in the protocols it also conforms to.
public protocol Hook: AnyObject, Sendable {}

/// Gives back the clients that are stored. Called on reader threads, several at a time, never on an event
/// loop.
public protocol StoredClients: Hook {
    /// Up to `limit` client records with session numbers above `session`, in rising order; a shorter page
    /// than `limit` is the last. Ended sessions are not among them.
    func clients(after session: SessionNumber, limit: Int) throws(StoreError) -> [ClientRecord]

    /// The session a client identifier leads to; `nil` when there is none or it has ended.
    func client(_ clientID: Text) throws(StoreError) -> ClientRecord?

    /// Up to `limit` numbers above `session` of sessions that have ended and are not yet swept, rising.
    func endedSessions(after session: SessionNumber, limit: Int) throws(StoreError) -> [SessionNumber]
}

/// Gives back the subscriptions that are stored. Called on reader threads, several at a time.
public protocol StoredSubscriptions: Hook {
    /// Up to `limit` subscriptions whose key (session, then `TextKey` of the filter) is above (`session`,
    /// `filter`), in rising order of key; a shorter page than `limit` is the last. Those of ended sessions
    /// are not among them.
    func subscriptions(
        after session: SessionNumber, filter: Text, limit: Int
    ) throws(StoreError) -> [SubscriptionRecord]

    /// All subscriptions of one session, in rising order of the filter's `TextKey`, ended or not.
    func subscriptions(of session: SessionNumber) throws(StoreError) -> [SubscriptionRecord]
}

/// Gives back what is in flight or queued. Called on reader threads, several at a time.
public protocol StoredInflightMessages: Hook {
    /// Deliveries of `session` with numbers above `number`, in rising order of number: at most `limit` of
    /// them, and no more than fit `bytesMax` of payload and topic, but at least one if there is one.
    /// `isLast` tells that nothing was left in the store beyond this page when it was read.
    func deliveries(
        of session: SessionNumber, after number: MessageNumber, limit: Int, bytesMax: Int
    ) throws(StoreError) -> DeliveryPage

    /// The QoS 2 packet identifiers that `session` has received and not released, in rising order.
    func receptions(of session: SessionNumber) throws(StoreError) -> [UInt16]

    /// The packet identifiers of the deliveries of `session` that have one, in rising order: what is in flight, as
    /// far as it was written. A store that can find them without walking the whole queue should.
    func packetIDs(of session: SessionNumber) throws(StoreError) -> [UInt16]

    /// How many deliveries `session` has: counts rows, so its cost rises with the answer.
    func deliveryCount(of session: SessionNumber) throws(StoreError) -> Int
}

extension StoredInflightMessages {
    /// Walks the queue, page by page.
    public func packetIDs(of session: SessionNumber) throws(StoreError) -> [UInt16] {
        var found: [UInt16] = []
        var last: MessageNumber = 0
        while true {
            let page = try deliveries(of: session, after: last, limit: 1000, bytesMax: 1 << 20)
            for delivery in page.deliveries where delivery.packetID != 0 { found.append(delivery.packetID) }
            guard let final = page.deliveries.last, !page.isLast else { return found.sorted() }
            last = final.number
        }
    }
}

/// A page of one session's queue.
public struct DeliveryPage: Hashable, Sendable {
    /// The deliveries, in rising order of message number.
    public var deliveries: [DeliveryRecord]
    /// Whether the store held nothing beyond this page when it was read.
    public var isLast: Bool

    /// A page and whether it is the last.
    public init(deliveries: [DeliveryRecord], isLast: Bool) {
        self.deliveries = deliveries
        self.isLast = isLast
    }
}

/// Gives back the retained messages. Called on reader threads, several at a time.
public protocol StoredRetainedMessages: Hook {
    /// Up to `limit` retained messages whose topics are above `topic` in the order of their `TextKey`s, in
    /// rising order; a shorter page than `limit` is the last.
    func retainedMessages(after topic: Text, limit: Int) throws(StoreError) -> [RetainedRecord]

    /// The retained message of exactly this topic.
    func retainedMessage(_ topic: Text) throws(StoreError) -> RetainedRecord?
}

/// Gives back what the store knows about itself. Called on reader threads, several at a time.
public protocol StoredSysInfo: Hook {
    /// Counters and counts as of the last applied batch.
    func sysInfo() throws(StoreError) -> SysInfoRecord

    /// Every boot that was committed, in rising order of number.
    func boots() throws(StoreError) -> [BootRecord]
}

/// Keeps everything a broker must not lose.
///
/// `open`, `commit` and `close` are called on one thread, the committer's; the `Stored*` pages are read on
/// that one while the broker starts and then on others, several at a time, and see whole batches only.
public protocol Store: StoredClients, StoredSubscriptions, StoredInflightMessages, StoredRetainedMessages,
    StoredSysInfo
{
    /// The engine's name, as in `--store`: `sqlite`, `lmdb`, `redis`, `memory`.
    var name: String { get }

    /// Where the data is, for people: a path or an address without a password.
    var location: String { get }

    /// What a commit really survives, as the engine has been set up; valid after `open`.
    var durability: Durability { get }

    /// Opens the store, creates or upgrades it, and makes durable what is then seen. May be called again
    /// after `close`.
    func open() throws(StoreError)

    /// Applies all changes or none; when it returns they are as durable as `durability` says. A batch whose
    /// number is not above the last applied one changes nothing and succeeds; a store looks at the number
    /// before anything else, so that `retry` is never said of a batch that is applied.
    func commit(_ batch: borrowing ChangeBatch) throws(StoreError)

    /// Checks the engine's own integrity and every invariant between the records, reading everything.
    /// Returns one sentence per fault found; empty means sound.
    func verify() throws(StoreError) -> [String]

    /// Releases every resource; never fails. The store may be opened again.
    func close()
}

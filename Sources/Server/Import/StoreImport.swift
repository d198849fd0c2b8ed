// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import Packets
import Persistence

/// Commits to the store what other hooks hold and the store lacks, once, before the broker serves anybody.
///
/// A hook may implement any of the five `Stored*` protocols; all that are added together are taken for views of
/// one old store, so the session numbers of one are those of the others. The store gives out numbers of its own:
/// a client that it does not know becomes a new session, a message gets the next number.
///
/// - A client is lacking when its identifier leads to no session.
/// - A subscription is lacking when its session has none with the same filter.
/// - A retained message is lacking when its topic has none.
/// - A queue comes with its session. Of a session that the store knows, only deliveries above the store's last
///   message number are taken: what is below has been delivered or is there.
///
/// A hook that goes on showing what has been removed from the store brings it back at the next start.
struct StoreImport: ~Copyable {
    private struct Place {
        var session: SessionNumber
        var isNew: Bool
    }

    private let store: any Store
    private let info: SysInfoRecord
    private let now: Milliseconds
    private var batch = ChangeBatch()
    private var batchNumber: UInt64
    private var lastSession: SessionNumber
    private var lastMessage: MessageNumber
    /// Where the sessions of the hooks are in the store.
    private var places: [SessionNumber: Place] = [:]
    private(set) var count = 0

    private static let pageRecords = 256
    private static let pageBytes = 1 << 20
    private static let batchBytes = 1 << 20

    /// The store must be open.
    init(into store: any Store, now: Milliseconds) throws(StoreError) {
        self.store = store
        self.now = now
        info = try store.sysInfo()
        batchNumber = info.batch
        lastSession = info.session
        lastMessage = info.message
    }

    /// Returns how many records were committed.
    mutating func run(_ hooks: [any Hook]) throws(StoreError) -> Int {
        for hook in hooks { if let hook = hook as? any StoredSysInfo { try counters(hook) } }
        for hook in hooks { if let hook = hook as? any StoredClients { try clients(hook) } }
        for hook in hooks { if let hook = hook as? any StoredSubscriptions { try subscriptions(hook) } }
        for hook in hooks { if let hook = hook as? any StoredInflightMessages { try inflight(hook) } }
        for hook in hooks { if let hook = hook as? any StoredRetainedMessages { try retained(hook) } }
        try commit()
        return count
    }

    // MARK: One kind of record each

    /// New numbers begin above those of the hook.
    private mutating func counters(_ hook: any StoredSysInfo) throws(StoreError) {
        let other = try hook.sysInfo()
        lastSession = max(lastSession, other.session)
        lastMessage = max(lastMessage, other.message)
    }

    private mutating func clients(_ hook: any StoredClients) throws(StoreError) {
        var last: SessionNumber = 0
        while true {
            let page = try hook.clients(after: last, limit: StoreImport.pageRecords)
            for record in page { try client(record) }
            guard page.count == StoreImport.pageRecords, let end = page.last else { return }
            last = end.session
        }
    }

    private mutating func client(_ record: ClientRecord) throws(StoreError) {
        if let known = try store.client(record.clientID) {
            places[record.session] = Place(session: known.session, isNew: false)
            return
        }
        lastSession += 1
        places[record.session] = Place(session: lastSession, isNew: true)
        var copy = record
        copy.session = lastSession
        copy.boot = 0
        if copy.disconnectedAt == 0 { copy.disconnectedAt = now }
        let clientID = batch.append(bytes: copy.clientID.bytes)
        let slice = batch.append(copy)
        try append(.client(session: lastSession, clientID: clientID, record: slice))
    }

    private mutating func subscriptions(_ hook: any StoredSubscriptions) throws(StoreError) {
        var last: (session: SessionNumber, filter: Text) = (0, "")
        var known: (session: SessionNumber, filters: Set<Text>) = (0, [])
        while true {
            let page = try hook.subscriptions(
                after: last.session, filter: last.filter, limit: StoreImport.pageRecords)
            for record in page {
                guard let place = try place(of: record.session) else { continue }
                if !place.isNew, known.session != place.session {
                    known = (place.session, Set(try store.subscriptions(of: place.session).map(\.filter)))
                }
                if !place.isNew, known.filters.contains(record.filter) { continue }
                try subscription(record, session: place.session)
            }
            guard page.count == StoreImport.pageRecords, let end = page.last else { return }
            last = (end.session, end.filter)
        }
    }

    private mutating func subscription(
        _ record: SubscriptionRecord, session: SessionNumber
    ) throws(StoreError) {
        var copy = record
        copy.session = session
        // The hook's numbers mean nothing here: what was still to be sent on subscribe is given up.
        copy.retainedSent = 0
        copy.retainedEnd = 0
        let filter = batch.append(bytes: copy.filter.bytes)
        let slice = batch.append(copy)
        try append(.subscription(session: session, filter: filter, record: slice))
    }

    private mutating func inflight(_ hook: any StoredInflightMessages) throws(StoreError) {
        if places.isEmpty { try knownSessions() }
        for (session, place) in places.sorted(by: { $0.key < $1.key }) {
            try deliveries(hook, of: session, to: place)
            guard place.isNew else { continue }
            for packetID in try hook.receptions(of: session) {
                try append(.reception(session: place.session, packetID: packetID))
            }
        }
    }

    private mutating func deliveries(
        _ hook: any StoredInflightMessages, of session: SessionNumber, to place: Place
    ) throws(StoreError) {
        var last = place.isNew ? 0 : info.message
        while true {
            let page = try hook.deliveries(
                of: session, after: last, limit: StoreImport.pageRecords, bytesMax: StoreImport.pageBytes)
            for delivery in page.deliveries { try self.delivery(delivery, session: place.session) }
            guard !page.isLast, let end = page.deliveries.last else { return }
            last = end.number
        }
    }

    private mutating func delivery(_ record: DeliveryRecord, session: SessionNumber) throws(StoreError) {
        lastMessage = max(lastMessage + 1, record.number)
        let message = batch.append(record.message)
        let slice = batch.append(record)
        batch.append(.message(number: lastMessage, record: message, references: 1))
        try append(.delivery(session: session, number: lastMessage, record: slice))
    }

    private mutating func retained(_ hook: any StoredRetainedMessages) throws(StoreError) {
        var last: Text = ""
        while true {
            let page = try hook.retainedMessages(after: last, limit: StoreImport.pageRecords)
            for record in page where try store.retainedMessage(record.message.topic) == nil {
                lastMessage += 1
                let topic = batch.append(bytes: record.message.topic.bytes)
                let slice = batch.append(record.message)
                try append(.retained(topic: topic, number: lastMessage, record: slice))
            }
            guard page.count == StoreImport.pageRecords, let end = page.last else { return }
            last = end.message.topic
        }
    }

    // MARK: Helpers

    /// Where a hook's session is; without any hook that knows clients the numbers are the store's own.
    private func place(of session: SessionNumber) throws(StoreError) -> Place? {
        if let place = places[session] { return place }
        guard places.isEmpty, session > 0 else { return nil }
        let isKnown = try store.clients(after: session - 1, limit: 1).first?.session == session
        return isKnown ? Place(session: session, isNew: false) : nil
    }

    private mutating func knownSessions() throws(StoreError) {
        var last: SessionNumber = 0
        while true {
            let page = try store.clients(after: last, limit: StoreImport.pageRecords)
            for record in page { places[record.session] = Place(session: record.session, isNew: false) }
            guard page.count == StoreImport.pageRecords, let end = page.last else { return }
            last = end.session
        }
    }

    private mutating func append(_ change: Change) throws(StoreError) {
        batch.append(change)
        count += 1
        if batch.arenaBytes >= StoreImport.batchBytes { try commit() }
    }

    private mutating func commit() throws(StoreError) {
        let hasCounted = lastSession > info.session || lastMessage > info.message
        guard !batch.changes.isEmpty || hasCounted else { return }
        batchNumber += 1
        batch.number = batchNumber
        batch.session = lastSession
        batch.message = lastMessage
        batch.time = max(now, info.time)
        try store.commit(batch)
        batch.removeAll()
    }
}

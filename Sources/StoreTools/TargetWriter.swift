// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import Packets
import Persistence

/// Writes records into a store, many to a batch.
struct TargetWriter: ~Copyable {
    private static let bytesMax = 8 << 20

    private let store: any Store
    private let changesMax: Int
    private var batch = ChangeBatch()
    /// Whether batches may use what the store keeps in reserve for a full disk.
    var makesRoom = false

    /// Goes on after the last batch of `store`; numbers and time are not below those of `info`.
    init(_ store: any Store, _ info: SysInfoRecord, changesMax: Int) throws {
        self.store = store
        self.changesMax = changesMax
        let own = try store.sysInfo()
        batch.number = own.batch + 1
        batch.session = max(own.session, info.session)
        batch.message = max(own.message, info.message)
        batch.time = max(own.time, info.time)
    }

    mutating func append(_ change: Change) throws {
        batch.append(change)
        try commitIfDue()
    }

    /// An ended session has no record any more; one under a made-up client identifier begins and ends at once. No
    /// client is written before the ended sessions, so the identifier is nobody's.
    mutating func append(_ record: Walk.Record) throws {
        switch record {
        case .ended(let session):
            batch.add(ClientRecord(session: session, clientID: Text("ended-\(session)")))
            batch.append(.sessionEnd(session: session))
        case .client(let record): batch.add(record)
        case .subscription(let record): batch.add(record)
        case .reception(let session, let packetID):
            batch.append(.reception(session: session, packetID: packetID))
        case .published(let publication): append(publication)
        case .retained(let record): batch.add(record)
        case .boot(let record): batch.append(.boot(number: record.number, startedAt: record.startedAt))
        }
        try commitIfDue()
    }

    mutating func append(_ record: RetainedRecord) throws {
        batch.add(record)
        try commitIfDue()
    }

    mutating func removeRetained(_ topic: Text, _ number: MessageNumber) throws {
        let topic = batch.append(bytes: topic.bytes)
        try append(.retainedRemoval(topic: topic, number: number))
    }

    /// Commits what is left.
    mutating func commit() throws {
        guard !batch.changes.isEmpty else { return }
        batch.makesRoom = makesRoom
        try store.commit(batch)
        batch.removeAll()
        batch.number += 1
    }

    private mutating func append(_ publication: Walk.Publication) {
        let number = publication.number
        let message = batch.append(bytes: publication.message)
        let references = UInt32(publication.deliveries.count)
        batch.append(.message(number: number, record: message, references: references))
        for delivery in publication.deliveries {
            let record = batch.append(bytes: delivery.record)
            batch.append(.delivery(session: delivery.session, number: number, record: record))
        }
        batch.message = max(batch.message, number)
    }

    private mutating func commitIfDue() throws {
        if batch.changes.count >= changesMax || batch.arenaBytes >= Self.bytesMax { try commit() }
    }
}

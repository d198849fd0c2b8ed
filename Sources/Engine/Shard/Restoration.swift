// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import Packets
package import Persistence
import Synchronization

/// What a start found.
package struct RestoreReport: Sendable, Hashable {
    package var boot: UInt64 = 0
    package var sessionCount = 0
    package var subscriptionCount = 0
    package var retainedCount = 0
    package var queuedCount = 0
    /// What the committer continues after.
    package var sysInfo = SysInfoRecord()
}

/// Brings clients, subscriptions and retained topics back into memory at a start; queues stay in the store, so
/// the time this takes does not depend on them.
package enum Restoration {
    /// Before the event loops run, on the thread that opened the store. Stores the boot; a client record of an
    /// earlier boot counts as disconnected when the boot after it began.
    package static func restore(
        from store: any Store, shards: [Shard], commons: Commons, now: Milliseconds
    ) throws(StoreError) -> RestoreReport {
        var report = RestoreReport()
        let info = try store.sysInfo()
        guard max(info.batch, info.session, info.message) <= greatestNumber else {
            throw disordered("numbers", in: store)
        }
        let boots = try store.boots()
        report.boot = (boots.last { $0.number <= greatestNumber }?.number ?? 0) + 1
        try recordBoot(report.boot, info, in: store, now: max(now, info.time))
        report.sysInfo = try store.sysInfo()
        report.queuedCount = Int(clamping: info.deliveryCount)
        commons.startNumbers(session: info.session, message: info.message)
        let times = BootTimes(boots, now: max(now, info.time))
        for shard in shards { shard.boot = report.boot }
        let restorer = Restorer(shards: shards, commons: commons, times: times, info: info, now: now)
        report.sessionCount = try restorer.restoreClients(from: store)
        report.subscriptionCount = try restorer.restoreSubscriptions(from: store)
        report.retainedCount = try restorer.restoreRetained(from: store)
        restorer.finish()
        try restorer.resumeSweeps(from: store)
        return report
    }

    /// The start ends when what a damaged store gives would lead nowhere, or round and round.
    static func disordered(_ what: String, in store: any Store) -> StoreError {
        StoreError(
            .corrupt,
            "The \(what) in \(store.location) are not in order: keep a copy of it and run `roost verify`.")
    }

    /// Numbers above it were never given out: they count from one.
    private static let greatestNumber = UInt64(1) << 62

    private static func recordBoot(
        _ boot: UInt64, _ info: SysInfoRecord, in store: any Store, now: Milliseconds
    ) throws(StoreError) {
        var batch = ChangeBatch()
        batch.number = info.batch + 1
        batch.session = info.session
        batch.message = info.message
        batch.time = now
        batch.makesRoom = true
        batch.append(.boot(number: boot, startedAt: now))
        try store.commit(batch)
    }
}

/// When boots began.
struct BootTimes {
    private var times: [UInt64: Milliseconds] = [:]
    private var now: Milliseconds

    init(_ boots: [BootRecord], now: Milliseconds) {
        self.now = now
        for boot in boots { times[boot.number] = boot.startedAt }
    }

    /// When the boot after `boot` began: then at the latest its connections were gone.
    func next(after boot: UInt64) -> Milliseconds { times[boot &+ 1] ?? now }
}

private final class Restorer {
    let shards: [Shard]
    let commons: Commons
    let times: BootTimes
    let info: SysInfoRecord
    let now: Milliseconds
    private var ending: [Session] = []
    private var places: [SessionNumber: Int] = [:]

    init(shards: [Shard], commons: Commons, times: BootTimes, info: SysInfoRecord, now: Milliseconds) {
        self.shards = shards
        self.commons = commons
        self.times = times
        self.info = info
        self.now = now
    }

    func restoreClients(from store: any Store) throws(StoreError) -> Int {
        var count = 0
        var last: SessionNumber = 0
        while true {
            let page = try store.clients(after: last, limit: Restorer.pageSize)
            for record in page {
                guard record.session > last else { throw Restoration.disordered("clients", in: store) }
                last = record.session
                restore(record)
            }
            count += page.count
            guard page.count == Restorer.pageSize else { return count }
        }
    }

    private func restore(_ stored: ClientRecord) {
        var record = stored
        let wasConnected = record.disconnectedAt == 0
        if wasConnected { record.disconnectedAt = times.next(after: record.boot) }
        record.disconnectedAt = min(record.disconnectedAt, max(now, info.time))
        let shard = Int(record.session % UInt64(shards.count))
        let session = Session(record: record, seat: commons.seats.take(Seat(shard: shard)))
        session.isStored = true
        session.knowsReceptions = false
        if wasConnected { session.record.dupThrough = info.message }
        if info.deliveryCount > 0 { shards[shard].uncounted.append(record.session) }
        places[record.session] = shard
        shards[shard].restore(session)
        commons.registry.withLock {
            $0.restore(record.clientID, shard: shard, session: record.session)
        }
        if !record.isPersistent || record.expirySeconds == 0 { ending.append(session) }
    }

    func restoreSubscriptions(from store: any Store) throws(StoreError) -> Int {
        var count = 0
        var session: SessionNumber = 0
        var filter: Text = ""
        while true {
            let page = try store.subscriptions(after: session, filter: filter, limit: Restorer.pageSize)
            for record in page { restore(record) }
            count += page.count
            guard let final = page.last, page.count == Restorer.pageSize else { return count }
            let rises = final.session == session && TextKey(final.filter) > TextKey(filter)
            guard rises || final.session > session else {
                throw Restoration.disordered("subscriptions", in: store)
            }
            session = final.session
            filter = final.filter
        }
    }

    private func restore(_ record: SubscriptionRecord) {
        guard let shard = places[record.session], let session = shards[shard].sessions[record.session],
            let filter = TopicFilter(record.filter)
        else { return }
        session.subscriptions[record.filter] = record
        let subscriber = Subscriber(
            session: session.number, seat: session.seat, isPersistent: session.isPersistent)
        _ = commons.subscriptions.insert(
            filter, subscriber, options: record.options,
            identifier: record.identifier <= variableByteIntegerMax ? record.identifier : 0)
    }

    func restoreRetained(from store: any Store) throws(StoreError) -> Int {
        var count = 0
        var last: Text = ""
        while true {
            let page = try store.retainedMessages(after: last, limit: Restorer.pageSize)
            commons.retained.withLock { index in
                for record in page {
                    record.message.topic.bytes.withUnsafeBytes {
                        _ = index.set(
                            topic: $0, number: record.number, body: RetainedBody(record.message),
                            expiresAt: record.message.expiresAt)
                    }
                }
                index.evictBodies(committed: info.message)
            }
            count += page.count
            guard let final = page.last, page.count == Restorer.pageSize else { return count }
            guard TextKey(final.message.topic) > TextKey(last) else {
                throw Restoration.disordered("retained messages", in: store)
            }
            last = final.message.topic
        }
    }

    /// Sessions that ended with the crash end now, after all subscriptions are known: their wills have receivers.
    func finish() {
        for session in ending {
            shards[places[session.number] ?? 0].endRestored(session, now: now)
        }
    }

    func resumeSweeps(from store: any Store) throws(StoreError) {
        var last: SessionNumber = 0
        while true {
            let page = try store.endedSessions(after: last, limit: Restorer.pageSize)
            for session in page { shards[Int(session % UInt64(shards.count))].resumeSweep(session) }
            guard let final = page.last, page.count == Restorer.pageSize else { return }
            guard final > last else { throw Restoration.disordered("ended sessions", in: store) }
            last = final
        }
    }

    private static let pageSize = 1000
}

extension Shard {
    /// A session found in the store, without a connection.
    func restore(_ session: Session) {
        sessions[session.number] = session
        schedule(session)
    }

    /// A session that does not outlive the crash.
    func endRestored(_ session: Session, now: Milliseconds) {
        begin(now)
        end(session)
    }
}

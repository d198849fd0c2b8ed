// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import Engine
import Logging
import NIOCore
import Persistence

/// The broker's state as it came out of the store, before any loop runs.
struct Restored: Sendable {
    let store: any Store
    let clock: BrokerClock
    let commons: Commons
    let loops: [ShardLoop]
    let found: RestoreReport
    private let imported: Int
    private let milliseconds: Milliseconds

    /// Opens the store, for which it may have to stand by, and restores; on the committer's thread.
    init(
        opening store: any Store, _ standby: Standby, hooks: [any Hook], limits: Limits,
        eventLoops: [any EventLoop]
    ) throws(StoreError) {
        let timer = BrokerClock(notBefore: 0)
        var began = timer.now
        try standby.open(store)
        if standby.hasWaited { began = timer.now }
        do throws(StoreError) {
            try Self.requireWhole(store)
            let clock = BrokerClock(notBefore: try store.sysInfo().time)
            var imports = try StoreImport(into: store, now: clock.now)
            imported = try imports.run(hooks)
            let commons = Commons(
                shardCount: eventLoops.count, limits: limits, lease: (store as? any LeasedStore)?.lease)
            let seed = UInt64.random(in: 0 ... .max)
            let shards = eventLoops.indices.map { Shard(index: $0, commons: commons, seed: seed) }
            found = try Restoration.restore(from: store, shards: shards, commons: commons, now: clock.now)
            loops = zip(shards, eventLoops).enumerated().map { index, pair in
                ShardLoop(index: index, eventLoop: pair.1, shard: pair.0, clock: clock)
            }
            self.store = store
            self.clock = clock
            self.commons = commons
            milliseconds = timer.now - began
        } catch {
            store.close()
            throw error
        }
    }

    /// Half of a migrated store is not served: clients would find their sessions gone, and begin new ones.
    private static func requireWhole(_ store: any Store) throws(StoreError) {
        guard try store.isMigrationTarget() else { return }
        throw StoreError(
            .unavailable,
            "\(store.location) is the target of a migration that did not end: run `roost migrate` into it again, "
                + "or name another store.")
    }

    /// Who is answered before the commit is promised nothing, whatever the store does.
    func report(endpoints: [StartReport.Endpoint], acknowledgesBeforeCommit: Bool) -> StartReport {
        StartReport(
            endpoints: endpoints, store: store.name, location: store.location,
            durability: acknowledgesBeforeCommit ? .memory : store.durability,
            sessions: found.sessionCount, subscriptions: found.subscriptionCount,
            retainedMessages: found.retainedCount,
            queuedMessages: found.queuedCount, importedRecords: imported,
            restoreMilliseconds: Int(milliseconds))
    }
}

extension StartReport {
    /// One line when the store promises less than is expected of it.
    func warn(below expected: Durability, to logger: Logger) {
        guard durability < expected else { return }
        let loss =
            switch durability {
            case .memory: "is lost with the process that keeps it"
            case .process: "may be lost with the power"
            case .disk: "is kept"
            }
        logger.warning(
            """
            what is acknowledged \(loss), for the store promises less than was asked for; set it up for more \
            (Redis: appendonly yes, appendfsync always, no-appendfsync-on-rewrite no, and a user who may run \
            CONFIG GET, INFO and BGREWRITEAOF), or ask for less with --durability
            """,
            metadata: ["location": "\(location)", "asked": "\(expected)", "durability": "\(durability)"])
    }

    /// One line for the data, one for each endpoint.
    func log(to logger: Logger) {
        logger.info(
            "restored",
            metadata: [
                "store": "\(store)", "location": "\(location)", "durability": "\(durability)",
                "sessions": "\(sessions)", "subscriptions": "\(subscriptions)",
                "retained": "\(retainedMessages)", "queued": "\(queuedMessages)",
                "milliseconds": "\(restoreMilliseconds)",
            ])
        if importedRecords > 0 {
            logger.info(
                "took over from hooks what the store lacked", metadata: ["records": "\(importedRecords)"])
        }
        for endpoint in endpoints {
            logger.info("serving MQTT 5.0, 3.1.1 and 3.1", metadata: ["address": "\(endpoint.address)"])
        }
    }
}

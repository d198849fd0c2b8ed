// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import Persistence

/// A connection that has taken the prefix.
struct Attachment {
    let connection: Connection
    let settings: ServerSettings

    /// Why the prefix cannot be had.
    struct Obstacle: Error {
        let error: StoreError
        /// Whether it may go away while one waits.
        let mayPass: Bool
    }

    init(_ options: RedisStore.Options, _ claim: Claim) throws(Obstacle) {
        let location = options.location
        do throws(RedisFailure) {
            connection = try Connection(options)
        } catch {
            throw Obstacle(error: error.opening(location), mayPass: error.meaning == .loading)
        }
        do throws(StoreError) {
            settings = try ServerSettings(connection, location)
            try Self.take(connection, options, claim)
        } catch {
            throw Obstacle(error: error, mayPass: error.code == .inUse && !claim.isHolding)
        }
    }

    private static func take(
        _ connection: Connection, _ options: RedisStore.Options, _ claim: Claim
    ) throws(StoreError) {
        let location = options.location
        var reply = try attempt(connection, options, claim)
        if let deserter = reply.read({ Verdict.deserter($0) }) {
            reply = try attempt(connection, options, claim, deserter: deserter)
        }
        try reply.read { (value) throws(StoreError) in
            try Verdict.check(value, location, claim)
            claim.taken(epoch: value[1].text, batch: value[2].number ?? 0)
        }
        guard options.replicasMin > 0 else { return }
        do throws(RedisFailure) {
            let count = try connection.send(Self.wait(options)).read { $0.integer }
            if count >= options.replicasMin { return }
        } catch {
            throw error.opening(location)
        }
        throw StoreError(.unavailable, Self.tooFew(options))
    }

    private static func attempt(
        _ connection: Connection, _ options: RedisStore.Options, _ claim: Claim, deserter: String = ""
    ) throws(StoreError) -> Reply {
        let arguments = claim.nextTurn(name: options.shownOwner, lease: options.lease, deserter: deserter)
        do throws(RedisFailure) {
            return try connection.run(.take, options.keyPrefix, arguments.map { .text($0) })
        } catch {
            throw error.opening(options.location)
        }
    }

    /// The command that waits until replicas have everything that was written on the connection.
    static func wait(_ options: RedisStore.Options) -> [String] {
        ["WAIT", String(options.replicasMin), String(options.replicasTimeout.milliseconds)]
    }

    static func tooFew(_ options: RedisStore.Options) -> String {
        "Fewer than \(options.replicasMin) replicas of \(options.location) followed within "
            + "\(options.replicasTimeout.milliseconds) ms: look at INFO replication."
    }
}

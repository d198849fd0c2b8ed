// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import Persistence

/// A connection that has taken the prefix.
struct Attachment {
    let connection: Connection
    private(set) var settings: ServerSettings

    /// Why the prefix cannot be had.
    struct Obstacle: Error {
        /// Whether it goes away while one waits.
        enum Passing {
            /// A server that is not there is more likely a mistake in the address.
            case never
            /// A server that was there and went away, or one that is busy with a script.
            case soon
            /// Another owner, data that is being loaded, or a file that is being written anew.
            case sometime
        }

        let error: StoreError
        let passing: Passing

        init(error: StoreError, passing: Passing) {
            self.error = error
            self.passing = passing
        }

        init(_ sentence: String) {
            self.init(error: StoreError(.unavailable, sentence), passing: .never)
        }

        init(_ failure: RedisFailure, _ options: RedisStore.Options, _ claim: Claim) {
            var passing = failure.meaning == .loading ? Passing.sometime : .never
            if case .rewriting = failure { passing = .sometime }
            var isAbsent = failure.meaning == .busy
            if case .lost = failure { isAbsent = true }
            if isAbsent, !claim.isHolding { passing = .soon }
            self.init(error: failure.opening(options.location), passing: passing)
        }
    }

    init(_ options: RedisStore.Options, _ claim: Claim) throws(Obstacle) {
        if let doubt = claim.doubt { throw Obstacle(error: doubt, passing: .never) }
        do throws(RedisFailure) {
            connection = try Connection(options)
            settings = try ServerSettings(connection)
            if try !AppendOnlyFile.isSafe(connection) { settings.doubtFile() }
        } catch {
            throw Obstacle(error, options, claim)
        }
        guard !settings.evicts else {
            throw Obstacle(
                "\(options.location) throws data away when its memory is full: set maxmemory-policy to noeviction."
            )
        }
        var refusal: StoreError?
        var replicas: Int64 = 0
        do throws(RedisFailure) {
            refusal = try Self.take(connection, options, claim)
            if refusal == nil, options.replicasMin > 0 {
                replicas = try connection.send(Self.wait(options)).read { $0.integer }
            }
        } catch {
            throw Obstacle(error, options, claim)
        }
        if let refusal, refusal.code == .retry {
            throw Obstacle(refusal.message)
        }
        if let refusal {
            throw Obstacle(
                error: refusal, passing: refusal.code == .inUse && !claim.isHolding ? .sometime : .never)
        }
        guard replicas < options.replicasMin else { return }
        throw Obstacle(Self.tooFew(options))
    }

    /// Takes the prefix, or says why it is not to be had.
    private static func take(
        _ connection: Connection, _ options: RedisStore.Options, _ claim: Claim
    ) throws(RedisFailure) -> StoreError? {
        let reply = try attempt(connection, options, claim, deserter: "")
        guard let deserter = reply.read({ Verdict.deserter($0) }) else {
            return accept(reply, options, claim)
        }
        return accept(try attempt(connection, options, claim, deserter: deserter), options, claim)
    }

    private static func attempt(
        _ connection: Connection, _ options: RedisStore.Options, _ claim: Claim, deserter: String
    ) throws(RedisFailure) -> Reply {
        let arguments = claim.nextTurn(name: options.shownOwner, lease: options.lease, deserter: deserter)
        return try connection.run(.take, options.keyPrefix, arguments.map { .text($0) })
    }

    private static func accept(
        _ reply: borrowing Reply, _ options: RedisStore.Options, _ claim: Claim
    ) -> StoreError? {
        reply.read { value in
            do throws(StoreError) {
                try Verdict.check(value, options.location, claim)
                claim.taken(
                    epoch: value[1].text, batch: value[2].number ?? 0, term: options.lease)
                return nil
            } catch {
                return error
            }
        }
    }

    /// The command that waits until replicas have everything that was written on the connection.
    static func wait(_ options: RedisStore.Options, _ extra: Duration = .zero) -> [String] {
        ["WAIT", String(options.replicasMin), String((options.replicasTimeout + extra).milliseconds)]
    }

    static func tooFew(_ options: RedisStore.Options) -> String {
        "Fewer than \(options.replicasMin) replicas of \(options.location) followed within "
            + "\(options.replicasTimeout.milliseconds) ms: look at INFO replication."
    }
}

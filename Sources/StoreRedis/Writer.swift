// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import Glibc
import Persistence

/// The connection that writes, while it is the owner's; used on the committer's thread, behind the store's
/// lock.
///
/// A connection that is lost while nothing is on its way is made anew by the next batch. One that is lost
/// after a batch was sent leaves its outcome unknown: the store has to be opened again, which begins a new
/// turn and so keeps the lost batch from being applied later than its repetition.
///
/// Redis does nothing else while it applies a batch, and a message for a million sessions takes it some seconds. So a
/// batch may take longer the larger it is (`extraTime`), and it asks for a lease that does not end meanwhile.
final class Writer {
    private let options: RedisStore.Options
    private let location: String
    private let claim: Claim
    private let backoff: Backoff
    private var connection: Connection?
    private(set) var settings: ServerSettings
    private var encoder = BatchEncoder()
    private var command = Command()
    /// What the batch may take beyond `commandTimeout`; zero when that is hardly anything.
    private var extraTime = Duration.zero
    /// When the command was made that renews the lease; `nil`: it does not.
    private var renewalAskedAt: ContinuousClock.Instant?
    /// The outcome of a batch is unknown, or the data is not ours or not what it was: only closing is left.
    private var failure: StoreError?

    /// More arguments than this are not one command; Redis takes 1,048,576.
    private static let argumentsMax = 1_000_000
    /// What keys and heads add to a record.
    private static let overheadBytesMax = 1_024
    private static let standbyMicroseconds: UInt32 = 100_000
    /// A delivery takes Redis about 4 µs, with appendfsync always.
    private static let timePerChange = Duration.microseconds(20)
    private static let timePerByte = Duration.nanoseconds(50)
    /// Less than this is not worth a system call.
    private static let extraTimeMin = Duration.milliseconds(100)
    /// How long a server that was there and went away may stay away before it counts as a wrong address.
    private static let absenceMax: Duration = .seconds(10)

    /// Connects and takes the prefix; waits for a lease that another owner has, or for Redis to load its
    /// data, as long as `goesOn` and the options say.
    init(
        _ options: RedisStore.Options, _ claim: Claim, _ backoff: Backoff,
        standingBy goesOn: @Sendable (StoreError) -> Bool
    ) throws(StoreError) {
        self.options = options
        self.location = options.location
        self.claim = claim
        self.backoff = backoff
        let attachment = try Self.attach(options, claim, goesOn)
        backoff.succeeded()
        connection = attachment.connection
        settings = attachment.settings
    }

    private static func attach(
        _ options: RedisStore.Options, _ claim: Claim, _ goesOn: @Sendable (StoreError) -> Bool
    ) throws(StoreError) -> Attachment {
        let began = ContinuousClock.now
        var standsBy = false
        while true {
            do throws(Attachment.Obstacle) {
                return try Attachment(options, claim)
            } catch {
                if error.error.code == .inUse { standsBy = true }
                let patience = patience(with: error, options.standbyMax, standsBy: standsBy)
                let isOver = patience.map { .now - began >= $0 } ?? false
                guard !isOver, goesOn(error.error) else { throw error.error }
                usleep(standbyMicroseconds)
            }
        }
    }

    /// How long an obstacle is waited for; `nil`: as long as it takes. Who has seen another owner has the right
    /// address, and waits for a server that goes away, too.
    private static func patience(
        with obstacle: Attachment.Obstacle, _ standbyMax: Duration?, standsBy: Bool
    ) -> Duration? {
        switch obstacle.passing {
        case .sometime: standbyMax
        case .soon: standsBy ? standbyMax : min(absenceMax, standbyMax ?? absenceMax)
        case .never: standsBy && obstacle.error.code == .unavailable ? standbyMax : .zero
        }
    }

    /// Applies a batch, in one script.
    func commit(_ batch: borrowing ChangeBatch) throws(StoreError) {
        if let failure { throw failure }
        if batch.number <= claim.acknowledged { return }
        let connection = try connected()
        if batch.number <= claim.acknowledged { return }
        try encode(batch, connection)
        let refusal: StoreError?
        do throws(RedisFailure) {
            refusal = try exchange(connection, batch.number)
        } catch {
            throw abandon(error.committing(location), keepsConnection: error.keepsConnection)
        }
        if let refusal { throw abandon(refusal, keepsConnection: true) }
    }

    /// Gives the prefix back when everything is known to be well, and closes the connection.
    func close() {
        defer { connection = nil }
        guard failure == nil, let connection else { return }
        claim.releasing()
        do throws(RedisFailure) {
            let arguments = claim.arguments(forWriting: true).map { Argument.text($0) }
            let isReleased = try connection.run(.release, options.keyPrefix, arguments)
                .read { $0.count > 0 && $0[0].text == "OK" }
            if isReleased { claim.released() }
        } catch {
            // The lease ends by itself.
        }
    }

    /// A connection of our own turn. Nothing is on its way when there is none, so whatever keeps it from
    /// being made leaves the batch not applied.
    private func connected() throws(StoreError) -> Connection {
        if let connection { return connection }
        do throws(RedisFailure) {
            try backoff.check()
        } catch {
            throw error.committing(location)
        }
        do throws(Attachment.Obstacle) {
            let attachment = try Attachment(options, claim)
            backoff.succeeded()
            settings = attachment.settings
            connection = attachment.connection
            return attachment.connection
        } catch {
            backoff.failed(.notSent(error.error.message))
            guard error.error.code == .unavailable else { throw abandon(error.error, keepsConnection: false) }
            throw StoreError(.retry, error.error.message)
        }
    }

    private func encode(_ batch: borrowing ChangeBatch, _ connection: Connection) throws(StoreError) {
        let recordBytesMax = min(options.recordBytesMax, settings.argumentBytesMax - Self.overheadBytesMax)
        let longest = batch.longestRecord
        guard longest <= recordBytesMax else {
            throw StoreError(
                .refused, "A record of \(longest) bytes is too long for \(location): \(recordBytesMax) fit.")
        }
        let extra = Self.timePerChange * batch.changes.count + Self.timePerByte * batch.arenaBytes
        extraTime = extra < Self.extraTimeMin ? .zero : extra
        command.removeAll()
        connection.begin(&command, .batch, options.keyPrefix)
        for argument in claim.arguments(forWriting: true) { command.append(argument) }
        renewalAskedAt = extraTime > .zero || claim.isRenewalDue(options.lease) ? .now : nil
        let lease = renewalAskedAt == nil ? 0 : UInt64((options.lease + extraTime).milliseconds)
        encoder.append(batch, leaseMilliseconds: lease, to: &command)
        let (count, bytes) = (command.count, command.bytes.count)
        command.end()
        guard count <= Self.argumentsMax, bytes <= options.batchBytesMax else {
            throw StoreError(
                .refused, "A batch of \(bytes) bytes in \(count) pieces is too large for \(location).")
        }
        guard options.replicasMin > 0 else { return }
        command.begin()
        for argument in Attachment.wait(options, extraTime) { command.append(argument) }
        command.end()
    }

    /// Gives back why the script did nothing.
    private func exchange(_ connection: Connection, _ number: UInt64) throws(RedisFailure) -> StoreError? {
        if extraTime > .zero { connection.allow(extraTime) }
        try connection.send(command)
        let reply = try connection.receive()
        let replicas = try options.replicasMin > 0 ? connection.receive().read { $0.integer } : 0
        let refusal = reply.read { (value) -> StoreError? in
            do throws(StoreError) {
                try Verdict.check(value, location, claim)
                return nil
            } catch {
                return error
            }
        }
        if let refusal { return refusal }
        guard replicas >= options.replicasMin else { throw .lost(Attachment.tooFew(options)) }
        claim.acknowledge(number)
        if let renewalAskedAt { claim.renewed(options.lease, askedAt: renewalAskedAt) }
        if extraTime > .zero {
            connection.allow(.zero)
            if claim.isRenewalDue(options.lease) { renew(connection) }
        }
        return nil
    }

    /// The heartbeat had no answer while the batch was applied, and the term that came with the batch began before.
    private func renew(_ connection: Connection) {
        let askedAt = ContinuousClock.now
        let arguments = claim.arguments(forWriting: true) + [String(options.lease.milliseconds)]
        do throws(RedisFailure) {
            let reply = try connection.run(.renew, options.keyPrefix, arguments.map { .text($0) })
            let isGranted = reply.read { $0.count > 0 && $0[0].text == "OK" }
            if isGranted { claim.renewed(options.lease, askedAt: askedAt) }
        } catch {
            // The batch is committed; the next one is told.
            self.connection = nil
        }
    }

    private func abandon(_ error: StoreError, keepsConnection: Bool) -> StoreError {
        if !keepsConnection { connection = nil }
        if error.code != .retry { failure = error }
        if error.code == .corrupt { claim.doubt(error) }
        return error
    }
}

extension ChangeBatch {
    /// The length of the longest record in the batch.
    fileprivate var longestRecord: Int {
        changes.reduce(0) { longest, change in
            switch change {
            case .client(_, _, let record), .subscription(_, _, let record), .message(_, let record, _),
                .delivery(_, _, let record), .retained(_, _, let record):
                max(longest, record.count)
            case .sessionEnd, .sessionSwept, .unsubscription, .deliveryState, .removal, .reception,
                .release, .retainedRemoval, .boot, .bootRemoval:
                longest
            }
        }
    }
}

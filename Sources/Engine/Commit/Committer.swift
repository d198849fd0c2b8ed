// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import Packets
package import Persistence

/// Decides what is committed when, and who is told.
///
/// One thread owns the committer and the store. It asks `next` what to do, does it, and says how it went; the
/// committer itself touches neither thread nor store, so a simulation can drive it from a seed.
///
/// While one batch syncs the next one gathers in the queue: group commit. A batch is a prefix of the queue,
/// netted (`Netting`). When a batch fails the committer keeps its lanes:
/// - *retry*: the batch is known not to be applied. It stays at the head and is netted again with what follows;
///   what makes room is committed ahead of it, and settled entries are named, and dropped, wherever they stand.
/// - *reopen*: the outcome is unknown. The store is opened anew and the batch repeated unchanged under its
///   number.
/// - *refused*: the batch is committed entry by entry, and the entry that is refused is named.
///
/// What nets to nothing is settled without a commit, unless the store may be another broker's by now (`Lease`): then
/// an empty batch asks, before anybody is told.
///
/// A store that cannot be had back (another broker has it, what it holds is not what was written) is lost: what
/// the broker remembers is worth nothing any more, so nothing is committed or acknowledged again, and it ends.
package struct Committer: ~Copyable {
    /// What the committer's thread does next.
    package enum Step: Hashable, Sendable {
        /// `store.commit(committer.batch)`, then `committed` or `failed`.
        case commit
        /// `store.close()`, `store.open()`, then `reopened` or `failed`.
        case reopen
        /// Wait until woken, or until the time has passed.
        case wait(milliseconds: Int?)
        /// End the broker: this store will not take another batch from it.
        case end(StoreError)
    }

    /// How the committer stands with the store.
    enum Mode: Hashable {
        case normal
        /// What needs room waits until `until`; what makes room is committed meanwhile.
        case retrying(until: Milliseconds, attempts: Int)
        /// The batch has an unknown outcome; the store is opened again at `at`.
        case reopening(at: Milliseconds, attempts: Int)
        /// The batch is repeated unchanged after a reopen; how many reopenings there have been in a row.
        case repeating(attempts: Int)
        /// A batch was refused: one entry at a time.
        case splitting
        /// The store is another broker's, or not what it was.
        case lost(StoreError)
    }

    let commons: Commons
    /// What `commit` is given.
    package private(set) var batch = ChangeBatch()
    /// What has gone wrong with the store, and whether it still does.
    package private(set) var health = StoreHealth()
    var sizes: QueueSizes
    var lanes: [Lane] = []
    var mode: Mode = .normal
    var delay: CommitDelay
    private var scope: CommitScope = .all
    /// When what makes room may be tried again, after it has failed, too.
    private var roomMakingAt: Milliseconds = 0
    private var appliedBatch: UInt64
    private var appliedMessage: MessageNumber
    /// The last message number and position that were taken out of the queue.
    private var takenNumber: MessageNumber = 0
    private var takenPosition: UInt64 = 0
    private var waitsSince: Milliseconds?
    private var wakes: Set<Int> = []

    /// Continues after the last batch that the store has applied; `delaysCommits` is for a store that syncs.
    package init(commons: Commons, after sysInfo: SysInfoRecord, delaysCommits: Bool = true) {
        self.commons = commons
        sizes = QueueSizes(limits: commons.limits, seats: commons.seats)
        delay = CommitDelay(
            millisecondsMax: delaysCommits ? commons.limits.commitDelayMaxMilliseconds : 0)
        appliedBatch = sysInfo.batch
        appliedMessage = sysInfo.message
    }

    /// What to do now.
    package mutating func next(now: Milliseconds) -> Step {
        switch mode {
        case .normal: nextNormal(now: now)
        case .retrying(let until, _): nextRetrying(until: until, now: now)
        case .reopening(let at, _): at <= now ? .reopen : .wait(milliseconds: Int(at - now))
        case .repeating: .commit
        case .splitting: nextSplit(now: now)
        case .lost(let error): .end(error)
        }
    }

    /// The commit returned: everything in the batch is as durable as the store makes it.
    package mutating func committed(now: Milliseconds) {
        appliedBatch = batch.number
        appliedMessage = batch.message
        roomMakingAt = 0
        if case .roomMaking = scope {} else { health.recovered() }
        count()
        Netting.settle(&lanes, scope)
        if case .retrying = mode, case .first = scope {
            // There is room again, for this much at least: on with the next.
            mode = .retrying(until: now, attempts: 0)
        }
        if case .repeating = mode { mode = .normal }
        report()
    }

    private mutating func count() {
        sizes.count(lanes, scope, with: commons.takeCounts())
    }

    /// The commit, or the reopening, failed.
    package mutating func failed(_ error: StoreError, now: Milliseconds) {
        health.failed(error, at: now)
        if endsTheBroker(error) {
            mode = .lost(error)
            return
        }
        // Whatever else keeps the store from opening, the outcome of the batch stays unknown.
        if case .reopening = mode { return reopen(now: now) }
        switch error.code {
        case .retry: retry(now: now)
        case .refused: refuse()
        default: reopen(now: now)
        }
    }

    /// Somebody who read has found that the store is another broker's or not what it was. While something is
    /// committed the commits tell; else the store is opened again, which does, and a batch repeated that says
    /// nothing.
    package mutating func failedReading(_ error: StoreError, now: Milliseconds) {
        guard isIdle, Committer.isFinal(error) else { return }
        health.failed(error, at: now)
        scope = .all
        batch.removeAll()
        batch.number = appliedBatch
        batch.session = commons.lastSessionNumber
        batch.message = appliedMessage
        batch.time = now
        mode = .reopening(at: now, attempts: 0)
    }

    /// The store is open again; the batch of unknown outcome is repeated unchanged.
    package mutating func reopened(now: Milliseconds) {
        var attempts = 0
        if case .reopening(_, let before) = mode { attempts = before }
        mode = .repeating(attempts: attempts)
    }

    /// The shards that must look at the progress.
    package mutating func takeWakes() -> [Int] {
        defer { wakes.removeAll(keepingCapacity: true) }
        return wakes.sorted()
    }

    /// Whether everything that was taken is committed.
    package var isIdle: Bool { lanes.isEmpty && mode == .normal }
}

// MARK: Deciding

extension Committer {
    private mutating func nextNormal(now: Milliseconds) -> Step {
        while true {
            if lanes.isEmpty {
                if let wait = gather(now: now) { return wait }
                delay.begin()
            }
            if let wait = awaitAcknowledgements(now: now) { return wait }
            if lanes.isEmpty { continue }
            if prepare(.all, now: now) { return .commit }
            Netting.settle(&lanes, .all)
            report()
        }
    }

    /// Takes the head of the queue, unless there is nothing to do yet.
    private mutating func gather(now: Milliseconds) -> Step? {
        let committed = commons.committedPosition
        let (isEmpty, isDemanded) = commons.withQueue { ($0.isEmpty, $0.isDemanded(beyond: committed)) }
        if isEmpty {
            waitsSince = nil
            return .wait(milliseconds: nil)
        }
        if !isDemanded {
            let since = waitsSince ?? now
            waitsSince = since
            let rest = Milliseconds(commons.limits.removalDelayMaxMilliseconds) - (now - since)
            if rest > 0 { return .wait(milliseconds: Int(rest)) }
        }
        waitsSince = nil
        take(bytesMax: commons.limits.batchBytesMax)
        return nil
    }

    /// Takes lanes from the head of the queue until they weigh `bytesMax`.
    mutating func take(bytesMax: Int) {
        commons.takeLanes(into: &lanes, bytesMax: bytesMax)
        guard let last = lanes.last else { return }
        takenNumber = max(takenNumber, last.lastNumber)
        takenPosition = max(takenPosition, last.lastPosition)
    }

    private mutating func nextRetrying(until: Milliseconds, now: Milliseconds) -> Step {
        take(bytesMax: .max)
        Netting.net(&lanes)
        if commons.isStoreCertain { report() }
        if lanes.isEmpty {
            mode = .normal
            return nextNormal(now: now)
        }
        if now >= roomMakingAt, prepare(.roomMaking(RoomMaking.entries(of: lanes)), now: now) {
            return .commit
        }
        if now >= until, prepare(.first(Netting.first(lanes, bytesMax: growingBytes)), now: now) {
            return .commit
        }
        return .wait(milliseconds: Int(max(1, until - now)))
    }

    private mutating func nextSplit(now: Milliseconds) -> Step {
        while let entry = Netting.firstUnsettled(lanes) {
            if prepare(.entry(entry), now: now) { return .commit }
            Netting.settle(&lanes, .entry(entry))
        }
        mode = .normal
        return nextNormal(now: now)
    }

    /// Fills the batch; false if it nets to nothing and need not be committed.
    private mutating func prepare(_ scope: CommitScope, now: Milliseconds) -> Bool {
        if scope == .all { Netting.net(&lanes) }
        self.scope = scope
        batch.removeAll()
        Netting.fill(&batch, from: lanes, scope)
        batch.number = appliedBatch + 1
        batch.session = commons.lastSessionNumber
        batch.message = max(appliedMessage, lastNumber(scope))
        batch.time = now
        if case .roomMaking = scope { batch.makesRoom = true }
        return !batch.changes.isEmpty || !commons.isStoreCertain
    }

    /// What is tried again: less each time, down to an entry, for the log of a full disk cannot take everything.
    private var growingBytes: Int {
        guard case .retrying(_, let attempts) = mode else { return .max }
        return commons.limits.batchBytesMax >> min(attempts, 20)
    }

    private func lastNumber(_ scope: CommitScope) -> MessageNumber {
        switch scope {
        case .roomMaking: 0
        case .all: takenNumber
        case .first(let places): places.reduce(0) { max($0, lastNumber(of: $1)) }
        case .entry(let place): lastNumber(of: place)
        }
    }

    private func lastNumber(of entry: EntryPlace) -> MessageNumber {
        let lane = lanes[entry.lane]
        var last: MessageNumber = 0
        for change in lane.changes[lane.changes(of: entry.entry)] {
            if case .message(let index) = change { last = lane.firstNumber + UInt64(index) }
        }
        return last
    }
}

// MARK: Failing

extension Committer {
    private mutating func retry(now: Milliseconds) {
        // Of what makes room nothing was applied either; it is prepared anew with the next step.
        var attempts = 0
        if case .retrying(_, let before) = mode { attempts = before }
        let delay = min(Committer.retryDelayMax, Committer.retryDelayMin << min(attempts, 6))
        mode = .retrying(until: now + delay, attempts: attempts + 1)
        if case .roomMaking = scope { roomMakingAt = now + delay }
    }

    private mutating func reopen(now: Milliseconds) {
        let attempts =
            switch mode {
            case .reopening(_, let attempts), .repeating(let attempts): attempts
            case .normal, .retrying, .splitting, .lost: 0
            }
        let delay =
            attempts == 0 ? 0 : min(Committer.retryDelayMax, Committer.retryDelayMin << min(attempts, 6))
        mode = .reopening(at: now + delay, attempts: attempts + 1)
    }

    /// Another broker may have written by now, so a batch number says nothing any more; data that is damaged or
    /// older than what was acknowledged does not mend. A first failure is not the end: it may be the handle's.
    private func endsTheBroker(_ error: StoreError) -> Bool {
        switch mode {
        case .reopening, .repeating: Committer.isFinal(error)
        case .normal, .retrying, .splitting, .lost: false
        }
    }

    private static func isFinal(_ error: StoreError) -> Bool {
        [.inUse, .corrupt, .newerFormat].contains(error.code)
    }

    private mutating func refuse() {
        guard case .entry(let entry) = scope else {
            mode = .splitting
            return
        }
        let lane = lanes[entry.lane]
        let position = lane.firstPosition + UInt64(entry.entry)
        var messages: [MessageNumber] = []
        for change in lane.changes[lane.changes(of: entry.entry)] {
            guard case .message(let index) = change else { continue }
            let number = lane.firstNumber + UInt64(index)
            messages.append(number)
            takeBackRetained(lane.messages[Int(index)], number, of: lane)
        }
        for shard in 0..<commons.shardCount { post(.refused(position, messages: messages), to: shard) }
        Netting.settle(&lanes, .entry(entry))
        mode = .splitting
    }

    /// The shard that made a value visible asks the store, which has everything that came before, what it has.
    private mutating func takeBackRetained(_ message: LaneMessage, _ number: MessageNumber, of lane: Lane) {
        guard message.retained != .none else { return }
        post(.takeBack(Text(bytes: Array(lane.arena[message.topic.range])), number), to: lane.shard)
    }

    private static let retryDelayMin: Milliseconds = 20
    private static let retryDelayMax: Milliseconds = 1000
}

// MARK: Telling

extension Committer {
    /// Advances the watermark over what is settled, names what is settled beyond it and lets go of it, and wakes who
    /// waits. Never while a batch is out: what it covers is named by place.
    private mutating func report() {
        advance()
        let named = Netting.nameSettled(&lanes)
        guard !named.isEmpty else { return }
        // To all: a session may have moved away from the shard that began the entry.
        for shard in 0..<commons.shardCount { post(.settled(named), to: shard) }
        let bytes = lanes.reduce(0) { $0 + $1.bytes }
        var dropped = Netting.dropNamed(&lanes)
        let rest = lanes.reduce(0) { $0 + $1.bytes }
        commons.recycle(&dropped, bytes: bytes - rest)
    }

    /// Advances the watermark over what is settled and wakes who waits.
    mutating func advance() {
        let open = Netting.firstUnsettled(lanes)
        var finished = Array(lanes[..<(open?.lane ?? lanes.count)])
        lanes.removeFirst(finished.count)
        var (number, position) = (takenNumber, takenPosition)
        if let open, let first = lanes.first {
            number = first.firstNumber - 1
            position = first.firstPosition + UInt64(open.entry) - 1
        }
        commons.advanceCommitted(toNumber: max(number, commons.committedNumber))
        if position > commons.committedPosition {
            commons.advanceCommitted(to: position)
            for shard in 0..<commons.shardCount where commons.isInterested(shard) { wakes.insert(shard) }
        }
        guard !finished.isEmpty else { return }
        commons.recycle(&finished, bytes: finished.reduce(0) { $0 + $1.bytes })
    }

    private mutating func post(_ control: Control, to shard: Int) {
        if commons.post(to: shard, { $0.append(control) }) { wakes.insert(shard) }
    }
}

// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import Engine
import Persistence

/// What an event loop would be: a shard and what waits to be done for it.
final class Loop {
    let shard: Shard
    var isInTick = false
    /// How many times `collect` has been asked for.
    var collects = 0
    var timers: [Milliseconds] = []
    var reads: [ReadRequest] = []
    var replies: [ReadReply] = []
    /// Links whose end was ordered and is not yet reported.
    var closing: [Link] = []
    /// Links that ended in this tick: what they carried takes effect until it ends.
    var settling: [Link] = []
    var links: [SlotID: Link] = [:]
    var orders: [Order] = []

    init(_ shard: Shard) {
        self.shard = shard
    }

    func passTimers(_ now: Milliseconds) {
        let due = timers.count { $0 <= now }
        guard due > 0 else { return }
        collects += 1
        timers.removeAll { $0 <= now }
    }
}

/// What the committer's thread would be.
final class CommitLoop {
    enum Phase {
        /// Waits for a signal, or for a time.
        case idle(until: Milliseconds?)
        /// A batch is filled and the store has not got it yet.
        case filled
        /// The store has answered, and the committer does not know it yet.
        case answered(StoreError?)
        case reopening
    }

    var committer: Committer
    var phase = Phase.idle(until: nil)
    var isSignalled = false

    init(commons: Commons, after info: SysInfoRecord) {
        committer = Committer(commons: commons, after: info)
    }
}

// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import Glibc
import Persistence
import Synchronization

/// What an object knows about its right to a prefix, and about what it has seen there.
///
/// `owner` is made anew for each object and never changes; `turn` rises with each attempt to take the prefix,
/// so a batch that was sent on a connection that is given up cannot be applied once the next turn has begun.
/// `epoch` and `acknowledged` outlive `close`: a server that comes back with less is not the one that was
/// written to. `lease` says until when nobody else can have the prefix; each term counts from when it was asked
/// for, which is before Redis begins to count it.
final class Claim: Sendable {
    private struct State {
        var turn: UInt64 = 0
        var epoch = ""
        var acknowledged: UInt64 = 0
        /// Whether the prefix was taken and not given back, so that nobody may have had it since.
        var isHolding = false
        /// When the last term that was granted was asked for; `nil` once the prefix may be given back.
        var renewedAt: ContinuousClock.Instant?
        /// Why the data can no longer be what this object has written.
        var doubt: StoreError?
        /// When the prefix was last asked for.
        var askedAt = ContinuousClock.now
    }

    /// Names this object for Redis.
    let owner: String
    /// Until when nobody else can have the prefix.
    let lease = Lease()
    private let state = Mutex(State())

    init() {
        var random = SystemRandomNumberGenerator()
        owner = String(random.next(), radix: 16) + String(random.next(), radix: 16)
    }

    /// The last batch that is known to be applied.
    var acknowledged: UInt64 { state.withLock { $0.acknowledged } }

    /// Whether the prefix was taken by this object and not given back.
    var isHolding: Bool { state.withLock { $0.isHolding } }

    /// Why the prefix is not to be taken again: a batch may be applied in part, or the data is not what it was.
    var doubt: StoreError? { state.withLock { $0.doubt } }

    func doubt(_ error: StoreError) {
        state.withLock { $0.doubt = error }
    }

    func acknowledge(_ batch: UInt64) {
        state.withLock { $0.acknowledged = max($0.acknowledged, batch) }
    }

    /// The first arguments of every script but `take`. Writers name their turn, readers do not.
    func arguments(forWriting: Bool) -> [String] {
        state.withLock { state in
            [owner, forWriting ? String(state.turn) : "", state.acknowledged.padded]
        }
    }

    /// The arguments of `take`, for the next turn; the lease of the owner `deserter` is void.
    func nextTurn(name: String, lease: Duration, deserter: String) -> [String] {
        state.withLock { state in
            state.turn += 1
            state.askedAt = .now
            return [
                owner, String(state.turn), state.acknowledged.padded, name, String(lease.milliseconds),
                state.epoch, newEpoch(), "1", state.isHolding ? "1" : "0",
                OwnerPlace().text, deserter,
            ]
        }
    }

    /// The prefix is ours, in the state of `batch`, for the term of the last turn.
    func taken(epoch: String, batch: UInt64, term: Duration) {
        state.withLock { state in
            state.epoch = epoch
            state.acknowledged = max(state.acknowledged, batch)
            state.isHolding = true
            state.renewedAt = state.askedAt
            lease.grant(term, askedAt: state.askedAt)
        }
    }

    /// The prefix is about to be given back: nobody may rely on it from here on.
    func releasing() {
        state.withLock { state in
            state.renewedAt = nil
            lease.giveUp()
        }
    }

    /// The prefix was given back and may be anybody's.
    func released() {
        state.withLock { $0.isHolding = false }
    }

    /// Whether a third of the term has passed since it was asked for.
    func isRenewalDue(_ term: Duration) -> Bool {
        state.withLock { state in state.renewedAt.map { .now - $0 >= term / 3 } ?? false }
    }

    /// Redis has granted another term that was asked for at `time`. An answer that comes when the prefix is about
    /// to be given back is worth nothing.
    func renewed(_ term: Duration, askedAt time: ContinuousClock.Instant) {
        state.withLock { state in
            guard let last = state.renewedAt else { return }
            state.renewedAt = max(last, time)
            lease.grant(term, askedAt: time)
        }
    }

    private func newEpoch() -> String {
        var random = SystemRandomNumberGenerator()
        return String(random.next(), radix: 16)
    }
}

/// Milliseconds of a clock that never goes back.
func now() -> Int64 {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return Int64(time.tv_sec) * 1_000 + Int64(time.tv_nsec) / 1_000_000
}

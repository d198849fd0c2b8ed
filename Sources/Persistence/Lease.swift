// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import Synchronization

/// A store that one broker has at a time, and that another one can take when the first is gone or stands still.
package protocol LeasedStore: Store {
    /// Until when nobody can have taken it.
    var lease: Lease { get }

    /// As `open`. While the store cannot be had now but may be later, because another broker has it or it is still
    /// loading, `goesOn` is asked again and again, with what is in the way: true waits on, false throws that.
    func open(standingBy goesOn: @Sendable (StoreError) -> Bool) throws(StoreError)
}

/// Until when a store is certainly this broker's.
///
/// Whoever takes a store waits until its owner has given no sign of life for some time, the *term*. So an owner
/// that has asked for another term and was granted it is alone until a term after it asked. A broker that was
/// stopped longer than that cannot know, when it goes on, whether the store is still its own: a commit tells, for
/// the store refuses one of a former owner, but what needs no commit must not be acknowledged before one has.
///
/// It is asked after the fact: if it is certain now, the store was ours whenever it was that something was decided
/// before. Time goes on while the machine sleeps. Clocks that go at different speeds are allowed for, one that is
/// stopped together with a virtual machine is not, nor one that jumps where the store keeps the term.
///
/// May be used on any thread.
package final class Lease: Sendable {
    private let origin = ContinuousClock.now
    /// In nanoseconds since `origin`.
    private let end = Atomic<Int64>(0)

    /// A tenth of a term counts as over.
    private static let margin = 10

    /// A lease that was never granted.
    package init() {}

    /// Whether the store is ours for certain.
    package var isCertain: Bool { nanoseconds(at: .now) < end.load(ordering: .acquiring) }

    /// A term was granted that was asked for at `time`.
    package func grant(_ term: Duration, askedAt time: ContinuousClock.Instant) {
        let new = nanoseconds(at: time + term - term / Lease.margin)
        _ = end.max(new, ordering: .acquiringAndReleasing)
    }

    /// The store is, or may be, given back.
    package func giveUp() {
        end.store(0, ordering: .releasing)
    }

    private func nanoseconds(at time: ContinuousClock.Instant) -> Int64 {
        let (seconds, attoseconds) = (time - origin).components
        return seconds * 1_000_000_000 + attoseconds / 1_000_000_000
    }
}

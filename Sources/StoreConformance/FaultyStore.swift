// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

public import Persistence
import Synchronization

/// A store that fails as it is told to, around any other; everything else it passes on.
///
/// Faults are scripted by the number of the commit, counted from 1 over the life of the object, so a run is
/// the same every time. A batch meets, in this order: the stall, the full disk, the fault for its number. The
/// pages are never hindered.
///
/// A commit that fails with `reopen` leaves the store unusable until `close` and `open`, as a failed sync
/// does.
public final class FaultyStore: Store {
    /// What happens to one commit.
    public enum Fault: Hashable, Sendable {
        /// Nothing is applied and the error is thrown.
        case before(StoreError)
        /// Everything is applied and the error is thrown, as when a reply is lost.
        case after(StoreError)

        /// A batch that may succeed later.
        public static let retry = Fault.before(StoreError(.retry, "A scripted fault: try again."))
        /// A batch the engine never takes.
        public static let refused = Fault.before(StoreError(.refused, "A scripted fault: refused."))
        /// An outcome that is unknown; nothing was applied.
        public static let lost = Fault.before(StoreError(.reopen, "A scripted fault: outcome unknown."))
        /// An outcome that is unknown; all was applied.
        public static let applied = Fault.after(StoreError(.reopen, "A scripted fault: reply lost."))
    }

    private struct State {
        var faults: [Int: Fault] = [:]
        var commitCount = 0
        var appliedCount = 0
        var isStalled = false
        var stalledCount = 0
        var budget: Int?
        var mustReopen = false
        var onStall: (@Sendable () -> Void)?
    }

    /// The store that does the work.
    public let inner: any Store
    private let state = Mutex(State())
    private let gate = Gate()

    /// Passes everything on to `inner` until told otherwise.
    public init(_ inner: any Store) {
        self.inner = inner
    }

    // MARK: The script

    /// How many commits have begun.
    public var commitCount: Int { state.withLock { $0.commitCount } }
    /// How many batches were passed on and applied.
    public var appliedCount: Int { state.withLock { $0.appliedCount } }
    /// How many commits wait for the end of a stall.
    public var stalledCount: Int { state.withLock { $0.stalledCount } }

    /// The commit with this number, counted from 1, meets the fault.
    public func fail(commit number: Int, _ fault: Fault) {
        state.withLock { $0.faults[number] = fault }
    }

    /// The next commit that begins meets the fault.
    public func failNext(_ fault: Fault) {
        state.withLock { $0.faults[$0.commitCount + 1] = fault }
    }

    /// Commits that begin from now on block their thread until `release`. A simulation on one thread, which
    /// must not block, gives `onStall`: it is called instead, and the commit then throws `retry` without
    /// being applied.
    public func stall(onStall: (@Sendable () -> Void)? = nil) {
        state.withLock { state in
            state.isStalled = true
            state.onStall = onStall
        }
    }

    /// Ends a stall; blocked commits go on.
    public func release() {
        state.withLock { state in
            state.isStalled = false
            state.onStall = nil
        }
        gate.open()
    }

    /// From now on batches that do not make room get `retry` once they have used up `budget` bytes of
    /// records.
    public func fillDisk(budget: Int = 0) {
        state.withLock { $0.budget = budget }
    }

    /// There is room again.
    public func clearDisk() {
        state.withLock { $0.budget = nil }
    }

    // MARK: Store

    /// The inner store's name.
    public var name: String { inner.name }
    /// The inner store's location.
    public var location: String { inner.location }
    /// The inner store's durability.
    public var durability: Durability { inner.durability }

    /// Opens the inner store and forgets that it had to be opened again.
    public func open() throws(StoreError) {
        try inner.open()
        state.withLock { $0.mustReopen = false }
    }

    /// Commits to the inner store, or does what the script says.
    public func commit(_ batch: borrowing ChangeBatch) throws(StoreError) {
        let number = try begin()
        try waitWhileStalled()
        // A batch that is applied already is never told to try again.
        var isApplied = false
        if state.withLock({ $0.budget != nil }) { isApplied = batch.number <= (try inner.sysInfo().batch) }
        try takeRoom(batch.makesRoom || isApplied ? 0 : batch.arenaBytes + batch.changes.count)
        let fault = state.withLock { $0.faults.removeValue(forKey: number) }
        if case .before(let error) = fault { throw fail(error) }
        try inner.commit(batch)
        state.withLock { $0.appliedCount += 1 }
        if case .after(let error) = fault { throw fail(error) }
    }

    /// The inner store's answer.
    public func verify() throws(StoreError) -> [String] {
        try inner.verify()
    }

    /// Closes the inner store; ends no stall.
    public func close() {
        inner.close()
    }

    private func begin() throws(StoreError) -> Int {
        try state.withLock { (state) throws(StoreError) -> Int in
            guard !state.mustReopen else {
                throw StoreError(.reopen, "The store has to be opened again after a scripted fault.")
            }
            state.commitCount += 1
            return state.commitCount
        }
    }

    private func waitWhileStalled() throws(StoreError) {
        let (isStalled, onStall) = state.withLock { state in
            if state.isStalled && state.onStall == nil {
                state.stalledCount += 1
                gate.close()
            }
            return (state.isStalled, state.onStall)
        }
        guard isStalled else { return }
        if let onStall {
            onStall()
            throw StoreError(.retry, "A scripted stall: the store does not answer.")
        }
        gate.pass()
        state.withLock { $0.stalledCount -= 1 }
    }

    private func takeRoom(_ bytes: Int) throws(StoreError) {
        try state.withLock { (state) throws(StoreError) in
            guard bytes > 0, let budget = state.budget else { return }
            guard bytes <= budget else { throw StoreError(.retry, "A scripted fault: the disk is full.") }
            state.budget = budget - bytes
        }
    }

    private func fail(_ error: StoreError) -> StoreError {
        if error.code == .reopen { state.withLock { $0.mustReopen = true } }
        return error
    }
}

// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import Engine
import Persistence

/// The committer's thread, step by step: a batch is filled, the store applies it, the committer learns of it,
/// and anything may happen in between.
extension World {
    func stepCommitter() {
        switch commit.phase {
        case .idle(let until):
            guard commit.isSignalled || (until ?? .max) <= now else { return }
            commit.isSignalled = false
            decide()
        case .filled: apply()
        case .answered(let error):
            if let error {
                commit.committer.failed(error, now: now)
            } else {
                commit.committer.committed(now: now)
            }
            goOn()
        case .reopening: reopen()
        }
    }

    private func decide() {
        switch commit.committer.next(now: now) {
        case .commit: commit.phase = .filled
        case .reopen: commit.phase = .reopening
        case .wait(let milliseconds):
            commit.phase = .idle(until: milliseconds.map { now + Milliseconds($0) })
        case .end(let error): fail("the store is lost: \(error)")
        }
        wakeShards()
    }

    /// The store takes the batch, or does not.
    func apply() {
        var failure: StoreError?
        do throws(StoreError) {
            try disk.commit(commit.committer.batch)
            endDoubt()
        } catch {
            failure = error
        }
        note(
            "batch \(commit.committer.batch.number) of \(commit.committer.batch.changes.count) changes:"
                + " \(failure.map { "\($0.code)" } ?? "applied")")
        if let fault = disk.mirror.faults.first { fail(fault) }
        commit.phase = .answered(failure)
    }

    private func reopen() {
        disk.close()
        do throws(StoreError) {
            try disk.open()
            commit.committer.reopened(now: now)
        } catch {
            commit.committer.failed(error, now: now)
        }
        goOn()
    }

    private func goOn() {
        commit.phase = .idle(until: nil)
        commit.isSignalled = true
        wakeShards()
    }

    private func wakeShards() {
        note("the committer has come to \(commons.committedPosition)")
        for shard in commit.committer.takeWakes() { loops[shard].collects += 1 }
    }
}

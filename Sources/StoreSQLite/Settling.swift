// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import Persistence

/// Moves deliveries from `recent` to `settled`, a slice with a commit now and then.
///
/// A round goes through `recent` in order of session and moves what had been inserted when the round began,
/// all numbers up to `roundEnd`. When it is done, every unshared body up to there lies in `settled`, and what
/// `message` still holds of them is left over and deleted, also in slices. So `recent` stays near
/// `recentCountMax` rows and the leftovers are no more than one round of small bodies, whatever the load.
///
/// Whatever arrives at or below `roundEnd` after the round has begun goes straight to `settled`: numbers
/// rise, so that is rare, but it must not be taken for a leftover.
struct Settling {
    /// Rows moved for each inserted one, in quarters: a round must be faster than what comes in.
    static let quartersPerInsertion = 5
    /// How many rows `recent` has.
    var recentCount: Int
    /// Insertions into `recent` since the last slice.
    var insertions = 0
    /// The last key that was moved in this round.
    var session: SessionNumber = 0
    /// See `session`.
    var number: MessageNumber = 0
    /// The greatest message number of this round.
    var roundEnd: MessageNumber
    /// No delivery at or below it is in `recent`.
    var settledEnd: MessageNumber = 0
    /// No leftover at or below it is in `message`.
    var cleanedEnd: MessageNumber = 0

    init(recentCount: Int, message: MessageNumber) {
        self.recentCount = recentCount
        roundEnd = message
    }
}

extension Writer {
    /// Moves a slice when there is enough to move.
    func settleIfDue() throws(SQLiteFailure) {
        guard settlingDraft.insertions >= options.insertionsPerSlice else { return }
        let count = settlingDraft.insertions * Settling.quartersPerInsertion / 4
        settlingDraft.insertions = 0
        if settlingDraft.cleanedEnd < settlingDraft.settledEnd { try deleteLeftovers(2 * count) }
        if settlingDraft.recentCount > options.recentCountMax { try settle(count) }
    }

    private func settle(_ count: Int) throws(SQLiteFailure) {
        let end = try sliceEnd(count)
        for statement in [statements.settling.settle, statements.settling.deleteSettledRecent] {
            bindRound(statement)
            statement.bind(4, end?.session ?? SessionNumber(Int64.max))
            statement.bind(5, end?.number ?? MessageNumber(Int64.max))
        }
        try statements.settling.settle.run()
        settlingDraft.recentCount -= try statements.settling.deleteSettledRecent.run()
        if let end {
            settlingDraft.session = end.session
            settlingDraft.number = end.number
        } else {
            settlingDraft.settledEnd = settlingDraft.roundEnd
            settlingDraft.roundEnd = info.message
            settlingDraft.session = 0
            settlingDraft.number = 0
        }
    }

    /// The key of the last of `count` rows; `nil` when the round has fewer left.
    private func sliceEnd(_ count: Int) throws(SQLiteFailure) -> (
        session: SessionNumber, number: MessageNumber
    )? {
        let statement = statements.settling.sliceEnd
        bindRound(statement)
        statement.bind(4, Int64(count - 1))
        defer { statement.reset() }
        guard try statement.step() else { return nil }
        return (statement.number(0), statement.number(1))
    }

    private func bindRound(_ statement: Statement) {
        statement.bind(1, settlingDraft.session)
        statement.bind(2, settlingDraft.number)
        statement.bind(3, settlingDraft.roundEnd)
    }

    private func deleteLeftovers(_ count: Int) throws(SQLiteFailure) {
        let search = statements.settling.leftoverEnd
        search.bind(1, settlingDraft.cleanedEnd)
        search.bind(2, settlingDraft.settledEnd)
        search.bind(3, Int64(count - 1))
        let end = try search.step() ? search.number(0) : settlingDraft.settledEnd
        search.reset()
        statements.settling.deleteLeftovers.bind(1, settlingDraft.cleanedEnd)
        statements.settling.deleteLeftovers.bind(2, end)
        try statements.settling.deleteLeftovers.run()
        settlingDraft.cleanedEnd = end
    }
}

// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

package import Packets
package import Persistence

/// Which shard holds the session of a client identifier; a lock is around it.
///
/// CONNECTs of one identifier are served one after another: whoever finds the entry claimed waits, and is told
/// to proceed when the claim before it is complete.
package struct Registry: Sendable {
    private struct Entry: Sendable {
        var shard: Int
        var session: SessionNumber
        var isClaimed: Bool
        var waiters: [Claim] = []
        /// A stored session of this client that has ended; whether that is committed is not known yet.
        var ended: SessionNumber?

        var isNeeded: Bool { isClaimed || session != 0 || ended != nil }
    }

    /// What a claim finds.
    package enum Finding: Sendable, Hashable {
        /// Nothing: make a new session, then `complete`.
        case vacant
        /// The session is on this shard: ask it to surrender.
        case held(shard: Int, session: SessionNumber)
        /// Another claim is being served; `proceed` follows.
        case waits
    }

    private var entries: [Text: Entry] = [:]

    package init() {}

    package var count: Int { entries.count }

    /// Enters a stored session at start-up.
    package mutating func restore(_ clientID: Text, shard: Int, session: SessionNumber) {
        entries[clientID] = Entry(shard: shard, session: session, isClaimed: false)
    }

    package mutating func claim(_ claim: Claim) -> Finding {
        guard let entry = entries[claim.clientID] else {
            entries[claim.clientID] = Entry(shard: claim.shard, session: 0, isClaimed: true)
            return .vacant
        }
        if entry.isClaimed {
            entries[claim.clientID]?.waiters.append(claim)
            return .waits
        }
        entries[claim.clientID]?.isClaimed = true
        return found(entry)
    }

    /// The turn of a claim that waited has come; the entry is claimed for it already.
    package func proceed(_ claim: Claim) -> Finding {
        guard let entry = entries[claim.clientID] else { return .vacant }
        return found(entry)
    }

    /// Ends a claim: the session is now `session` on `shard`, or there is none. Returns whose turn is next.
    package mutating func complete(_ clientID: Text, shard: Int, session: SessionNumber?) -> Claim? {
        guard var entry = entries[clientID] else {
            preconditionFailure("a claim was completed that was never made")
        }
        entry.shard = shard
        entry.session = session ?? 0
        let next = entry.waiters.isEmpty ? nil : entry.waiters.removeFirst()
        entry.isClaimed = next != nil
        entries[clientID] = entry.isNeeded ? entry : nil
        return next
    }

    /// The session has ended. If it is stored its number stays until `settle`: who connects before the end is
    /// committed gets no CONNACK before that.
    package mutating func remove(_ clientID: Text, session: SessionNumber, isStored: Bool) {
        guard var entry = entries[clientID], entry.session == session else { return }
        entry.session = 0
        if isStored { entry.ended = session }
        entries[clientID] = entry.isNeeded ? entry : nil
    }

    /// The stored session whose end may not be committed.
    package func ended(_ clientID: Text) -> SessionNumber? { entries[clientID]?.ended }

    /// The end of a stored session is committed.
    package mutating func settle(_ clientID: Text, ended session: SessionNumber) {
        guard var entry = entries[clientID], entry.ended == session else { return }
        entry.ended = nil
        entries[clientID] = entry.isNeeded ? entry : nil
    }

    private func found(_ entry: Entry) -> Finding {
        entry.session == 0 ? .vacant : .held(shard: entry.shard, session: entry.session)
    }
}

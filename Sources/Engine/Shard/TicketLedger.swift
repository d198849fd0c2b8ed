// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import DequeModule
package import Persistence

/// Which of a shard's entries are committed.
///
/// A shard counts its entries in *tickets*, known as soon as an entry is begun; positions, which the committer
/// speaks, are known only after the hand-over. The ledger translates.
package struct TicketLedger: Sendable {
    private struct Span: Sendable {
        var firstTicket: UInt64
        var firstPosition: UInt64
        var count: UInt64
    }

    private var spans: Deque<Span> = []
    private var ahead: Set<UInt64> = []
    private var refusedTickets: [UInt64] = []
    private var refusedPositions: [UInt64] = []
    private var refusedMessages: [MessageNumber] = []
    /// Positions, this shard's or another's, that are committed beyond the watermark.
    private var positionsAhead: Set<UInt64> = []
    /// Every ticket up to here is committed.
    package private(set) var committed: UInt64 = 0
    /// Every ticket up to here has been handed over.
    package private(set) var handedOver: UInt64 = 0
    /// The watermark that has been taken in.
    package private(set) var position: UInt64 = 0

    package init() {}

    /// A lane with `count` entries was handed over.
    package mutating func handOver(count: Int, firstPosition: UInt64) {
        spans.append(Span(firstTicket: handedOver + 1, firstPosition: firstPosition, count: UInt64(count)))
        handedOver += UInt64(count)
    }

    /// Everything up to `position` is committed.
    package mutating func advance(to position: UInt64) {
        let position = max(self.position, position)
        self.position = position
        while let span = spans.first, span.firstPosition <= position {
            let done = min(span.count, position - span.firstPosition + 1)
            committed = span.firstTicket + done - 1
            guard done == span.count else { break }
            spans.removeFirst()
        }
        if !ahead.isEmpty { ahead = ahead.filter { $0 > committed } }
        if !positionsAhead.isEmpty { positionsAhead = positionsAhead.filter { $0 > position } }
    }

    /// One entry is committed ahead of the watermark.
    package mutating func settle(_ position: UInt64) {
        if position > self.position { positionsAhead.insert(position) }
        if let ticket = ticket(of: position), ticket > committed { ahead.insert(ticket) }
    }

    /// The store can never take this entry and its messages, of this shard or another: a session that moves takes
    /// what waits for its old shard's entries along. Only the last refusals are remembered.
    package mutating func refuse(_ position: UInt64, messages: [MessageNumber] = []) {
        if let ticket = ticket(of: position) { TicketLedger.append(ticket, to: &refusedTickets) }
        TicketLedger.append(position, to: &refusedPositions)
        for message in messages { TicketLedger.append(message, to: &refusedMessages) }
    }

    private static func append(_ number: UInt64, to refusals: inout [UInt64]) {
        refusals.append(number)
        if refusals.count > refusalsMax { refusals.removeFirst() }
    }

    package func isDone(_ ticket: UInt64) -> Bool { ticket <= committed || ahead.contains(ticket) }

    /// The same for a position, of whichever shard.
    package func isDone(position: UInt64) -> Bool {
        position <= self.position || positionsAhead.contains(position)
    }

    /// Whether tickets are done beyond the watermark.
    package var hasAhead: Bool { !ahead.isEmpty || !positionsAhead.isEmpty }

    /// Whether this shard's entry was refused.
    package func isRefused(ticket: UInt64) -> Bool { refusedTickets.contains(ticket) }

    /// Whether an entry of any shard was refused.
    package func isRefused(position: UInt64) -> Bool { refusedPositions.contains(position) }

    /// Whether a message was in an entry that was refused: what comes of it later is about nothing.
    package func isRefused(message: MessageNumber) -> Bool { refusedMessages.contains(message) }

    /// The position of a ticket that was handed over and is not committed.
    package func position(of ticket: UInt64) -> UInt64? {
        for span in spans where span.firstTicket <= ticket && ticket < span.firstTicket + span.count {
            return span.firstPosition + (ticket - span.firstTicket)
        }
        return nil
    }

    private static let refusalsMax = 4096

    private func ticket(of position: UInt64) -> UInt64? {
        for span in spans where span.firstPosition <= position && position < span.firstPosition + span.count {
            return span.firstTicket + (position - span.firstPosition)
        }
        return nil
    }
}

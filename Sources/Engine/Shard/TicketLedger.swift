// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import DequeModule
package import Persistence

/// Which of a shard's entries are committed.
///
/// A shard counts its entries in *tickets*, known as soon as an entry is begun; positions, which the committer
/// speaks, are known only after the hand-over. The ledger translates. It remembers what is not committed, and of what
/// is committed ahead of the watermark only where it lies between: so it stays small however long the head waits.
package struct TicketLedger: Sendable {
    private struct Span: Sendable {
        var firstTicket: UInt64
        var firstPosition: UInt64
        var count: UInt64

        var positions: ClosedRange<UInt64> { firstPosition...firstPosition + count - 1 }
        var lastTicket: UInt64 { firstTicket + count - 1 }
    }

    /// What was handed over, in order, without the spans that are done.
    private var spans: Deque<Span> = []
    private var refusedTickets = NumberRanges()
    private var refusedPositions = NumberRanges()
    private var refusedMessages = NumberRanges()
    /// Refused messages up to this one were in entries below the watermark.
    private var passedMessage: MessageNumber = 0
    /// Positions, this shard's or another's, that are committed beyond the watermark.
    private var positionsAhead = NumberRanges()
    /// Every ticket up to here is committed.
    private var committed: UInt64 = 0
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

    /// Everything up to `position` is committed. What waited for the position before has been released by now.
    package mutating func advance(to position: UInt64) {
        forgetRefusals()
        let position = max(self.position, position)
        self.position = position
        while let span = spans.first, span.firstPosition <= position {
            let done = min(span.count, position - span.firstPosition + 1)
            committed = span.firstTicket + done - 1
            guard done == span.count else { break }
            spans.removeFirst()
        }
        positionsAhead.remove(through: position)
        if let last = refusedPositions.max, last <= position { passedMessage = refusedMessages.max ?? 0 }
    }

    /// These entries are committed ahead of the watermark.
    package mutating func settle(_ positions: ClosedRange<UInt64>) {
        guard positions.upperBound > position else { return }
        positionsAhead.insert(positions)
        let start = firstSpan { $0.positions.upperBound >= positions.lowerBound }
        let end = firstSpan { $0.firstPosition > positions.upperBound }
        for index in (start..<end).reversed() where isDroppable(spans[index]) { spans.remove(at: index) }
    }

    /// All of it is done. One with a refusal stays: whoever moves away must be able to ask for the position.
    private func isDroppable(_ span: Span) -> Bool {
        positionsAhead.contains(span.positions) && !refusedPositions.overlaps(span.positions)
    }

    /// The store can never take this entry and its messages, of this shard or another: a session that moves takes
    /// what waits for its old shard's entries along.
    package mutating func refuse(_ position: UInt64, messages: [MessageNumber] = []) {
        if let ticket = ticket(of: position) { refusedTickets.insert(ticket...ticket) }
        refusedPositions.insert(position...position)
        for message in messages { refusedMessages.insert(message...message) }
    }

    /// A refusal is remembered until what waited for it, and for all before it, has been released. Some are kept for
    /// longer: a session on its way from another shard, or a message on its way to a subscriber, may still ask.
    private mutating func forgetRefusals() {
        let kept = TicketLedger.refusalsKept
        refusedTickets.removeFirst(downTo: kept, through: committed)
        refusedPositions.removeFirst(downTo: kept, through: position)
        refusedMessages.removeFirst(downTo: kept, through: passedMessage)
    }

    package func isDone(_ ticket: UInt64) -> Bool {
        if ticket <= committed { return true }
        guard ticket <= handedOver else { return false }
        // What no span has is done.
        return position(of: ticket).map { isDone(position: $0) } ?? true
    }

    /// The same for a position, of whichever shard.
    package func isDone(position: UInt64) -> Bool {
        position <= self.position || positionsAhead.contains(position)
    }

    /// Whether entries are done beyond the watermark.
    package var hasAhead: Bool { !positionsAhead.isEmpty }

    /// Whether this shard's entry was refused.
    package func isRefused(ticket: UInt64) -> Bool { refusedTickets.contains(ticket) }

    /// Whether an entry of any shard was refused.
    package func isRefused(position: UInt64) -> Bool { refusedPositions.contains(position) }

    /// Whether a message was in an entry that was refused: what comes of it later is about nothing.
    package func isRefused(message: MessageNumber) -> Bool { refusedMessages.contains(message) }

    /// The position of a ticket that was handed over; nil for one that is committed.
    package func position(of ticket: UInt64) -> UInt64? {
        let index = firstSpan { $0.lastTicket >= ticket }
        guard index < spans.count, spans[index].firstTicket <= ticket else { return nil }
        return spans[index].firstPosition + (ticket - spans[index].firstTicket)
    }

    /// Runs of refusals, not refusals.
    private static let refusalsKept = 4096

    private func ticket(of position: UInt64) -> UInt64? {
        let index = firstSpan { $0.positions.upperBound >= position }
        guard index < spans.count, spans[index].firstPosition <= position else { return nil }
        return spans[index].firstTicket + (position - spans[index].firstPosition)
    }

    /// The index of the first span of which this is true, as it is of all after it.
    private func firstSpan(_ isTrue: (Span) -> Bool) -> Int {
        var low = 0
        var high = spans.count
        while low < high {
            let middle = (low + high) / 2
            if isTrue(spans[middle]) { high = middle } else { low = middle + 1 }
        }
        return low
    }
}

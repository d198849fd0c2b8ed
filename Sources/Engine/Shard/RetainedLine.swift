// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import DequeModule
import Packets
import Persistence

/// Retained messages of one new subscription, on their way.
struct RetainedRequest {
    let filter: TopicFilter
    let gate: RetainedGate
    /// Tells it from another one for the same filter.
    fileprivate(set) var serial: UInt64 = 0
    /// Sent so far, and where it ends if that was known from the start.
    var sent: MessageNumber = 0
    var knownEnd: MessageNumber?
    /// The bodies that are being read, zero for none, and what the store has answered: nil where it has none.
    var round: UInt64 = 0
    var answers: [Text: RetainedRecord?] = [:]

    init(filter: TopicFilter, gate: RetainedGate) {
        self.filter = filter
        self.gate = gate
    }

    /// The last number that it sends; nil until its gate is open.
    var end: MessageNumber? { knownEnd ?? gate.end }
}

/// What the requests of one SUBSCRIBE wait for: its SUBACK, and then every tick that may not have seen its
/// subscriptions.
final class RetainedGate {
    let ticket: UInt64?
    /// The tick of the SUBSCRIBE: its subscriptions become visible when that ends, and no sooner.
    let tick: UInt64
    /// Taken once the subscriptions are visible.
    var barrier: Barrier?
    /// The last number given out when the barrier had passed: later values come by the subscriptions themselves.
    var end: MessageNumber?

    init(ticket: UInt64?, tick: UInt64) {
        self.ticket = ticket
        self.tick = tick
    }
}

/// The requests of one session, in order, while it is connected.
///
/// Those of a session without room may be thousands, and many sessions may be without room: a line is looked at as a
/// whole. It is either *ready*, and looked at in every tick, or *parked* until its session has room, or what it reads
/// has come. A request is found by its filter in one probe; its turn is void when another one has taken its place.
final class RetainedLine {
    private struct Turn {
        var filter: Text
        var serial: UInt64
    }

    /// Nil when its connection has ended.
    var session: Session?
    fileprivate(set) var isReady = false
    /// Those that are not open, in order.
    var gates: [RetainedGate] = []
    /// How many requests wait for bodies; they have no turn meanwhile.
    private(set) var readCount = 0
    private var requests: [Text: RetainedRequest] = [:]
    private var turns: Deque<Turn> = []
    private var lastSerial: UInt64 = 0
    /// What may still be sent in the tick, and whether nothing was: what one tick sends is bounded by the room there
    /// was at its beginning.
    private var tick: UInt64 = 0
    private(set) var messageCount = 0
    private(set) var byteCount = 0
    private(set) var isFresh = true

    init(_ session: Session) {
        self.session = session
    }

    var isEmpty: Bool { requests.isEmpty }

    /// The rounds of reading that somebody waits for.
    var rounds: [UInt64] { requests.values.map(\.round).filter { $0 != 0 } }

    func append(_ request: RetainedRequest) {
        var request = request
        lastSerial += 1
        request.serial = lastSerial
        requests[request.filter.text] = request
        turns.append(Turn(filter: request.filter.text, serial: lastSerial))
        guard turns.count > 2 * requests.count + 64 else { return }
        turns.removeAll { requests[$0.filter]?.serial != $0.serial }
    }

    /// Takes a filter's request out for good.
    func remove(_ filter: Text) -> RetainedRequest? {
        guard let request = requests.removeValue(forKey: filter) else { return nil }
        if request.round != 0 { readCount -= 1 }
        return request
    }

    /// Takes out the request whose turn it is; it comes back by `putBack` or `wait`.
    func next() -> RetainedRequest? {
        while let turn = turns.popFirst() {
            guard requests[turn.filter]?.serial == turn.serial else { continue }
            return requests.removeValue(forKey: turn.filter)
        }
        return nil
    }

    /// It is its turn again.
    func putBack(_ request: RetainedRequest) {
        requests[request.filter.text] = request
        turns.prepend(Turn(filter: request.filter.text, serial: request.serial))
    }

    /// It has asked for bodies, and has no turn until they come.
    func wait(_ request: RetainedRequest) {
        requests[request.filter.text] = request
        readCount += 1
    }

    /// The bodies have come.
    func answer(_ filter: Text, round: UInt64, topics: ArraySlice<Text>, records: [RetainedRecord]) {
        guard var request = requests[filter], request.round == round else { return }
        request.round = 0
        for topic in topics { request.answers[topic] = .some(nil) }
        for record in records { request.answers[record.message.topic] = record }
        readCount -= 1
        putBack(request)
    }

    /// Sets what may be sent in a tick, unless it was set before.
    func allow(_ messages: Int, _ bytes: Int, in tick: UInt64) {
        guard self.tick != tick else { return }
        self.tick = tick
        (messageCount, byteCount, isFresh) = (messages, bytes, true)
    }

    func spend(_ bytes: Int) {
        messageCount -= 1
        byteCount -= bytes
        isFresh = false
    }
}

/// The lines of a shard.
struct RetainedLines {
    private(set) var ready: Deque<RetainedLine> = []
    private(set) var parked: [SessionNumber: RetainedLine] = [:]
    /// Who waits for bodies.
    private var readers: [UInt64: (line: RetainedLine, filter: Text)] = [:]
    private var lastRound: UInt64 = 0
    /// What may still be done in the tick: nodes of the index, and about as much for everything else.
    private(set) var effort = 0
    private var tick: UInt64 = 0

    mutating func wake(_ line: RetainedLine) {
        guard !line.isReady, let session = line.session else { return }
        line.isReady = true
        parked[session.number] = nil
        ready.append(line)
    }

    mutating func next() -> RetainedLine? {
        guard let line = ready.popFirst() else { return nil }
        line.isReady = false
        return line
    }

    mutating func park(_ line: RetainedLine) {
        guard let session = line.session else { return }
        parked[session.number] = line
    }

    mutating func end(_ line: RetainedLine) {
        if let session = line.session { parked[session.number] = nil }
        for round in line.rounds { readers[round] = nil }
        line.session = nil
    }

    mutating func beginTick(_ tick: UInt64) {
        guard self.tick != tick else { return }
        self.tick = tick
        effort = RetainedLines.effortMax
    }

    mutating func spend(_ effort: Int) { self.effort -= effort }

    // MARK: Reading

    mutating func makeRound() -> UInt64 {
        lastRound += 1
        return lastRound
    }

    mutating func read(_ round: UInt64, for line: RetainedLine, _ filter: Text) {
        readers[round] = (line, filter)
    }

    mutating func endRead(_ round: UInt64) -> (line: RetainedLine, filter: Text)? {
        readers.removeValue(forKey: round)
    }

    func isReading(_ round: UInt64) -> Bool { readers[round] != nil }

    /// About a millisecond's worth.
    private static let effortMax = 16_384
}

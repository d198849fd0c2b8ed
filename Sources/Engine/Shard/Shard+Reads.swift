// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import Packets
package import Persistence

/// Asking the store, which may be away for a while.
///
/// A question that was not answered is asked again, unchanged, as long as somebody waits for the answer; one
/// failure holds all questions of the shard back for a moment, so that a dead store is not asked in a loop, and is
/// mentioned once in a while.
extension Shard {
    func ask(_ request: ReadRequest) {
        if unanswered.isEmpty { orders.append(.read(request)) } else { unanswered.append(request) }
    }

    /// A reader thread has answered.
    package func readFinished(_ reply: ReadReply, now: Milliseconds) {
        begin(now)
        let session = reply.request.session
        switch (reply.request.kind, reply.result) {
        case (.window(_, _, _, let round), .success(.deliveries(let page))):
            takeWindow(page, of: session, round: round)
        case (.receptions, .success(.receptions(let packetIDs, let sent))):
            guard let session = sessions[session] else { return }
            takeReceptions(packetIDs, sent: sent, of: session)
        case (.retained(_, _, let round), .success(.retained(let records, let topics))):
            takeRetained(records, of: topics, round: round)
        case (.sweep, .success(.deliveries(let page))): takeSweep(page, of: session)
        case (.count, .success(.count(let count, let bytes))): takeCount(count, bytes: bytes, of: session)
        case (_, .failure(let error)): readFailed(reply.request, error)
        case (_, .success): preconditionFailure("an answer to another question")
        }
    }

    private func readFailed(_ request: ReadRequest, _ error: StoreError) {
        if now >= unreadableReportedAt + Shard.unreadableMilliseconds {
            unreadableReportedAt = now
            orders.append(
                .report(.unreadable(sessions[request.session]?.record.clientID ?? "", error.message)))
        }
        if case .receptions = request.kind, error.code == .corrupt {
            guard isAwaited(request), let slot = sessions[request.session]?.slot,
                let connection = connections[Int(slot)]
            else { return }
            return drop(connection, .serverUnavailable, "the store could not be read")
        }
        if unanswered.isEmpty {
            askAgainAt = now + Shard.readRetryMilliseconds
            orders.append(.wakeSelf(afterMilliseconds: Int(Shard.readRetryMilliseconds)))
        }
        unanswered.append(request)
    }

    /// At the end of a tick: what was not answered is asked again when it is time.
    func askAgain() {
        guard !unanswered.isEmpty, now >= askAgainAt else { return }
        for request in unanswered where isAwaited(request) { orders.append(.read(request)) }
        unanswered.removeAll(keepingCapacity: true)
    }

    /// Whether the answer would still be of use.
    private func isAwaited(_ request: ReadRequest) -> Bool {
        let session = sessions[request.session]
        return switch request.kind {
        case .window(_, _, _, let round): session?.slot != nil && session?.catchup.round == round
        case .receptions: session?.slot != nil && session?.knowsReceptions == false
        case .retained(_, _, let round):
            takenBack[round] != nil || retainedLines.isReading(round)
        case .sweep, .count: true
        }
    }

    private static let readRetryMilliseconds: Milliseconds = 100
    private static let unreadableMilliseconds: Milliseconds = 10_000
}

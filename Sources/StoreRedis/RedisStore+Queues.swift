// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

package import Persistence

extension RedisStore: QueueListingStore {
    /// Sessions asked for in one script.
    private static let sessionsPerScript = 500

    /// See `QueueListingStore`: a sorted set knows its length, so every queue is counted.
    package func forEachQueue(_ visit: (QueueSummary) -> Void) throws(StoreError) {
        for list in [Script.ended, .sessions] {
            var last: SessionNumber? = 0
            while let start = last {
                let sessions = try read(list, [.bytes(start.key), .number(Self.sessionsPerScript)]) { reply in
                    reply[1].elements.compactMap { SessionNumber(key: $0.bytes) }
                }
                try queues(of: sessions, visit)
                last = sessions.count < Self.sessionsPerScript ? nil : sessions.last
            }
        }
    }

    private func queues(
        of sessions: [SessionNumber], _ visit: (QueueSummary) -> Void
    ) throws(StoreError) {
        try read(.queues, sessions.map { .number($0) }) { reply in
            for index in stride(from: 1, to: reply.count - 2, by: 3) {
                guard let session = reply[index].number,
                    let first = MessageNumber(key: reply[index + 1].bytes)
                else { continue }
                let count = UInt64(max(0, reply[index + 2].integer))
                visit(QueueSummary(session: session, first: first, countMax: count, isCounted: true))
            }
        }
    }

    /// See `QueueListingStore`; costs the same however many there are.
    package func deliveryCount(
        of session: SessionNumber, upTo countMax: Int
    ) throws(StoreError) -> Int {
        min(try deliveryCount(of: session), countMax)
    }
}

// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import Packets
import Persistence

extension StoreConformance {
    static let sessionChecks: [Check] = [
        Check("An ended session is on the list, and no page shows its rows but those of one session") {
            trial in
            try fill(trial, sessions: 1...3)
            try trial.commit(.sessionEnd(2))
            try trial.expect(trial.store.client("client-2") == nil, "its identifier leads somewhere")
            try trial.expect(trial.store.clients(after: 0, limit: 9).map(\.session), [1, 3], "the clients")
            try trial.expect(trial.store.endedSessions(after: 0, limit: 9), [2], "the ended sessions")
            let subscriptions = try trial.store.subscriptions(after: 0, filter: "", limit: 99)
            try trial.expect(Set(subscriptions.map(\.session)), [1, 3], "the sessions with subscriptions")
            try trial.expect(trial.store.subscriptions(of: 2).count, 3, "its own subscriptions")
            try trial.expect(queue(trial, 2).count, 3, "its own queue")
            try trial.expect(trial.store.receptions(of: 2), [1, 2], "its own receptions")
        },
        Check("Rows of ended sessions are counted until the session is swept, clients are not") { trial in
            try fill(trial, sessions: 1...2)
            let before = try trial.store.sysInfo()
            try trial.commit(.sessionEnd(1))
            var expected = before
            expected.batch += 1
            expected.clientCount -= 1
            try trial.expect(trial.store.sysInfo(), expected, "the counters")
        },
        Check("A sweep takes whatever the session still has, and shared bodies with their last delivery") {
            trial in
            try fill(trial, sessions: 1...3)
            try trial.commit(.sessionEnd(1), .sessionSwept(1))
            try trial.expect(trial.store.endedSessions(after: 0, limit: 9), [], "the ended sessions")
            try trial.expect(trial.store.subscriptions(of: 1), [], "its subscriptions")
            try trial.expect(queue(trial, 1), [], "its queue")
            try trial.expect(trial.store.receptions(of: 1), [], "its receptions")
            try trial.expect(trial.store.sysInfo().messageCount, 4, "the bodies")
            try trial.commit(.sessionEnd(2), .sessionEnd(3), .sessionSwept(3), .sessionSwept(2))
            let info = try trial.store.sysInfo()
            try trial.expect(
                [
                    info.messageCount, info.deliveryCount, info.subscriptionCount, info.receptionCount,
                    info.clientCount,
                ],
                [0, 0, 0, 0, 0], "the counts of what belongs to sessions")
        },
        Check("A sweep takes thousands of rows in one batch") { trial in
            try trial.commit(.client(Sample.client(1)), .client(Sample.client(2)))
            try trial.commit((1...3_000).map { Sample.shared($0, $0 % 3 == 0 ? 1...2 : 1...1) })
            try trial.commit(.sessionEnd(1))
            try trial.commit(.sessionSwept(1))
            try trial.expect(trial.store.sysInfo().messageCount, 1_000, "the bodies")
            try trial.expect(trial.store.deliveryCount(of: 2), 1_000, "the other queue")
        },
        Check("A session is swept in slices: removals first, then the rest") { trial in
            try fill(trial, sessions: 1...2)
            try trial.commit(.sessionEnd(1))
            let numbers = try queue(trial, 1).map(\.number)
            try trial.commit(numbers.map { .removal(1, $0) })
            try trial.commit(.unsubscription(1, "filter-1"), .release(1, 1))
            try trial.restart()
            try trial.commit(.sessionSwept(1))
        },
        Check("Rows that reach an ended session are swept with it") { trial in
            try trial.commit(.client(Sample.client(1)), .client(Sample.client(2)))
            try trial.commit(.sessionEnd(1))
            try trial.commit(Sample.shared(1, 1...2), Sample.shared(2, 1...1), .reception(1, 4))
            try trial.commit(.sessionSwept(1))
            try trial.expect(trial.store.sysInfo().deliveryCount, 1, "the deliveries")
        },
        Check("The end of a session that is not stored, or not any more, changes nothing") { trial in
            try trial.commit(.client(Sample.client(1)), .client(Sample.client(2)))
            try trial.commit(.sessionEnd(9), .sessionSwept(9), .sessionSwept(1))
            try trial.commit(.sessionEnd(2), .sessionEnd(2))
            try trial.commit(.sessionSwept(2), .sessionSwept(2), .sessionEnd(2))
            try trial.expect(trial.store.endedSessions(after: 0, limit: 9), [], "the ended sessions")
            try trial.expect(trial.store.clients(after: 0, limit: 9).map(\.session), [1], "the clients")
        },
        Check("A client that ended comes back with a new number and none of its old rows") { trial in
            try fill(trial, sessions: 1...2)
            try trial.commit(.sessionEnd(1), .client(Sample.client(3, "client-1")))
            try trial.expect(trial.store.client("client-1")?.session, 3, "the session it leads to")
            try trial.expect(queue(trial, 3), [], "the new queue")
            try trial.commit(.sessionSwept(1), .delivery(Sample.delivery(3, 100)))
            try trial.expect(trial.store.client("client-1")?.session, 3, "the session after the sweep")
            try trial.commit(.sessionEnd(3))
            try trial.commit(.client(Sample.client(4, "client-1")))
        },
        Check("Ended sessions come in pages of any limit") { trial in
            let sessions: [SessionNumber] = [256, 1, 300, 2, 255]
            try trial.commit(sessions.map { .client(Sample.client($0)) })
            try trial.commit(sessions.map { .sessionEnd($0) })
            for limit in 1...6 {
                trial.pageLimit = limit
                try trial.compare()
            }
            try trial.expect(trial.store.endedSessions(after: 255, limit: 1), [256], "the page after 255")
        },
        Check("Ten thousand sessions with subscriptions and queues are kept") { trial in
            trial.pageLimit = 777
            for start in stride(from: SessionNumber(1), to: 10_001, by: 1_000) {
                try trial.commit(
                    (start..<start + 1_000).flatMap { session -> [Operation] in
                        [
                            .client(Sample.client(session)),
                            .subscription(Sample.subscription(session, Text("filter/\(session)"))),
                            .delivery(Sample.delivery(session, session)),
                        ]
                    })
            }
            try trial.commit((1...5_000).map { .sessionEnd($0 * 2) })
            try trial.commit((1...250).map { .sessionSwept($0 * 40) })
            try trial.expect(trial.store.sysInfo().clientCount, 5_000, "the clients")
        },
    ]

    /// Sessions with three subscriptions, a private and two shared messages, and two receptions each.
    private static func fill(_ trial: Trial, sessions: ClosedRange<SessionNumber>) throws {
        for session in sessions {
            try trial.commit([.client(Sample.client(session))])
            try trial.commit(
                (1...3).map { .subscription(Sample.subscription(session, Text("filter-\($0)"))) })
            try trial.commit(.delivery(Sample.delivery(session, session)))
            try trial.commit(.reception(session, 1), .reception(session, 2))
        }
        try trial.commit(Sample.shared(50, sessions), Sample.shared(51, sessions))
        try trial.commit(.boot(1, 1))
    }
}

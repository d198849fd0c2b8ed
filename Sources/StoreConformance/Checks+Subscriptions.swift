// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import Packets
import Persistence

extension StoreConformance {
    static let subscriptionChecks: [Check] = [
        Check("A subscription is kept with every option and replaced by the next of its filter") { trial in
            var record = SubscriptionRecord(
                session: 1, filter: "$share/g/+/ü/#",
                options: SubscriptionOptions(
                    qos: .exactlyOnce, noLocal: true, retainAsPublished: true, retainHandling: .doNotSend),
                identifier: 268_435_455, retainedSent: 10, retainedEnd: 20)
            try trial.commit(.client(Sample.client(1)), .subscription(record))
            try trial.expect(trial.store.subscriptions(of: 1), [record], "the subscription")
            record.options = SubscriptionOptions(qos: .atMostOnce)
            record.retainedSent = 20
            try trial.commit(.subscription(record))
            try trial.expect(trial.store.subscriptions(of: 1), [record], "the subscription set again")
            try trial.expect(trial.store.sysInfo().subscriptionCount, 1, "the count")
        },
        Check("An unsubscription removes one subscription, and nothing when there is none") { trial in
            try trial.commit(.client(Sample.client(1)), .client(Sample.client(2)))
            try trial.commit(
                .subscription(Sample.subscription(1, "a")), .subscription(Sample.subscription(1, "b")),
                .subscription(Sample.subscription(2, "a")))
            try trial.commit(.unsubscription(1, "a"), .unsubscription(1, "c"), .unsubscription(9, "a"))
            try trial.expect(trial.store.subscriptions(of: 1).map(\.filter), ["b"], "session 1")
            try trial.expect(trial.store.subscriptions(of: 2).map(\.filter), ["a"], "session 2")
            try trial.commit(.unsubscription(1, "b"), .unsubscription(1, "b"))
            try trial.expect(trial.store.sysInfo().subscriptionCount, 1, "the count")
        },
        Check("Subscriptions come in pages of any limit, in order of session and filter") { trial in
            let filters: [Text] = ["a", "a/b", "a/", "+", "#", "b", "ä", "\u{ff}", "/", "Z"]
            for session in [SessionNumber(2), 1, 300] {
                try trial.commit([.client(Sample.client(session))])
                try trial.commit(filters.map { .subscription(Sample.subscription(session, $0)) })
            }
            for limit in [1, 2, 3, 7, 29, 30, 31] {
                trial.pageLimit = limit
                try trial.compare()
            }
        },
        Check("Filters that agree in their first 512 bytes are different subscriptions, each in one page") {
            trial in
            let filters =
                (0..<30).map { longText(700, ending: "\($0)") } + [longText(480, ending: ""), "a", "z"]
            try trial.commit([.client(Sample.client(1))])
            try trial.commit(filters.map { .subscription(Sample.subscription(1, $0)) })
            for limit in [4, 100] {
                trial.pageLimit = limit
                try trial.compare()
            }
            try trial.commit(.unsubscription(1, filters[3]), .unsubscription(1, longText(700, ending: "x")))
        },
    ]

    static let receptionChecks: [Check] = [
        Check("A reception is remembered once and forgotten with its release") { trial in
            try trial.commit(.client(Sample.client(1)), .client(Sample.client(2)))
            try trial.commit(.reception(1, 65_535), .reception(1, 1), .reception(1, 1), .reception(2, 1))
            try trial.expect(trial.store.receptions(of: 1), [1, 65_535], "session 1")
            try trial.expect(trial.store.sysInfo().receptionCount, 3, "the count")
            try trial.commit(.release(1, 1), .release(1, 1), .release(1, 2), .release(7, 1))
            try trial.expect(trial.store.receptions(of: 1), [65_535], "session 1 after its release")
            try trial.expect(trial.store.receptions(of: 2), [1], "session 2")
            try trial.expect(trial.store.sysInfo().receptionCount, 2, "the count after the release")
        },
        Check("A packet identifier can be received again after its release, in one batch too") { trial in
            try trial.commit(.client(Sample.client(1)), .reception(1, 5))
            try trial.commit(.release(1, 5), .reception(1, 5), .release(1, 6))
            try trial.expect(trial.store.receptions(of: 1), [5], "the receptions")
        },
        Check("All 65,535 packet identifiers of one session can be open") { trial in
            try trial.commit([.client(Sample.client(1))])
            try trial.commit((1...UInt16.max).map { .reception(1, $0) })
            try trial.expect(trial.store.receptions(of: 1).count, 65_535, "the receptions")
        },
    ]
}

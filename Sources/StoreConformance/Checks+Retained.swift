// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import Packets
import Persistence

extension StoreConformance {
    static let retainedChecks: [Check] = [
        Check("The retained message with the greater number wins, set or cleared") { trial in
            try trial.commit(.retained(Sample.retained("a", 10)))
            try trial.commit(.retained(Sample.retained("a", 9)), .retainedRemoval("a", 8))
            try trial.expect(trial.store.retainedMessage("a")?.number, 10, "after smaller numbers")
            try trial.commit(.retained(Sample.retained("a", 11)))
            try trial.expect(
                trial.store.retainedMessage("a"), Sample.retained("a", 11), "after a greater one")
            try trial.commit(.retainedRemoval("a", 12))
            try trial.expect(trial.store.retainedMessage("a") == nil, "it is not cleared")
            try trial.expect(trial.store.sysInfo().retainedCount, 0, "the count")
        },
        Check("A retained message of the same number is replaced and cleared") { trial in
            var record = Sample.retained("a", 10)
            try trial.commit(.retained(record))
            record.message.payload = [1]
            try trial.commit(.retained(record))
            try trial.expect(trial.store.retainedMessage("a"), record, "the record set again")
            try trial.commit(.retainedRemoval("a", 10), .retainedRemoval("b", 10))
            try trial.expect(trial.store.retainedMessage("a") == nil, "it is not cleared")
        },
        Check("Retained messages come in pages of any limit, in order of topic") { trial in
            let topics: [Text] = ["b", "a", "a/b", "/", "ü", "u\u{308}", "z", "a/", "A", "\u{10ffff}"]
            let records = topics.enumerated().map {
                Sample.retained($0.element, MessageNumber($0.offset + 1))
            }
            try trial.commit(records.map { .retained($0) })
            for limit in 1...11 {
                trial.pageLimit = limit
                try trial.compare()
            }
            try trial.expect(
                trial.store.retainedMessages(after: "a", limit: 2).map(\.message.topic), ["a/", "a/b"],
                "after a")
        },
        Check("Topics that agree in their first 512 bytes have a retained message each") { trial in
            let topics = (0..<20).map { longText(600, ending: "\($0)") }
            for (index, topic) in topics.enumerated() {
                try trial.commit(.retained(Sample.retained(topic, MessageNumber(index + 1))))
            }
            for limit in [3, 100] {
                trial.pageLimit = limit
                try trial.compare()
            }
            try trial.commit(.retainedRemoval(topics[4], 100))
            try trial.expect(trial.store.retainedMessage(topics[5])?.number, 6, "the next one")
        },
        Check("A retained message does not go with the delivery of its number") { trial in
            try trial.commit(.client(Sample.client(1)))
            try trial.commit(.delivery(Sample.delivery(1, 1)), .retained(Sample.retained("a", 1)))
            try trial.commit(.removal(1, 1))
            try trial.expect(
                trial.store.retainedMessage("a"), Sample.retained("a", 1), "the retained message")
        },
    ]
}

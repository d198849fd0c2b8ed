// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import Packets
import Persistence

extension StoreConformance {
    static let deliveryChecks: [Check] = [
        Check("A delivery is kept with every field of it and of its message") { trial in
            let message = MessageRecord(
                topic: "a/ü", payload: Array(0...255), properties: [1, 2, 3], publisher: "zoë",
                qos: .exactlyOnce, publishedAt: 1_700_000_000_000, expiresAt: 1_700_000_060_000)
            let delivery = DeliveryRecord(
                session: 1, number: 1, qos: .exactlyOnce, retain: true, state: .sent, packetID: 65_535,
                identifiers: [1, 268_435_455], share: "$share/g/a/#", message: message)
            try trial.commit(.client(Sample.client(1)), .delivery(delivery))
            try trial.expect(queue(trial, 1), [delivery], "the queue")
        },
        Check("Absolute times of expiry are kept as they are, also before 1970") { trial in
            for (index, time) in [Milliseconds.min, -1, 0, 1, .max].enumerated() {
                var delivery = Sample.delivery(1, MessageNumber(index + 1))
                delivery.message.publishedAt = time
                delivery.message.expiresAt = time
                try trial.commit(
                    .delivery(delivery),
                    .retained(
                        RetainedRecord(
                            number: delivery.number, message: delivery.message)))
            }
            try trial.commit(.client(Sample.client(1)))
            try trial.expect(
                queue(trial, 1).map(\.message.expiresAt), [.min, -1, 0, 1, .max], "the times of expiry")
        },
        Check("A queue is in order of message number, whatever the order of sessions") { trial in
            try trial.commit((1...3).map { .client(Sample.client($0)) })
            for number in 1...MessageNumber(60) {
                try trial.commit(.delivery(Sample.delivery(number % 3 + 1, number)))
            }
            try trial.expect(
                queue(trial, 1).map(\.number), Array(stride(from: 3, through: 60, by: 3)), "session 1")
        },
        Check("One message body serves all its deliveries and goes with the last one") { trial in
            try trial.commit((1...3).map { .client(Sample.client($0)) })
            try trial.commit(Sample.shared(1, 1...3), Sample.shared(2, 2...3), Sample.shared(3, 3...3))
            try trial.expect(trial.store.sysInfo().messageCount, 3, "the bodies")
            try trial.expect(trial.store.sysInfo().deliveryCount, 6, "the deliveries")
            try trial.commit(.removal(1, 1), .removal(3, 1), .removal(3, 3))
            try trial.expect(trial.store.sysInfo().messageCount, 2, "the bodies after three removals")
            try trial.expect(
                queue(trial, 2).map(\.message), [Sample.message("message 1"), Sample.message("message 2")],
                "session 2")
            try trial.commit(.removal(2, 1))
            try trial.expect(trial.store.sysInfo().messageCount, 1, "the bodies after four removals")
            try trial.commit(.removal(2, 2), .removal(3, 2))
            try trial.expect(trial.store.sysInfo().messageCount, 0, "the bodies after the last removal")
        },
        Check("A batch takes one message to thousands of sessions, and another one takes it from them") {
            trial in
            let deliveries = (1...SessionNumber(3_000)).map { session in
                var delivery = Sample.delivery(session, 1)
                delivery.qos = session % 3 == 0 ? .exactlyOnce : .atLeastOnce
                delivery.identifiers = [UInt32(session % 20 + 1)]
                return delivery
            }
            try trial.commit(.publish(deliveries))
            for delivery in deliveries where delivery.session % 100 == 7 {
                try trial.expect(
                    queue(trial, delivery.session), [delivery], "the queue of session \(delivery.session)")
            }
            try trial.expect(trial.store.sysInfo().deliveryCount, 3_000, "the deliveries")
            try trial.commit(deliveries.map { .removal($0.session, 1) })
            try trial.expect(trial.store.sysInfo().deliveryCount, 0, "the deliveries after the removals")
            try trial.expect(trial.store.sysInfo().messageCount, 0, "the bodies after the removals")
        },
        Check("A removal takes one delivery, and nothing when there is none") { trial in
            try trial.commit(.client(Sample.client(1)), .client(Sample.client(2)))
            try trial.commit(Sample.shared(1, 1...2), Sample.shared(2, 1...1))
            try trial.commit(.removal(2, 2), .removal(3, 1), .removal(1, 9), .removal(1, 1), .removal(1, 1))
            try trial.expect(queue(trial, 1).map(\.number), [2], "session 1")
            try trial.expect(queue(trial, 2).map(\.number), [1], "session 2")
            try trial.expect(trial.store.sysInfo().messageCount, 2, "the bodies")
        },
        Check("A message can be stored and removed in one batch") { trial in
            try trial.commit(.client(Sample.client(1)), .client(Sample.client(2)))
            try trial.commit(Sample.shared(1, 1...2), .removal(1, 1), .removal(2, 1), Sample.shared(2, 1...1))
            try trial.expect(queue(trial, 1).map(\.number), [2], "session 1")
            try trial.expect(queue(trial, 2), [], "session 2")
        },
        Check("State and packet identifier of a delivery change, and only those") { trial in
            var delivery = Sample.delivery(1, 1)
            delivery.qos = .exactlyOnce
            delivery.identifiers = [7]
            try trial.commit(
                .client(Sample.client(1)), .client(Sample.client(2)), .delivery(delivery),
                Sample.shared(2, 1...2))
            for (packetID, state) in [(UInt16(5), DeliveryState.sent), (5, .released), (0, .queued)] {
                try trial.commit(.deliveryState(1, 1, packetID: packetID, state))
                delivery.packetID = packetID
                delivery.state = state
                try trial.expect(queue(trial, 1).first, delivery, "the delivery")
            }
        },
        Check("The state of a delivery that is not there changes nothing") { trial in
            try trial.commit(.client(Sample.client(1)), .delivery(Sample.delivery(1, 1)))
            try trial.commit(
                .deliveryState(1, 2, packetID: 1, .sent), .deliveryState(2, 1, packetID: 1, .sent))
            try trial.expect(queue(trial, 1), [Sample.delivery(1, 1)], "session 1")
            try trial.expect(queue(trial, 2), [], "session 2")
        },
        Check("Deliveries may begin as sent or released") { trial in
            let states = DeliveryState.allCases
            let deliveries = states.enumerated().map { index, state in
                var delivery = Sample.delivery(1, MessageNumber(index + 1))
                delivery.state = state
                delivery.packetID = UInt16(index * 1_000)
                return delivery
            }
            try trial.commit(deliveries.map { .delivery($0) })
            try trial.commit(.client(Sample.client(1)))
            try trial.expect(queue(trial, 1), deliveries, "the queue")
        },
    ]

    static func queue(_ trial: Trial, _ session: SessionNumber) throws -> [DeliveryRecord] {
        try trial.store.allDeliveries(of: session, limit: 1_000, bytesMax: .max)
    }
}

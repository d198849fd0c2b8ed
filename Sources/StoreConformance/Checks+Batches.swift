// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import Packets
import Persistence

extension StoreConformance {
    static let batchChecks: [Check] = [
        Check("A batch whose number is not above the last one changes nothing and succeeds") { trial in
            try trial.commit(.client(Sample.client(1)), Sample.shared(1, 1...1))
            try trial.commit(.reception(1, 1))
            for number in [UInt64(0), 1, 2] {
                var batch = trial.batch([.sessionEnd(1), .removal(1, 1), .boot(9, 9)])
                batch.number = number
                batch.time = 99
                try trial.store.commit(batch)
                try trial.compare()
            }
        },
        Check("A batch that is repeated under its number is applied once, also after a restart") { trial in
            let operations: [Operation] = [
                .client(Sample.client(1)), Sample.shared(1, 1...1), .reception(1, 1),
            ]
            let batch = trial.batch(operations)
            try trial.store.commit(batch)
            trial.apply(operations)
            try trial.store.commit(batch)
            try trial.restart()
            try trial.store.commit(batch)
            try trial.compare()
        },
        Check("Batch numbers may leave gaps") { trial in
            var batch = trial.batch([])
            batch.number = 1_000
            try trial.store.commit(batch)
            try trial.expect(trial.store.sysInfo().batch, 1_000, "the batch number")
            batch.number = 999
            batch.time = 5
            try trial.store.commit(batch)
            try trial.expect(trial.store.sysInfo().time, 0, "the time of a batch that came too late")
            try trial.adopt()
        },
        Check("The greatest numbers and the latest time are kept, and never go back") { trial in
            var batch = trial.batch([])
            (batch.session, batch.message, batch.time) = (70, 80, 90)
            try trial.store.commit(batch)
            batch.number = 2
            (batch.session, batch.message, batch.time) = (7, 8, 9)
            try trial.store.commit(batch)
            let info = try trial.store.sysInfo()
            try trial.expect(info.session, 70, "the session number")
            try trial.expect(info.message, 80, "the message number")
            try trial.expect(info.time, 90, "the time")
            try trial.adopt()
        },
        Check("Numbers beyond 32 bits are kept in order") { trial in
            let numbers: [UInt64] = [1, 1 << 31, 1 << 32, 1 << 53, (1 << 53) + 1, 1 << 62]
            try trial.commit(numbers.map { .client(Sample.client($0)) })
            try trial.commit(numbers.map { Sample.shared($0, numbers) })
            trial.pageLimit = 2
            try trial.compare()
        },
        Check("Changes of one batch are applied in their order") { trial in
            try trial.commit(
                .client(Sample.client(1)), .subscription(Sample.subscription(1, "a")),
                .unsubscription(1, "a"),
                .reception(1, 1), .release(1, 1), Sample.shared(1, 1...1),
                .deliveryState(1, 1, packetID: 3, .sent),
                .retained(Sample.retained("t", 1)), .retainedRemoval("t", 2), .sessionEnd(1),
                .sessionSwept(1),
                .client(Sample.client(2, "client-1")), .subscription(Sample.subscription(2, "a")))
            try trial.expect(trial.store.client("client-1")?.session, 2, "the session")
        },
        Check("An empty batch only moves the counters") { trial in
            try trial.commit([], time: 5)
            try trial.expect(trial.store.sysInfo().batch, 1, "the batch number")
        },
        Check("A batch that makes room is applied like any other") { trial in
            try trial.commit([.client(Sample.client(1)), Sample.shared(1, 1...1)], makesRoom: true)
            try trial.commit([.removal(1, 1)], makesRoom: true)
        },
        Check("A batch with a record that is refused leaves nothing (where the engine refuses any)") {
            trial in
            guard let bytes = trial.fixture.recordBytesMax else { return }
            try trial.commit(.client(Sample.client(1)), Sample.shared(1, 1...1))
            var large = Sample.retained("large", 3)
            large.message.payload = [UInt8](repeating: 1, count: bytes)
            let batch = trial.batch([
                .client(Sample.client(2)), .removal(1, 1), Sample.shared(2, 1...2), .retained(large),
            ])
            do throws(StoreError) {
                try trial.store.commit(batch)
                throw StoreError(.retry, "nothing was refused")
            } catch {
                try trial.expect(error.code.description, StoreError.Code.refused.description, "\(error)")
            }
            try trial.compare()
            try trial.commit(.removal(1, 1), Sample.shared(2, 1...1))
            try trial.restart()
        },
    ]

    static let sizeChecks: [Check] = [
        Check("Payloads of 0 bytes, 64 KiB and 1 MiB are kept byte by byte, alone and shared") { trial in
            try trial.commit((1...3).map { .client(Sample.client($0)) })
            for (index, count) in [0, 1, 1_000, 4_096, 65_536, 1 << 20].enumerated() {
                var message = Sample.message(topic: Text("size/\(count)"))
                message.payload = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 8) }
                let number = MessageNumber(2 * index + 1)
                let deliveries = (1...3).map { DeliveryRecord(session: $0, number: number, message: message) }
                let single = DeliveryRecord(session: 1, number: number + 1, message: message)
                try trial.commit(
                    .publish(deliveries), .delivery(single),
                    .retained(RetainedRecord(number: number, message: message)))
            }
            try trial.compare()
            try trial.commit((1...12).map { .removal(1, $0) })
        },
        Check("Wills, properties and names of 64 KiB are kept") { trial in
            var client = Sample.client(1)
            client.will = WillRecord(
                topic: longText(65_535, ending: "t"), payload: [UInt8](repeating: 3, count: 65_536),
                properties: [UInt8](repeating: 4, count: 65_536))
            client.username = longText(65_535, ending: "u")
            var delivery = Sample.delivery(1, 1)
            delivery.message.properties = [UInt8](repeating: 5, count: 65_536)
            delivery.message.publisher = longText(65_535, ending: "p")
            delivery.share = longText(65_535, ending: "s")
            delivery.identifiers = Array(0..<10_000)
            try trial.commit(.client(client), .delivery(delivery))
            try trial.expect(queue(trial, 1), [delivery], "the queue")
        },
        Check("One message reaches a thousand sessions with one body") { trial in
            try trial.commit((1...1_000).map { .client(Sample.client($0)) })
            try trial.commit((1...3).map { Sample.shared($0, 1...1_000) })
            try trial.expect(trial.store.sysInfo().messageCount, 3, "the bodies")
            try trial.commit((1...999).map { .removal($0, 1) })
            try trial.expect(trial.store.sysInfo().messageCount, 3, "the bodies while one delivery is left")
            try trial.commit(.removal(1_000, 1))
            try trial.expect(trial.store.sysInfo().messageCount, 2, "the bodies")
        },
    ]
}

extension Trial {
    /// Takes the counters of the store for granted, when a check has set them without the model.
    func adopt() throws {
        let info = try store.sysInfo()
        model.sysInfo.batch = info.batch
        model.sysInfo.session = info.session
        model.sysInfo.message = info.message
        model.sysInfo.time = info.time
    }
}

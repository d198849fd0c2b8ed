// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import Packets
import Persistence

extension StoreConformance {
    static let lifeChecks: [Check] = [
        Check("A fresh store is empty and has format version 1") { trial in
            try trial.expect(trial.store.sysInfo(), SysInfoRecord(), "the system information")
            try trial.expect(trial.store.clients(after: 0, limit: 10), [], "the clients")
            try trial.expect(trial.store.client("a") == nil, "a fresh store knows a client")
            try trial.expect(trial.store.retainedMessage("a") == nil, "a fresh store has a retained message")
            try trial.expect(trial.store.boots(), [], "the boots")
            let page = try trial.store.deliveries(of: 1, after: 0, limit: 10, bytesMax: 100)
            try trial.expect(page, DeliveryPage(deliveries: [], isLast: true), "the queue of no session")
        },
        Check("A store says what it is called and where it is") { trial in
            try trial.expect(!trial.store.name.isEmpty, "the name is empty")
            try trial.expect(!trial.store.location.isEmpty, "the location is empty")
        },
        Check("A store can be opened and closed again and again") { trial in
            for number in 1...UInt64(5) {
                try trial.commit(.client(Sample.client(number)))
                try trial.restart()
            }
        },
        Check("Boots are kept in order of their numbers") { trial in
            try trial.commit(.boot(1, 1_000))
            try trial.restart()
            try trial.commit([.boot(2, -5)], time: 2_000)
            try trial.commit([.boot(3, 3_000)], time: 1_500)
            let expected = [
                BootRecord(number: 1, startedAt: 1_000), BootRecord(number: 2, startedAt: -5),
                BootRecord(number: 3, startedAt: 3_000),
            ]
            try trial.expect(trial.store.boots(), expected, "the boots")
            try trial.expect(trial.store.sysInfo().time, 2_000, "the latest time")
        },
        Check("A boot that is removed is gone, and its number may be used again") { trial in
            try trial.commit([.boot(1, 1_000), .boot(2, 2_000), .boot(3, 3_000)])
            try trial.commit([.bootRemoval(1), .bootRemoval(3), .bootRemoval(4), .boot(3, 5_000)])
            let expected = [
                BootRecord(number: 2, startedAt: 2_000), BootRecord(number: 3, startedAt: 5_000),
            ]
            try trial.expect(trial.store.boots(), expected, "the boots")
            try trial.commit([.boot(4, 4_000), .bootRemoval(4), .bootRemoval(3)])
            try trial.restart()
            try trial.expect(trial.store.boots(), [expected[0]], "the boots after another removal")
        },
    ]
}

// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import Packets
import Persistence

extension StoreConformance {
    static let pageChecks: [Check] = [
        Check("A queue comes in pages of any limit, and only the one with its end is the last") { trial in
            let all = try fill(trial, count: 23)
            for limit in 1...24 {
                try pages(trial, all, limit: limit, bytesMax: .max)
            }
        },
        Check("A page holds no more bytes than it may, but at least one delivery") { trial in
            let all = try fill(trial, count: 12)
            for bytesMax in [0, 1, 14, 15, 16, 29, 30, 31, 100, 180, 1_000] {
                try pages(trial, all, limit: 100, bytesMax: bytesMax)
            }
        },
        Check("A page begins after any number, stored or not") { trial in
            try trial.commit(.client(Sample.client(1)), .client(Sample.client(2)))
            for number in stride(from: MessageNumber(10), through: 50, by: 10) {
                try trial.commit(.delivery(Sample.delivery(1, number)))
            }
            for (after, first) in [(0, 10), (9, 10), (10, 20), (11, 20), (49, 50)]
                as [(MessageNumber, MessageNumber)]
            {
                let page = try trial.store.deliveries(of: 1, after: after, limit: 1, bytesMax: 1_000)
                try trial.expect(page.deliveries.map(\.number), [first], "the page after \(after)")
            }
            let beyond = try trial.store.deliveries(of: 1, after: 50, limit: 1, bytesMax: 1_000)
            try trial.expect(beyond, DeliveryPage(deliveries: [], isLast: true), "the page after the end")
        },
        Check("Pages go on where they stopped when the front is removed and the end grows") { trial in
            let all = try fill(trial, count: 10)
            let page = try trial.store.deliveries(of: 1, after: 0, limit: 4, bytesMax: .max)
            try trial.commit(all[..<3].map { .removal(1, $0.number) })
            try trial.commit(.delivery(Sample.delivery(1, 1_000)))
            let rest = try trial.store.deliveries(
                of: 1, after: page.deliveries[3].number, limit: 10, bytesMax: .max)
            try trial.expect(
                rest.deliveries.map(\.number), all[4...].map(\.number) + [1_000], "the second page")
            try trial.expect(rest.isLast, "the second page is not the last")
        },
        Check("The queue of one session does not run into the next one's") { trial in
            try trial.commit([1, 255, 256, 257].map { .client(Sample.client($0)) })
            try trial.commit(Sample.shared(1, [255, 256]), Sample.shared(2, [256, 257]))
            let page = try trial.store.deliveries(of: 255, after: 1, limit: 5, bytesMax: .max)
            try trial.expect(page, DeliveryPage(deliveries: [], isLast: true), "the page after the end")
            try trial.expect(queue(trial, 256).map(\.number), [1, 2], "session 256")
        },
        Check("A long queue is counted and read in order") { trial in
            var operations: [Operation] = [.client(Sample.client(1))]
            for number in 1...MessageNumber(5_000) {
                operations.append(.delivery(Sample.delivery(1, number)))
                if operations.count == 500 {
                    try trial.commit(operations)
                    operations = []
                }
            }
            try trial.commit(operations)
            try trial.expect(trial.store.deliveryCount(of: 1), 5_000, "the count")
            try trial.commit((1...2_500).map { .removal(1, $0 * 2) })
            try trial.expect(
                queue(trial, 1).map(\.number), Array(stride(from: 1, to: 5_000, by: 2)), "the odd half")
        },
    ]

    /// A queue of session 1, with gaps between its numbers and the deliveries of others.
    private static func fill(_ trial: Trial, count: Int) throws -> [DeliveryRecord] {
        let all = (1...count).map { Sample.delivery(1, MessageNumber(100 + 3 * $0)) }
        try trial.commit(.client(Sample.client(1)), .client(Sample.client(2)))
        for delivery in all {
            try trial.commit(.delivery(delivery), .delivery(Sample.delivery(2, delivery.number + 1)))
        }
        return all
    }

    private static func pages(
        _ trial: Trial, _ all: [DeliveryRecord], limit: Int, bytesMax: Int
    ) throws {
        var read: [DeliveryRecord] = []
        var isLast = false
        while !isLast {
            let page = try trial.store.deliveries(
                of: 1, after: read.last?.number ?? 0, limit: limit, bytesMax: bytesMax)
            try trial.expect(
                page.deliveries.count, fitting(all.dropFirst(read.count), limit, bytesMax), "a page")
            read += page.deliveries
            isLast = page.isLast
            try trial.expect(isLast, read.count == all.count, "isLast after \(read.count)")
        }
        try trial.expect(read, all, "all pages of \(limit) deliveries and \(bytesMax) bytes")
    }

    /// How many deliveries a page should have.
    private static func fitting(_ rest: ArraySlice<DeliveryRecord>, _ limit: Int, _ bytesMax: Int) -> Int {
        var bytes = 0
        var count = 0
        for delivery in rest.prefix(limit) {
            bytes += delivery.message.payload.count + delivery.message.topic.bytes.count
            if count > 0 && bytes > bytesMax { break }
            count += 1
        }
        return count
    }
}

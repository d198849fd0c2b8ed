// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import Packets
import Persistence

@testable import StoreRedis

/// One of each change and one of each page.
enum Everything {
    static func commit(to store: RedisStore) throws {
        var batch = ChangeBatch(1)
        for session in 1...SessionNumber(3) { batch.add(client: session) }
        batch.add(message: 1, to: [1])
        batch.add(message: 2, to: [1, 2, 3])
        batch.add(message: 3, to: [2], bytes: 10_000)
        for session in 1...SessionNumber(2) {
            batch.add(
                SubscriptionRecord(
                    session: session, filter: "a/#", options: SubscriptionOptions(qos: .atLeastOnce)))
            batch.append(.reception(session: session, packetID: 5))
        }
        batch.append(.deliveryState(session: 1, number: 1, packetID: 9, state: .sent))
        batch.add(RetainedRecord(number: 4, message: MessageRecord(topic: "topic", payload: [1])))
        batch.append(.boot(number: 1, startedAt: 77))
        try store.commit(batch)

        var second = ChangeBatch(2)
        second.append(.removal(session: 3, number: 2))
        second.append(.release(session: 1, packetID: 5))
        second.append(.sessionEnd(session: 2))
        second.append(.bootRemoval(number: 2))
        try store.commit(second)
    }

    static func read(from store: RedisStore) throws {
        _ = try store.clients(after: 0, limit: 10)
        _ = try store.client("client-1")
        _ = try store.endedSessions(after: 0, limit: 10)
        _ = try store.subscriptions(after: 0, filter: "", limit: 10)
        _ = try store.subscriptions(of: 1)
        _ = try store.queue(1)
        _ = try store.receptions(of: 2)
        _ = try store.packetIDs(of: 1)
        _ = try store.deliveryCount(of: 1)
        _ = try store.retainedMessages(after: "", limit: 10)
        _ = try store.retainedMessage("topic")
        _ = try store.sysInfo()
        _ = try store.boots()
    }
}

// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import Packets
import Persistence
import Synchronization
import Testing

@testable import StoreRedis

/// Each fault that is made by hand is found, and what cannot be read is left out and counted.
@Suite(.serialized)
struct VerifyTests {
    private static let shared = Result { try RedisServer(["--save", ""]) }

    private static func arguments(_ command: String) -> [[UInt8]] {
        command.split(separator: " ").map { word in
            word.first == "#" ? (UInt64(word.dropFirst()) ?? 0).key : Array(word.utf8)
        }
    }

    /// Commands that break one thing each; `#n` stands for a number in eight bytes.
    @Test(arguments: [
        ["HDEL {roost}:client #1"], ["HSET {roost}:client #1 junk"], ["ZREM {roost}:clients #1"],
        ["HDEL {roost}:identifiers client-1"], ["HSET {roost}:identifiers client-9 #1"],
        ["ZADD {roost}:ended 0 #1"], ["ZREM {roost}:ended #2"], ["ZADD {roost}:ended 0 #5000"],
        ["DEL {roost}:subscription"], ["DEL {roost}:subscriptions"], ["DEL {roost}:queue:1"],
        ["ZADD {roost}:queue:1 0 junk"], ["HSET {roost}:states:1 #8 abc"], ["HSET {roost}:states:1 #1 a"],
        ["DEL {roost}:received:2"], ["SADD {roost}:received:7 1"], ["SADD {roost}:received:1 x"],
        ["DEL {roost}:message"], ["DEL {roost}:references"], ["HSET {roost}:references #2 9"],
        ["HSET {roost}:message #2 junk"], ["HSET {roost}:message #7 junk"], ["DEL {roost}:retained"],
        ["DEL {roost}:topics"], ["ZADD {roost}:topics 1 topic"], ["HSET {roost}:retained topic junk"],
        ["HSET {roost}:info deliveries 99"], ["SET {roost}:stranger 1"], ["SET {roost}:queue:x 1"],
    ])
    func `Whatever does not fit together is found`(commands: [String]) throws {
        let server = try VerifyTests.shared.get()
        let connection = try server.connection()
        _ = try connection.send(["FLUSHALL"])
        let store = RedisStore(server.options())
        try store.open()
        defer { store.close() }
        try Everything.commit(to: store)
        #expect(try store.verify() == [])
        for command in commands { _ = try connection.send(Self.arguments(command)) }
        #expect(try store.verify() != [])
    }

    @Test func `A record that cannot be read is left out, reported and counted`() throws {
        let server = try VerifyTests.shared.get()
        let reports = Mutex<[String]>([])
        let store = RedisStore(
            server.options { options in
                options.prefix = "corrupt"
                options.onCorruptRecord = { report in reports.withLock { $0.append(report) } }
            })
        try store.open()
        defer { store.close() }
        try Everything.commit(to: store)
        for command in [
            "HSET {corrupt}:client #1 junk", "HSET {corrupt}:message #2 junk",
            "HSET {corrupt}:retained topic junk",
        ] { _ = try server.connection().send(Self.arguments(command)) }
        #expect(try store.clients(after: 0, limit: 1).map(\.session) == [3])
        #expect(try store.queue(1) == [1])
        #expect(try store.retainedMessage("topic") == nil)
        #expect(store.corruptRecordCount == 3)
        #expect(reports.withLock { $0.count } == 3)
    }
}

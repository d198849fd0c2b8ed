// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import Packets
import Persistence
import Testing

@testable import StoreRedis

/// Reading without owning, and what tools ask for.
struct ReadingTests {
    private let server: RedisServer
    private let owner: RedisStore
    private let reader: RedisStore

    init() throws {
        server = try RedisServer()
        owner = RedisStore(server.options())
        reader = RedisStore(server.options())
    }

    @Test func `A store that is opened for reading sees what its owner commits, and does not disturb it`()
        throws
    {
        try owner.open()
        defer { owner.close() }
        try Everything.commit(to: owner)
        try reader.openForReading()
        #expect(try reader.sysInfo() == owner.sysInfo())
        #expect(reader.durability == .disk)
        #expect(try reader.recordedDurability() == .disk)
        var batch = ChangeBatch(3)
        batch.add(message: 9, to: [1])
        try owner.commit(batch)
        #expect(try reader.queue(1) == owner.queue(1))
        try Everything.read(from: reader)
        #expect(try reader.verify() == [])
        #expect(reader.failure(of: ChangeBatch(4))?.code == .unavailable)
        reader.close()
        #expect(failure { _ = try reader.sysInfo() }?.code == .unavailable)
        var next = ChangeBatch(4)
        next.add(message: 10, to: [1])
        try owner.commit(next)
        #expect(try owner.queue(1).last == 10)
    }

    @Test func `What nobody owns is read too, and its owner may come back`() throws {
        try owner.open()
        try Everything.commit(to: owner)
        owner.close()
        let before = try server.send("HGETALL", "{roost}:info")
        try reader.openForReading()
        try Everything.read(from: reader)
        reader.close()
        #expect(try server.send("HGETALL", "{roost}:info") == before)
        #expect(try server.send("EXISTS", "{roost}:lease") == "")
        try owner.open()
        #expect(try owner.verify() == [])
        owner.close()
    }

    @Test func `Nothing is made where there is nothing, and that is said`() throws {
        let error = failure { try reader.openForReading() }
        #expect(error?.code == .unavailable)
        #expect(error?.message.contains("nothing under the prefix roost") == true)
        #expect(try server.connection().send(["DBSIZE"]).read { $0.integer } == 0)
    }

    @Test func `A newer format and another program's key are refused`() throws {
        try server.send("HSET", "{roost}:info", "format", "2")
        #expect(failure { try reader.openForReading() }?.code == .newerFormat)
        try server.send("SET", "{roost}:info", "text")
        #expect(failure { try reader.openForReading() }?.code == .unavailable)
    }

    @Test func `A replica, and a server that throws data away, can be read`() throws {
        try owner.open()
        try Everything.commit(to: owner)
        owner.close()
        try server.send("CONFIG", "SET", "maxmemory", "100mb")
        try server.send("CONFIG", "SET", "maxmemory-policy", "allkeys-lru")
        try server.send("REPLICAOF", "127.0.0.1", "1")
        #expect(owner.openingFailure()?.code == .unavailable)
        try reader.openForReading()
        try Everything.read(from: reader)
        #expect(try reader.sizes().total > 0)
        reader.close()
    }

    @Test func `A verification begins anew when a batch was applied meanwhile`() throws {
        try owner.open()
        defer { owner.close() }
        var first = ChangeBatch(1)
        for session in 1...SessionNumber(200) { first.add(client: session) }
        for number in 1...MessageNumber(200) { first.add(message: number, to: [number]) }
        try owner.commit(first)
        try reader.openForReading()
        defer { reader.close() }
        let inspection = Inspection(reader, try reader.sysInfo())
        var second = ChangeBatch(2)
        second.add(message: 1_000, to: [1])
        try owner.commit(second)
        #expect(failure { _ = try inspection.allFaults() }?.code == .retry)
        #expect(inspection.isOutdated)
        #expect(try reader.verify() == [])
    }

    @Test func `All queues are listed and counted`() throws {
        try owner.open()
        defer { owner.close() }
        var batch = ChangeBatch(1)
        for session in 1...SessionNumber(1_200) { batch.add(client: session) }
        for number in 1...MessageNumber(3_000) { batch.add(message: number, to: [1 + number % 1_100]) }
        batch.append(.sessionEnd(session: 7))
        try owner.commit(batch)
        var queues: [SessionNumber: QueueSummary] = [:]
        try owner.forEachQueue { queue in
            #expect(queues.updateValue(queue, forKey: queue.session) == nil)
        }
        #expect(queues.count == 1_100)
        #expect(queues.values.reduce(0) { $0 + $1.countMax } == 3_000)
        #expect(queues.values.map(\.first).min() == 1)
        #expect(queues[7]?.countMax == 3 && queues[7]?.first == 6)
        #expect(try owner.deliveryCount(of: 7, upTo: 2) == 2)
    }

    @Test func `What the records take is near what the server says`() throws {
        let empty = try memory()
        try owner.open()
        defer { owner.close() }
        for start in stride(from: MessageNumber(1), to: 20_000, by: 1_000) {
            var batch = ChangeBatch(start / 1_000 + 1)
            if start == 1 { for session in 1...SessionNumber(900) { batch.add(client: session) } }
            for number in start..<start + 1_000 {
                // One session has as many as all others together.
                batch.add(message: number, to: [number % 2 == 0 ? 1 : 1 + number % 900])
            }
            try owner.commit(batch)
        }
        let sizes = try owner.sizes()
        let used = try memory() - empty
        #expect(sizes.medium == .memory && sizes.estimate != nil)
        #expect(abs(sizes.total - used) < used / 3, "\(sizes.total) of \(used)")
    }

    private func memory() throws -> Int {
        let text = try server.connection().send(["INFO", "memory"]).read { $0.text }
        let line = text.split(whereSeparator: \.isNewline).first { $0.hasPrefix("used_memory:") }
        return Int(line?.dropFirst("used_memory:".count) ?? "") ?? 0
    }

    @Test func `A sample keeps the longest and some of the others`() {
        var sample = QueueSample(longestMax: 3, othersMax: 4)
        for number in 1...UInt64(40) {
            sample.add(QueueSummary(session: number, first: 1, countMax: number, isCounted: true))
        }
        #expect(sample.longest.map(\.countMax) == [40, 39, 38])
        #expect(sample.otherCount == (1...37).reduce(0, +))
        #expect((1...4).contains(sample.others.count))
    }
}

/// The error that `body` throws.
private func failure(_ body: () throws -> Void) -> StoreError? {
    do {
        try body()
        return nil
    } catch {
        return error as? StoreError
    }
}

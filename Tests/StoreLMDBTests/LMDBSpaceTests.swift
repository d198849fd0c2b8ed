// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import CLMDB
import Glibc
import Packets
import Persistence
import Synchronization
import Testing

@testable import StoreLMDB

/// How the map grows, and what happens when it or the disk is full.
@Suite(.serialized) struct LMDBSpaceTests {
    /// Commits messages for session 1 until there is no room; the last number that was committed.
    private func fillUp(_ lab: Lab, _ store: LMDBStore, words: String) throws -> MessageNumber {
        var number: MessageNumber = 0
        while number < 100_000 {
            let error = failure {
                try lab.commit(store) { batch in
                    for offset in 1...MessageNumber(10) {
                        batch.add(number: number + offset, to: [1], payload: 800)
                    }
                }
            }
            guard let error else {
                number += 10
                continue
            }
            #expect(error.code == .retry)
            #expect(error.message.contains(words))
            return number
        }
        return number
    }

    @Test func `The map grows while readers read, and nobody notices`() throws {
        let lab = try Lab()
        lab.durability = .memory
        lab.options.mapBytes = 1 << 16
        lab.options.growthWaitMilliseconds = 30_000
        try lab.with { store in
            try lab.commit(store) { $0.add(ClientRecord(session: 1, clientID: "one")) }
            let first = try mapBytes(store)
            let readers = ReadingThreads(count: 3) {
                let page = try store.deliveries(of: 1, after: 0, limit: 1_000, bytesMax: .max)
                let numbers = page.deliveries.map(\.number)
                return numbers == Array(1...MessageNumber(max(1, numbers.count))) || numbers.isEmpty
            }
            for round in 0..<MessageNumber(60) {
                try lab.commit(store) { batch in
                    for offset in 1...MessageNumber(10) {
                        batch.add(number: round * 10 + offset, to: [1], payload: 5_000)
                    }
                }
            }
            #expect(readers.stop() == [])
            #expect(try mapBytes(store) >= 16 * first)
            #expect(try store.deliveryCount(of: 1) == 600)
            try expectSound(store)
        }
    }

    @Test func `A long look at everything begins anew when the map has to grow`() throws {
        let lab = try Lab()
        lab.durability = .memory
        lab.options.mapBytes = 1 << 20
        lab.options.growthWaitMilliseconds = 30_000
        try lab.with { store in
            try lab.commit(store) { $0.add(ClientRecord(session: 1, clientID: "one")) }
            let verifier = ReadingThreads(count: 1) { try store.verify().isEmpty }
            for number in 1...MessageNumber(3_000) {
                try lab.commit(store) { $0.add(number: number, to: [1], payload: 3_000) }
            }
            #expect(verifier.stop() == [])
            try expectSound(store)
        }
    }

    @Test func `While a reader does not leave, the map cannot grow, and the batch waits`() throws {
        let lab = try Lab()
        lab.durability = .memory
        lab.options.mapBytes = 1 << 18
        lab.options.growthWaitMilliseconds = 20
        try lab.with { store in
            try lab.commit(store) { $0.add(ClientRecord(session: 1, clientID: "one")) }
            let info = try store.sysInfo()
            var batch = ChangeBatch()
            batch.number = info.batch + 1
            batch.add(number: 1, to: [1], payload: 1 << 20)
            var error: StoreError?
            try store.gate.read { (_) throws(StoreError) in
                do throws(StoreError) {
                    try store.commit(batch)
                } catch let caught {
                    error = caught
                }
            }
            #expect(error?.code == .retry)
            #expect(try store.sysInfo() == info)
            try store.commit(batch)
            try expectSound(store)
        }
    }

    @Test func `At the limit of the map nothing is lost, removals go on, and they make room`() throws {
        let lab = try Lab()
        lab.durability = .memory
        lab.options.mapBytesMax = 6 << 20
        lab.options.storeReserveBytes = 1 << 20
        try lab.with { store in
            try lab.commit(store) { $0.add(ClientRecord(session: 1, clientID: "one")) }
            let last = try fillUp(lab, store, words: "limit")
            #expect(last > 2_000)
            #expect(try store.deliveryCount(of: 1) == Int(last))
            for session in 2...SessionNumber(100) {
                try lab.commit(store, makesRoom: true) { batch in
                    batch.add(ClientRecord(session: session, clientID: Text("client-\(session)")))
                    batch.append(.deliveryState(session: 1, number: session, packetID: 1, state: .sent))
                }
            }
            try lab.drain(store, through: last - 500)
            #expect(try store.deliveryCount(of: 1) == 500)
            try lab.commit(store) { batch in
                for offset in 1...MessageNumber(500) {
                    batch.add(number: last + offset, to: [1], payload: 800)
                }
            }
            #expect(try store.deliveryCount(of: 1) == 1_000)
            try expectSound(store)
        }
        #expect(lab.bytes().count <= 6 << 20)
        try lab.with { store in try expectSound(store) }
    }

    @Test(.enabled("a disk can be mounted, which needs root") { SmallDisk.canMount })
    func `On a full disk nothing is lost, removals go on, and they make room`() throws {
        let disk = try SmallDisk(megabytes: 8)
        let lab = try Lab(directory: disk.directory)
        lab.options.storeReserveBytes = 1 << 20
        try lab.with { store in
            try lab.commit(store) { $0.add(ClientRecord(session: 1, clientID: "one")) }
            let last = try fillUp(lab, store, words: "disk")
            #expect(last > 2_000)
            disk.fill()
            try lab.drain(store, through: last - 500)
            #expect(try store.deliveryCount(of: 1) == 500)
            try lab.commit(store) { batch in
                for offset in 1...MessageNumber(500) {
                    batch.add(number: last + offset, to: [1], payload: 800)
                }
            }
            #expect(try store.deliveryCount(of: 1) == 1_000)
            try expectSound(store)
        }
        disk.free()
        try lab.with { store in
            try expectSound(store)
            #expect(try store.deliveryCount(of: 1) == 1_000)
        }
    }

    @Test(.enabled("a disk can be mounted, which needs root") { SmallDisk.canMount })
    func `A full disk has room to record another durability`() throws {
        let disk = try SmallDisk(megabytes: 8)
        let lab = try Lab(directory: disk.directory)
        lab.options.storeReserveBytes = 1 << 20
        try lab.with { store in
            try lab.commit(store) { $0.add(ClientRecord(session: 1, clientID: "one")) }
            _ = try fillUp(lab, store, words: "disk")
        }
        try lab.tamper { transaction, _ in try transaction.delete(Tables.unnamed, Tables.durabilityKey) }
        for durability in [Durability.process, .disk] {
            disk.fill()
            let store = lab.store(durability)
            try store.open()
            defer { store.close() }
            try lab.commit(store, makesRoom: true) { _ in }
            #expect(try store.recordedDurability() == durability)
            try expectSound(store)
        }
    }

    @Test(.enabled("a disk can be mounted, which needs root") { SmallDisk.canMount })
    func `A full disk has room for growth again once somebody makes it`() throws {
        let disk = try SmallDisk(megabytes: 8)
        let lab = try Lab(directory: disk.directory)
        try lab.with { store in
            try lab.commit(store) { $0.add(ClientRecord(session: 1, clientID: "one")) }
            disk.fill()
            let last = try fillUp(lab, store, words: "disk")
            let info = try store.sysInfo()
            for _ in 1...5 {
                let error = failure {
                    try lab.commit(store) { $0.add(number: last + 1, to: [1], payload: 100_000) }
                }
                #expect(error?.code == .retry)
            }
            #expect(try store.sysInfo() == info)
            disk.free()
            try lab.commit(store) { $0.add(number: last + 1, to: [1], payload: 100_000) }
            #expect(try store.deliveryCount(of: 1) == Int(last) + 1)
        }
    }

    @Test func `Pages that removals have freed are used again`() throws {
        let lab = try Lab()
        lab.durability = .memory
        try lab.with { store in
            try lab.commit(store) { $0.add(ClientRecord(session: 1, clientID: "one")) }
            for round in 0..<MessageNumber(100) {
                try lab.commit(store) { batch in
                    for offset in 1...MessageNumber(50) {
                        batch.add(
                            number: round * 50 + offset, to: [1], payload: offset % 2 == 0 ? 500 : 9_000)
                    }
                }
                try lab.drain(store, through: (round + 1) * 50)
            }
            try expectSound(store)
            let end = try store.gate.read { (environment) throws(StoreError) in environment.end }
            #expect(end < 8 << 20)
        }
    }

    private func mapBytes(_ store: LMDBStore) throws -> Int {
        try store.gate.read { (environment) throws(StoreError) in environment.info.me_mapsize }
    }
}

/// Threads that look at something over and over until they are stopped.
final class ReadingThreads: Sendable {
    private let look: @Sendable () throws -> Bool
    private let isStopped = Atomic<Bool>(false)
    private let faults = Mutex<Set<String>>([])
    private let threads = Mutex<[pthread_t]>([])

    init(count: Int, _ look: @escaping @Sendable () throws -> Bool) {
        self.look = look
        for _ in 0..<count {
            var thread = pthread_t()
            let context = Unmanaged.passRetained(self).toOpaque()
            let status = pthread_create(
                &thread, nil,
                { context in
                    if let context { Unmanaged<ReadingThreads>.fromOpaque(context).takeRetainedValue().run() }
                    return nil
                }, context)
            precondition(status == 0, "a thread can be started")
            threads.withLock { [thread] threads in threads.append(thread) }
        }
    }

    /// Waits for all threads; what they found wrong.
    func stop() -> Set<String> {
        isStopped.store(true, ordering: .releasing)
        for thread in threads.withLock({ $0 }) { pthread_join(thread, nil) }
        return faults.withLock { $0 }
    }

    private func run() {
        while !isStopped.load(ordering: .acquiring) {
            do {
                if try !look() { faults.withLock { _ = $0.insert("a look was not right") } }
            } catch {
                faults.withLock { _ = $0.insert("\(error)") }
            }
        }
    }
}

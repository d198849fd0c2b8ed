// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import Packets
import Persistence
import Testing

@testable import StoreSQLite

@Suite(.serialized) struct SQLiteDiskFullTests {
    /// Commits messages for session 1 until the disk is full; the last number that was committed.
    private func fillUp(_ lab: Lab, _ store: SQLiteStore) throws -> MessageNumber {
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
            #expect(error.message.contains("full"))
            return number
        }
        return number
    }

    @Test(.enabled("a disk can be mounted, which needs root") { SmallDisk.canMount })
    func `On a full disk nothing is lost, removals go on, and they make room`() throws {
        let disk = try SmallDisk(megabytes: 8)
        let lab = try Lab(directory: disk.directory)
        lab.options.storeReserveBytes = 1 << 20
        lab.options.logWaitMilliseconds = 30_000
        lab.options.logBytesMax = 1 << 20
        try lab.with { store in
            try lab.commit(store) { $0.add(ClientRecord(session: 1, clientID: "one")) }
            let last = try fillUp(lab, store)
            #expect(last > 2_000)
            disk.fill()
            #expect(try store.deliveryCount(of: 1) == Int(last))
            try drain(lab, store, through: last - 500)
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
    func `On a full disk sessions are still recorded, ended and swept`() throws {
        let disk = try SmallDisk(megabytes: 8)
        let lab = try Lab(directory: disk.directory)
        lab.options.storeReserveBytes = 1 << 20
        lab.options.logWaitMilliseconds = 30_000
        lab.options.logBytesMax = 1 << 20
        try lab.with { store in
            try lab.commit(store) { $0.add(ClientRecord(session: 1, clientID: "one")) }
            let last = try fillUp(lab, store)
            disk.fill()
            for session in 2...SessionNumber(300) {
                try lab.commit(store, makesRoom: true) { batch in
                    batch.add(ClientRecord(session: session, clientID: Text("client-\(session)")))
                    batch.append(.deliveryState(session: 1, number: session, packetID: 1, state: .sent))
                }
            }
            try lab.commit(store, makesRoom: true) { $0.append(.sessionEnd(session: 1)) }
            try drain(lab, store, through: last)
            try lab.commit(store, makesRoom: true) { $0.append(.sessionSwept(session: 1)) }
            #expect(try store.sysInfo().clientCount == 299)
            #expect(try store.sysInfo().messageCount == 0)
            try expectSound(store)
        }
    }

    @Test(.enabled("a disk can be mounted, which needs root") { SmallDisk.canMount })
    func `A full disk has room for growth again once somebody makes it`() throws {
        let disk = try SmallDisk(megabytes: 8)
        let lab = try Lab(directory: disk.directory)
        lab.options.logWaitMilliseconds = 30_000
        try lab.with { store in
            try lab.commit(store) { $0.add(ClientRecord(session: 1, clientID: "one")) }
            disk.fill()
            let last = try fillUp(lab, store)
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

    /// A small disk, and a database on it that has taken all there was but its reserve.
    private func filledUp() throws -> (SmallDisk, Lab) {
        let disk = try SmallDisk(megabytes: 8)
        let lab = try Lab(directory: disk.directory)
        lab.options.storeReserveBytes = 1 << 20
        lab.options.logWaitMilliseconds = 30_000
        try lab.with { store in
            try lab.commit(store) { $0.add(ClientRecord(session: 1, clientID: "one")) }
            _ = try fillUp(lab, store)
        }
        return (disk, lab)
    }

    @Test(.enabled("a disk can be mounted, which needs root") { SmallDisk.canMount })
    func
        `A database is opened on a full disk with the room that was kept for it, and without that it is not`()
        throws
    {
        let (disk, lab) = try filledUp()
        disk.fill()
        try lab.with { store in
            try drain(lab, store, through: 500)
            try expectSound(store)
        }
        disk.fill()
        let error = failure { try lab.store().open() }
        #expect(error?.code == .unavailable && error?.message.contains("is full") == true)
        disk.free()
        try lab.with { store in try expectSound(store) }
    }

    @Test(.enabled("a disk can be mounted, which needs root") { SmallDisk.canMount })
    func `A full disk has room to record another durability, also in a database without a place for it`()
        throws
    {
        let (disk, lab) = try filledUp()
        try lab.tamper("ALTER TABLE info DROP COLUMN durability")
        for durability in [Durability.process, .disk] {
            let store = lab.store(durability)
            try store.open()
            defer { store.close() }
            disk.fill()
            try lab.commit(store, makesRoom: true) { _ in }
            #expect(try store.recordedDurability() == durability)
            try expectSound(store)
            disk.free()
        }
    }

    private func drain(_ lab: Lab, _ store: SQLiteStore, through last: MessageNumber) throws {
        for start in stride(from: MessageNumber(1), through: last, by: 100) {
            try lab.commit(store, makesRoom: true) { batch in
                for number in start...min(last, start + 99) {
                    batch.append(.removal(session: 1, number: number))
                }
            }
        }
    }
}

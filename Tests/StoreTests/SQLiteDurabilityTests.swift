// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import CSQLite
import Glibc
import Packets
import Persistence
import Testing

@testable import StoreSQLite

/// What is there after a crash, and what happens when the disk is full.
struct SQLiteDurabilityTests {
    @Test func `The files of an open database, copied after any commit, hold all that was committed`() throws
    {
        let lab = try Lab()
        lab.options.logBytesMax = 1 << 17
        try lab.with { store in
            for round in 1...UInt64(30) {
                try lab.commit(store) { batch in
                    for number in (round - 1) * 20 + 1...round * 20 {
                        batch.add(number: number, to: [1, 2], payload: 300)
                    }
                    if round == 1 { batch.add(ClientRecord(session: 1, clientID: "one")) }
                    if round == 2 { batch.add(ClientRecord(session: 2, clientID: "two")) }
                }
                let copy = try Lab()
                try lab.copy("", to: copy)
                try lab.copy("-wal", to: copy)
                try copy.with { store in
                    let count = Int(round) * 20
                    #expect(try store.sysInfo().batch == round)
                    #expect(try store.deliveryCount(of: 1) == count)
                    if round > 1 { try expectSound(store) }
                }
            }
        }
    }

    @Test func `A log whose end is missing loses whole batches only`() throws {
        let lab = try Lab()
        try lab.with { store in
            for round in 1...UInt64(10) {
                try lab.commit(store) { batch in
                    batch.add(ClientRecord(session: round, clientID: Text("\(round)")))
                    for number in (round - 1) * 20 + 1...round * 20 { batch.add(number: number, to: [round]) }
                }
            }
            for pages in stride(from: 1, to: 60, by: 4) {
                let copy = try Lab()
                try lab.copy("", to: copy)
                try lab.copy("-wal", to: copy)
                #expect(truncate(copy.path + "-wal", off_t(pages * 4_120 + 777)) == 0)
                try copy.with { store in
                    try expectSound(store)
                    let info = try store.sysInfo()
                    #expect(info.deliveryCount == info.batch * 20)
                }
            }
        }
    }

    @Test func `What was queued first settles, and nothing is left over`() throws {
        let lab = try Lab()
        lab.options.recentCountMax = 100
        lab.options.insertionsPerSlice = 10
        try lab.with { store in
            try lab.commit(store) { batch in
                for session in 1...SessionNumber(7) {
                    batch.add(ClientRecord(session: session, clientID: Text("\(session)")))
                }
            }
            for round in 0..<UInt64(100) {
                try lab.commit(store) { batch in
                    for number in round * 20 + 1...round * 20 + 20 {
                        batch.add(number: number, to: [number % 7 + 1])
                    }
                }
            }
            try expectSound(store)
            for session in 1...SessionNumber(7) {
                let page = try store.deliveries(of: session, after: 0, limit: 2_000, bytesMax: .max)
                #expect(page.deliveries.map(\.number) == (1...2_000).filter { $0 % 7 + 1 == session })
            }
        }
        let connection = try Connection(lab.path, flags: SQLITE_OPEN_READWRITE)
        #expect(try connection.integer("SELECT count(*) FROM recent") <= 130)
        #expect(try connection.integer("SELECT count(*) FROM message") <= 400)
        #expect(try connection.integer("SELECT count(*) FROM settled") >= 1_870)
    }

    @Test func `A record beyond the limit is refused, and the next batch goes through`() throws {
        let lab = try Lab()
        lab.options.recordBytesMax = 100_000
        try lab.with { store in
            let error = failure { try lab.commit(store) { $0.add(number: 1, to: [1], payload: 200_000) } }
            #expect(error?.code == .refused)
            try lab.commit(store) { $0.add(number: 1, to: [1], payload: 1_000) }
            #expect(try store.sysInfo().deliveryCount == 1)
        }
    }

    @Test func `A batch that contradicts what is stored is refused and leaves nothing`() throws {
        let lab = try Lab()
        try lab.fill()
        try lab.with { store in
            let error = failure {
                try lab.commit(store) { batch in
                    batch.append(.removal(session: 1, number: 1))
                    batch.add(ClientRecord(session: 9, clientID: "client-1"))
                }
            }
            #expect(error?.code == .refused)
            #expect(try store.deliveryCount(of: 1) == 2)
            try expectSound(store)
        }
    }
}

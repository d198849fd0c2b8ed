// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import Packets
import Persistence
import Synchronization
import Testing

@testable import StoreSQLite

/// What a database says about the durability that was asked of it.
struct SQLiteRecordedDurabilityTests {
    private let lab: Lab

    init() throws {
        lab = try Lab()
    }

    /// What a tool reads.
    private func recorded(_ lab: Lab) throws -> Durability? {
        let reader = lab.store()
        try reader.openForReading()
        defer { reader.close() }
        #expect(try reader.verify() == [])
        return try reader.recordedDurability()
    }

    /// Opens the database and commits `batches` batches.
    private func reopen(_ durability: Durability, batches: Int = 1) throws {
        let store = lab.store(durability)
        try store.open()
        defer { store.close() }
        for _ in 0..<batches { try lab.commit(store) { _ in } }
    }

    /// A filled database as the first builds of format 1 made them.
    private func fillAsBefore() throws {
        try lab.fill()
        try lab.tamper("ALTER TABLE info DROP COLUMN durability")
    }

    private func pageCount() throws -> Int {
        try lab.bytes()[28..<32].reduce(0) { $0 << 8 | Int($1) }
    }

    @Test(arguments: Durability.allCases)
    func `a new database says what was asked for`(durability: Durability) throws {
        try reopen(durability, batches: 0)
        #expect(try recorded(lab) == durability)
        try reopen(durability)
        #expect(try recorded(lab) == durability)
    }

    @Test func `what whoever wrote last asked for is said`() throws {
        try lab.fill()
        for durability in [Durability.process, .memory, .process, .disk] {
            try reopen(durability)
            #expect(try recorded(lab) == durability)
        }
    }

    @Test func `a database that is opened and not written to is the same afterwards`() throws {
        try lab.fill()
        let before = try lab.bytes()
        for durability in Durability.allCases {
            try reopen(durability, batches: 0)
            #expect(try lab.bytes() == before)
        }
        #expect(try recorded(lab) == .disk)
    }

    @Test func `what is recorded is not written again`() throws {
        try lab.fill()
        for (durability, expected) in [(Durability.disk, nil), (.process, Durability.process)] {
            let store = lab.store(durability)
            try store.open()
            defer { store.close() }
            #expect(store.database.withLock { $0?.writer.unrecorded } == expected)
            try lab.commit(store) { _ in }
            #expect(store.database.withLock { $0?.writer.unrecorded } == nil)
        }
    }

    @Test func `a reader beside the owner sees it with the first batch, and so does a copy after a crash`()
        throws
    {
        try lab.fill()
        let owner = lab.store(.process)
        try owner.open()
        defer { owner.close() }
        for expected in [Durability.disk, .process, .process] {
            #expect(try recorded(lab) == expected)
            let copy = try Lab()
            for ending in ["", "-wal"] { try lab.copy(ending, to: copy) }
            #expect(try recorded(copy) == expected)
            try lab.commit(owner) { _ in }
        }
    }

    @Test func `a batch that is refused records nothing, and the next one does`() throws {
        try fillAsBefore()
        let store = lab.store(.process)
        try store.open()
        defer { store.close() }
        let contradiction = failure {
            try lab.commit(store) { $0.add(ClientRecord(session: 9, clientID: "client-1")) }
        }
        #expect(contradiction?.code == .refused)
        #expect(try recorded(lab) == nil)
        try lab.commit(store) { _ in }
        #expect(try recorded(lab) == .process)
    }

    @Test func `a database of an earlier build is read without it, and gets it when it is written to`() throws
    {
        try fillAsBefore()
        let (before, pages) = (try lab.bytes(), try pageCount())
        #expect(try recorded(lab) == nil)
        try reopen(.process, batches: 0)
        #expect(try recorded(lab) == nil)
        #expect(try lab.bytes() == before)
        try reopen(.process)
        #expect(try recorded(lab) == .process)
        #expect(try pageCount() == pages, "a full disk has room for it")
        try lab.with { store in
            let clients = try store.clients(after: 0, limit: 9)
            #expect(clients.count == 3)
            try expectSound(store)
        }
    }

    @Test func `a level that there is not is found by verify, passed over, and replaced`() throws {
        try lab.fill()
        try lab.tamper("UPDATE info SET durability = 7")
        let reader = lab.store()
        try reader.openForReading()
        #expect(try reader.recordedDurability() == nil)
        #expect(try reader.verify() == ["The recorded durability, 7, is none."])
        reader.close()
        try reopen(.disk)
        #expect(try recorded(lab) == .disk)
    }
}

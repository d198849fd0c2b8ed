// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import CLMDB
import Packets
import Persistence
import Testing

@testable import StoreLMDB

/// What an environment says about the durability that was asked of it.
struct LMDBRecordedDurabilityTests {
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

    /// Opens the environment, commits `batches` batches, and gives the number of LMDB's last transaction.
    @discardableResult private func reopen(_ durability: Durability, batches: Int = 1) throws -> Int {
        let store = lab.store(durability)
        try store.open()
        defer { store.close() }
        for _ in 0..<batches { try lab.commit(store) { _ in } }
        return try store.gate.read { (environment) throws(StoreError) in environment.info.me_last_txnid }
    }

    /// A filled environment as the first builds of format 1 made them.
    private func fillAsBefore() throws {
        try lab.fill()
        try lab.tamper { transaction, _ in
            let wasThere = try transaction.delete(Tables.unnamed, Tables.durabilityKey)
            #expect(wasThere)
        }
    }

    /// What LMDB leaves out at present.
    private func flags(_ store: LMDBStore) throws -> Int32 {
        try store.gate.read { (environment) throws(StoreError) in
            var flags: UInt32 = 0
            mdb_env_get_flags(environment.pointer, &flags)
            return Int32(flags) & (MDB_NOSYNC | MDB_NOMETASYNC)
        }
    }

    @Test(arguments: Durability.allCases)
    func `a new environment says what was asked for`(durability: Durability) throws {
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

    @Test func `an environment that is opened and not written to is the same afterwards`() throws {
        try lab.fill()
        let (before, last) = (lab.bytes(), try reopen(.disk, batches: 0))
        for durability in Durability.allCases {
            #expect(try reopen(durability, batches: 0) == last)
            #expect(lab.bytes() == before)
        }
        #expect(try recorded(lab) == .disk)
    }

    @Test func `it takes no transaction of its own`() throws {
        try fillAsBefore()
        let last = try reopen(.process, batches: 0)
        #expect(try reopen(.process) == last + 1)
        #expect(try recorded(lab) == .process)
    }

    @Test(arguments: [(Durability.process, MDB_NOMETASYNC), (.memory, MDB_NOSYNC)])
    func `the batch that records it is synced, and after it no more than was asked for`(
        durability: Durability, expected: Int32
    ) throws {
        try lab.fill()
        let store = lab.store(durability)
        try store.open()
        #expect(try flags(store) == 0)
        try lab.commit(store) { _ in }
        #expect(try flags(store) == expected)
        store.close()
        try store.open()
        #expect(try flags(store) == expected, "there is nothing left to record")
        store.close()
        try lab.with { store in
            let flags = try flags(store)
            #expect(flags == 0)
        }
    }

    @Test func `a copy of the file has it with the first batch`() throws {
        try lab.fill()
        let owner = lab.store(.process)
        try owner.open()
        defer { owner.close() }
        for expected in [Durability.disk, .process, .process] {
            let copy = try Lab()
            copy.write(lab.bytes())
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
        #expect(try store.recordedDurability() == nil)
        try lab.commit(store) { _ in }
        #expect(try store.recordedDurability() == .process)
    }

    @Test func `an environment of an earlier build is read without it, and gets it when it is written to`()
        throws
    {
        try fillAsBefore()
        let before = lab.bytes()
        #expect(try recorded(lab) == nil)
        try reopen(.process, batches: 0)
        #expect(try recorded(lab) == nil)
        #expect(lab.bytes() == before)
        try reopen(.process)
        #expect(try recorded(lab) == .process)
        try lab.with { store in
            let clients = try store.clients(after: 0, limit: 9)
            #expect(clients.count == 3)
            try expectSound(store)
        }
    }

    @Test(arguments: [SealedNumber(7).array, [2], SealedNumber(2).array.map { $0 ^ 1 }])
    func `what is no durability is found by verify, passed over with a report, and replaced`(
        value: [UInt8]
    ) throws {
        try lab.fill()
        try lab.tamper { transaction, _ in
            try value.withUnsafeBytes {
                _ = try transaction.put(Tables.unnamed, Tables.durabilityKey, $0)
            }
        }
        let reports = Reports()
        lab.options.onCorruptRecord = { reports.add($0) }
        let reader = lab.store()
        try reader.openForReading()
        #expect(try reader.recordedDurability() == nil)
        let faults = try reader.verify()
        #expect(faults.count == 1 && faults.first?.contains("recorded durability") == true)
        reader.close()
        #expect(reports.all.count == 1 && reports.all.first?.contains("recorded durability") == true)
        try reopen(.disk)
        #expect(try recorded(lab) == .disk)
    }
}

// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import CLMDB
import Glibc
import Packets
import Persistence
import Testing

@testable import StoreLMDB

/// What is there after a crash, after a failed write, and in a copy.
struct LMDBDurabilityTests {
    @Test func `The file of an open environment, copied after any commit, holds all that was committed`()
        throws
    {
        let lab = try Lab()
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
                copy.write(lab.bytes())
                try copy.with { store in
                    #expect(try store.sysInfo().batch == round)
                    #expect(try store.deliveryCount(of: 1) == Int(round) * 20)
                    if round > 1 { try expectSound(store) }
                }
            }
        }
    }

    @Test func `A write that fails for lack of room is known not to be applied, and may be repeated`() throws
    {
        let lab = try Lab()
        try lab.fill()
        try lab.with { store in
            let info = try store.sysInfo()
            let descriptor = try descriptor(store)
            let saved = dup(descriptor)
            try replace(descriptor, by: "/dev/full")
            var batch = ChangeBatch()
            batch.number = info.batch + 1
            batch.makesRoom = true
            batch.append(.removal(session: 1, number: 4))
            #expect(failure { try store.commit(batch) }?.code == .retry)
            #expect(try store.sysInfo() == info)
            dup2(saved, descriptor)
            close(saved)
            try store.commit(batch)
            #expect(try store.deliveryCount(of: 1) == 1)
            try expectSound(store)
        }
    }

    @Test(arguments: ["/dev/null", "/dev/zero"])
    func `After a failed sync only opening again helps, and the batch is repeated under its number`(
        sink: String
    ) throws {
        let lab = try Lab()
        try lab.fill()
        let store = lab.store()
        try store.open()
        let info = try store.sysInfo()
        var batch = ChangeBatch()
        batch.number = info.batch + 1
        batch.makesRoom = true
        batch.append(.removal(session: 1, number: 4))
        // Takes all writes and cannot be synced.
        try replace(try descriptor(store), by: sink)
        for _ in 1...2 { #expect(failure { try store.commit(batch) }?.code == .reopen) }
        store.close()
        try store.open()
        #expect(try store.sysInfo() == info)
        try store.commit(batch)
        try store.commit(batch)
        #expect(try store.deliveryCount(of: 1) == 1)
        try expectSound(store)
        store.close()
    }

    /// The descriptor through which LMDB writes.
    private func descriptor(_ store: LMDBStore) throws -> Int32 {
        try store.gate.read { (environment) throws(StoreError) in environment.descriptor }
    }

    private func replace(_ descriptor: Int32, by path: String) throws {
        let other = open(path, O_RDWR | O_CLOEXEC)
        try #require(other >= 0)
        #expect(dup2(other, descriptor) == descriptor)
        close(other)
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
            let contradictions: [(inout ChangeBatch) -> Void] = [
                { $0.add(ClientRecord(session: 9, clientID: "client-1")) },
                { $0.add(number: 4, to: [1, 2]) },
                { $0.add(number: 2, to: [2]) },
            ]
            for contradiction in contradictions {
                let error = failure {
                    try lab.commit(store) { batch in
                        batch.append(.removal(session: 1, number: 1))
                        contradiction(&batch)
                    }
                }
                #expect(error?.code == .refused)
                #expect(try store.deliveryCount(of: 1) == 2)
            }
            try expectSound(store)
        }
    }

    @Test(arguments: [false, true])
    func `A copy made while batches are committed is a store of its own, equal as of one batch`(
        compacting: Bool
    ) throws {
        let lab = try Lab()
        let copy = try Lab()
        try lab.with { store in
            try lab.fill(store)
            try store.copy(to: copy.path, compacting: compacting)
            #expect(Directory.names(copy.path) == ["data.mdb"])
            let original = try store.allContents()
            #expect(try copy.contents() == original)
            try copy.with { store in
                try copy.commit(store) { $0.add(number: 5, to: [1], payload: 5_000) }
                try expectSound(store)
            }
            #expect(try store.allContents() == original)
        }
    }

    @Test func `A copy may be made on another thread while batches are committed`() throws {
        let lab = try Lab()
        let copy = try Lab()
        lab.options.mapBytes = 1 << 18
        lab.options.growthWaitMilliseconds = 30_000
        try lab.with { store in
            try lab.commit(store) { $0.add(ClientRecord(session: 1, clientID: "one")) }
            let path = copy.path
            let copier = ReadingThreads(count: 1) {
                Directory.remove(path)
                try store.copy(to: path)
                return true
            }
            for number in 1...MessageNumber(300) {
                try lab.commit(store) { $0.add(number: number, to: [1], payload: 700) }
            }
            #expect(copier.stop() == [])
            try copy.with { copied in
                let info = try copied.sysInfo()
                #expect(info.deliveryCount == info.message)
                try expectSound(copied)
            }
        }
    }

    @Test func `A copy is not written over a database, and leaves nothing when it fails`() throws {
        let lab = try Lab()
        let other = try Lab()
        try other.fill()
        let before = other.bytes()
        try lab.with { store in
            try lab.fill(store)
            let error = failure { try store.copy(to: other.path) }
            #expect(error?.code == .unavailable)
            #expect(error?.message.contains(other.file) == true)
            #expect(failure { try store.copy(to: lab.directory + "/missing/copy") }?.code == .unavailable)
            #expect(failure { try store.copy(to: lab.file) }?.code == .unavailable)
        }
        #expect(other.bytes() == before)
    }
}

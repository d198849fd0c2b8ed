// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import CSQLite
import Packets
import Persistence
import Synchronization
import Testing

@testable import StoreSQLite

/// What a damaged database does, and what `verify` says about it.
struct SQLiteDamageTests {
    @Test func `A sound database has no faults`() throws {
        let lab = try Lab()
        try lab.fill()
        try lab.with { store in try expectSound(store) }
    }

    @Test(arguments: [
        ("DELETE FROM client WHERE session = 1", "no client record"),
        ("INSERT INTO ended VALUES (2)", "is on the list of ended ones"),
        ("DELETE FROM message WHERE number = 1", "has no message"),
        ("DELETE FROM message WHERE number = 4", "has no message"),
        ("UPDATE message SET refs = 2 WHERE number = 4", "another number of them"),
        (
            "UPDATE message SET refs = 1 WHERE number = 1; UPDATE message SET refs = 0 WHERE number = 4",
            "should have one"
        ),
        ("DELETE FROM recent WHERE number = 1", "counts 6 deliveries and has 5"),
        ("DELETE FROM reception", "counts 3 receptions and has 0"),
        ("DELETE FROM retained", "counts 1 retained messages and has 0"),
        ("UPDATE retained SET key = x'41'", "under the wrong key"),
        ("UPDATE subscription SET key = x'41' WHERE session = 1", "under the wrong key"),
        ("UPDATE client SET key = x'41' WHERE session = 1", "under the wrong key"),
        ("UPDATE client SET record = zeroblob(40) WHERE session = 1", "checksum"),
        ("UPDATE message SET record = x'00' WHERE number = 4", "too short"),
        ("UPDATE recent SET record = zeroblob(20) WHERE session = 1", "checksum"),
        ("UPDATE recent SET state = 9 WHERE session = 1", "wrong key"),
        ("UPDATE retained SET number = 99", "above the greatest number given out, 4"),
        ("UPDATE message SET number = 99 WHERE number = 1", "above the greatest number given out, 4"),
        ("INSERT INTO ended VALUES (5000)", "above the greatest number given out, 1000"),
        ("INSERT INTO settled SELECT *, NULL FROM recent WHERE session = 1", "is stored twice"),
    ])
    func `verify says what is wrong`(sql: String, sentence: String) throws {
        let lab = try Lab()
        try lab.fill()
        try lab.tamper(sql)
        try lab.with { store in
            let faults = try store.verify()
            #expect(faults.contains { $0.contains(sentence) }, "\(faults)")
        }
    }

    @Test func `A corrupt record is left out of its page, counted and reported`() throws {
        let lab = try Lab()
        try lab.fill()
        try lab.tamper(
            """
            UPDATE client SET record = zeroblob(60) WHERE session = 1;
            UPDATE subscription SET record = x'01' WHERE session = 2;
            UPDATE message SET record = zeroblob(60) WHERE number = 3
            """)
        let reports = Reports()
        lab.options.onCorruptRecord = { reports.add($0) }
        try lab.with { store in
            #expect(try store.clients(after: 0, limit: 2).map(\.session) == [2, 3])
            #expect(try store.subscriptions(after: 0, filter: "", limit: 10).map(\.session) == [1, 3])
            let page = try store.deliveries(of: 3, after: 0, limit: 10, bytesMax: .max)
            #expect(page.deliveries.map(\.number) == [4])
            #expect(page.isLast)
            #expect(store.corruptRecordCount == 3)
            #expect(reports.all.count == 3)
            #expect(reports.all.allSatisfy { $0.contains(lab.path) })
            #expect(reports.all.last?.contains("Delivery 3 of session 3") == true)
        }
    }

    @Test func `A delivery without its message is left out and reported`() throws {
        let lab = try Lab()
        try lab.fill()
        try lab.tamper("DELETE FROM message WHERE number = 4")
        try lab.with { store in
            let page = try store.deliveries(of: 1, after: 0, limit: 10, bytesMax: .max)
            #expect(page.deliveries.map(\.number) == [1])
            #expect(store.corruptRecordCount == 1)
        }
    }

    @Test
    func `A delivery that is stored twice is given once, reported, and its removal counts to zero at most`()
        throws
    {
        let lab = try Lab()
        try lab.fill()
        try lab.tamper("INSERT INTO settled SELECT *, NULL FROM recent")
        try lab.with { store in
            for after in MessageNumber(0)...1 {
                let page = try store.deliveries(of: 1, after: after, limit: 10, bytesMax: .max)
                #expect(page.deliveries.map(\.number) == (after == 0 ? [1, 4] : [4]) && page.isLast)
            }
            let one = try store.deliveries(of: 1, after: 0, limit: 1, bytesMax: .max)
            #expect(one.deliveries.map(\.number) == [1] && !one.isLast)
            #expect(store.corruptRecordCount > 0)
            for _ in 1...2 {
                try lab.commit(store) { batch in
                    for session in 1...SessionNumber(3) {
                        batch.append(.removal(session: session, number: session))
                        batch.append(.removal(session: session, number: 4))
                    }
                }
            }
            let info = try store.sysInfo()
            #expect(info.deliveryCount == 0 && info.messageCount == 0)
            for session in 1...SessionNumber(3) { #expect(try store.deliveryCount(of: session) == 0) }
        }
    }

    @Test func `Rows that are in both tables do not stop new ones from being moved`() throws {
        let lab = try Lab()
        lab.options.recentCountMax = 2
        lab.options.insertionsPerSlice = 1
        try lab.fill()
        try lab.tamper("INSERT OR IGNORE INTO settled SELECT *, NULL FROM recent")
        try lab.with { store in
            for number in MessageNumber(5)...40 {
                try lab.commit(store) { batch in batch.add(number: number, to: [1]) }
            }
            let page = try store.deliveries(of: 1, after: 4, limit: 100, bytesMax: .max)
            #expect(page.deliveries.map(\.number) == Array(5...40))
        }
    }

    @Test func `A bit flipped anywhere is refused at the start, reported, or found by verify`() throws {
        let lab = try Lab()
        try lab.fill()
        let whole = try lab.bytes()
        let sound = try contents(lab)
        var noticed = 0
        for offset in stride(from: 0, to: whole.count, by: 97) {
            var bytes = whole
            bytes[offset] ^= 1 << UInt8(offset % 8)
            lab.write(bytes)
            if try isNoticed(lab, sound) { noticed += 1 }
        }
        // Most of a page is free space, where a flipped bit is nobody's loss.
        #expect(noticed > 20)
    }

    /// Whether the damage is told; when it is not, nothing may be missing or different.
    private func isNoticed(_ lab: Lab, _ sound: [String]) throws -> Bool {
        let store = lab.store(.process)
        if let error = failure({ try store.open() }) {
            #expect([.corrupt, .newerFormat, .unavailable].contains(error.code), "\(error)")
            return true
        }
        defer { store.close() }
        do {
            if try store.verify() != [] { return true }
        } catch {
            return true
        }
        store.close()
        #expect(try contents(lab) == sound)
        return false
    }

    private func contents(_ lab: Lab) throws -> [String] {
        var contents: [String] = []
        try lab.with { store in
            contents.append("\(try store.clients(after: 0, limit: 10))")
            contents.append("\(try store.subscriptions(after: 0, filter: "", limit: 10))")
            contents.append("\(try store.retainedMessages(after: "", limit: 10))")
            for session in 1...SessionNumber(3) {
                contents.append("\(try store.deliveries(of: session, after: 0, limit: 10, bytesMax: .max))")
                contents.append("\(try store.receptions(of: session))")
            }
            contents.append("\(try store.sysInfo())")
        }
        return contents
    }
}

/// Sentences from any thread.
final class Reports: Sendable {
    private let sentences = Mutex<[String]>([])

    var all: [String] { sentences.withLock { $0 } }

    func add(_ sentence: String) {
        sentences.withLock { $0.append(sentence) }
    }
}

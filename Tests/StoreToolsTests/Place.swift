// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import Foundation
import Packets
import Persistence
import StoreLMDB
import StoreSQLite

/// A directory for the stores of one test.
final class Place {
    private let path: String

    init() throws {
        let path = FileManager.default.temporaryDirectory.path + "/roost-tools-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        self.path = path
    }

    deinit {
        do {
            try FileManager.default.removeItem(atPath: path)
        } catch {
            print("\(path) stays: \(error)")
        }
    }

    func sqlite(_ name: String) -> SQLiteStore { SQLiteStore(path: path + "/" + name, durability: .process) }

    func lmdb(_ name: String) -> LMDBStore { LMDBStore(path: path + "/" + name, durability: .process) }
}

/// Sessions with everything that can be stored; every third message is shared by all of them.
struct Contents {
    var sessions: ClosedRange<SessionNumber> = 1...8
    var messages: ClosedRange<MessageNumber> = 1...300
    var payload = "payload"
    var boots: ClosedRange<UInt64> = 1...1

    /// Commits it all as the next batch.
    func write(to store: any Store) throws {
        var batch = ChangeBatch()
        batch.number = try store.sysInfo().batch + 1
        batch.session = sessions.upperBound
        batch.message = messages.upperBound + 1
        batch.time = 1_234
        for session in sessions { appendSession(session, to: &batch) }
        for number in messages { appendMessage(number, to: &batch) }
        for topic in ["one", "two/\u{e9}", "three/"] {
            let message = MessageRecord(topic: Text(topic), payload: Array(payload.utf8), publishedAt: 7)
            batch.add(RetainedRecord(number: messages.upperBound + 1, message: message))
        }
        for boot in boots { batch.append(.boot(number: boot, startedAt: Milliseconds(5 * boot))) }
        // The last one has ended and is not swept yet.
        batch.append(.sessionEnd(session: sessions.upperBound))
        try store.commit(batch)
    }

    private func appendSession(_ session: SessionNumber, to batch: inout ChangeBatch) {
        batch.add(ClientRecord(session: session, clientID: Text("client-\(session)"), boot: 1))
        for filter in ["a/#", "b/+"] {
            batch.add(
                SubscriptionRecord(
                    session: session, filter: Text(filter), options: SubscriptionOptions(qos: .exactlyOnce)))
        }
        batch.append(.reception(session: session, packetID: UInt16(session) + 100))
    }

    private func appendMessage(_ number: MessageNumber, to batch: inout ChangeBatch) {
        let one = sessions.lowerBound + number % UInt64(sessions.count)
        let receivers: [SessionNumber] = number % 3 == 0 ? Array(sessions) : [one]
        let message = MessageRecord(
            topic: "a/b", payload: Array("\(payload) \(number)".utf8), publishedAt: Milliseconds(number))
        let body = batch.append(message)
        batch.append(.message(number: number, record: body, references: UInt32(receivers.count)))
        for session in receivers {
            let isSent = number < 5
            let delivery = DeliveryRecord(
                session: session, number: number, state: isSent ? .sent : .queued,
                packetID: isSent ? UInt16(number) : 0, identifiers: [3, 9], share: "$share/g/a/#",
                message: message)
            let record = batch.append(delivery)
            batch.append(.delivery(session: session, number: number, record: record))
        }
    }
}

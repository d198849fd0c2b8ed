// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import Packets
import Persistence

extension StoreConformance {
    static let clientChecks: [Check] = [
        Check("A client record is found by its identifier, with every field") { trial in
            try trial.commit(.client(full), .client(Sample.client(2)))
            try trial.expect(trial.store.client(full.clientID), full, "the full record")
            try trial.expect(trial.store.client("client-2"), Sample.client(2), "the plain record")
            try trial.expect(trial.store.client("client-3") == nil, "an unknown identifier leads somewhere")
        },
        Check("A client record replaces the one before and is counted once") { trial in
            var record = Sample.client(1)
            try trial.commit(.client(record))
            record.will = WillRecord(topic: "w", payload: [])
            record.boot = 7
            try trial.commit(.client(record))
            record.will = nil
            record.disconnectedAt = 99
            try trial.commit(.client(record), .client(record))
            try trial.expect(trial.store.client(record.clientID), record, "the record")
            try trial.expect(trial.store.sysInfo().clientCount, 1, "the count")
        },
        Check("Clients come in pages of any limit, in order of session number") { trial in
            let sessions: [SessionNumber] = [900, 1, 5, 256, 255, 65_536, 3]
            try trial.commit(sessions.map { .client(Sample.client($0)) })
            for limit in 1...8 {
                trial.pageLimit = limit
                try trial.compare()
            }
            try trial.expect(
                trial.store.clients(after: 255, limit: 2).map(\.session), [256, 900], "the page after 255")
            try trial.expect(trial.store.clients(after: 65_536, limit: 2), [], "the page after the last")
        },
        Check("Client identifiers are compared byte by byte") { trial in
            let texts: [Text] = ["", "a", "A", "é", "e\u{301}", "ÿ", "船/zoë", "\u{10ffff}", " a", "a "]
            let clients = texts.enumerated().map { Sample.client(SessionNumber($0.offset + 1), $0.element) }
            try trial.commit(clients.map { .client($0) })
            for client in clients {
                try trial.expect(trial.store.client(client.clientID), client, "client \(client.clientID)")
            }
        },
        Check("Identifiers that agree in their first 512 bytes are different clients") { trial in
            let clients = (1...UInt64(20)).map { Sample.client($0, longText(600, ending: "\($0)")) }
            try trial.commit(clients.map { .client($0) })
            for client in clients {
                try trial.expect(trial.store.client(client.clientID), client, "client \(client.session)")
            }
            try trial.expect(
                trial.store.client(longText(600, ending: "x")) == nil, "a similar text leads somewhere")
            try trial.commit(.sessionEnd(7))
            try trial.expect(trial.store.client(clients[6].clientID) == nil, "the ended one leads somewhere")
            try trial.expect(trial.store.client(clients[7].clientID), clients[7], "the next one")
        },
        Check("Texts may be 65,535 bytes long, and one byte more or less at the limit of a key") { trial in
            let counts = [
                TextKey.textBytesMax - 1, TextKey.textBytesMax, TextKey.textBytesMax + 1, 511, 512, 65_535,
            ]
            for (index, count) in counts.enumerated() {
                let session = SessionNumber(index + 1)
                let client = Sample.client(session, longText(count, ending: "c"))
                let subscription = Sample.subscription(session, longText(count, ending: "f"))
                let retained = Sample.retained(longText(count, ending: "r"), session)
                try trial.commit(.client(client), .subscription(subscription), .retained(retained))
                try trial.expect(trial.store.client(client.clientID), client, "\(count) bytes of client")
                try trial.expect(
                    trial.store.retainedMessage(retained.message.topic), retained, "\(count) bytes of topic")
            }
            try trial.compare()
        },
    ]

    /// A text of exactly `count` bytes.
    static func longText(_ count: Int, ending: String) -> Text {
        Text(String(repeating: "x", count: count - ending.utf8.count) + ending)
    }

    private static let full = ClientRecord(
        session: 1, clientID: "full", version: .v5, username: "zoë", listener: "tcp:1883",
        remote: "[::1]:50000", isPersistent: false, expirySeconds: 3_600, boot: 4,
        disconnectedAt: 1_700_000_000_000,
        will: WillRecord(
            topic: "last/words", payload: [0, 255], qos: .exactlyOnce, retain: true, properties: [1, 2],
            delaySeconds: 30, expirySeconds: 60))
}

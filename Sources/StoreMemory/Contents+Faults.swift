// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import Persistence

extension Contents {
    /// One sentence for everything that does not fit together.
    func faults() -> [String] {
        var faults: [String] = []
        var references: [MessageNumber: UInt32] = [:]
        var counted = SysInfoRecord()
        for (session, rows) in sessions.entries(after: nil) {
            if clients[session] == nil && ended[session] == nil {
                faults.append("Session \(session) has rows but neither a client record nor has it ended.")
            }
            counted.subscriptionCount += UInt64(rows.subscriptions.count)
            counted.deliveryCount += UInt64(rows.deliveries.count)
            counted.receptionCount += UInt64(rows.receptions.count)
            for (number, _) in rows.deliveries.entries(after: nil) { references[number, default: 0] += 1 }
        }
        counted.clientCount = UInt64(clients.count)
        counted.messageCount = UInt64(bodies.count)
        counted.retainedCount = UInt64(retained.count)
        return faults + referenceFaults(references) + countFaults(counted)
    }

    private func referenceFaults(_ references: [MessageNumber: UInt32]) -> [String] {
        var faults: [String] = []
        for (number, body) in bodies where body.references != references[number] ?? 0 {
            let rows = references[number] ?? 0
            faults.append("Message \(number) counts \(body.references) deliveries and has \(rows).")
        }
        for number in references.keys where bodies[number] == nil {
            faults.append("The deliveries of message \(number) have no body.")
        }
        return faults.sorted()
    }

    private func countFaults(_ counted: SysInfoRecord) -> [String] {
        var stored = info
        stored.formatVersion = counted.formatVersion
        stored.batch = 0
        stored.session = 0
        stored.message = 0
        stored.time = 0
        return stored == counted ? [] : ["The counters say \(stored), the rows \(counted)."]
    }
}

// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import Testing

@testable import Server

struct BrokerOptionsTests {
    @Test func `the defaults are valid`() throws {
        try BrokerOptions().validate()
    }

    @Test func `a value that cannot work is refused with its flag`() {
        let changes: [(String, (inout BrokerOptions) -> Void)] = [
            ("--receive-maximum", { $0.receiveMaximum = 0 }),
            ("--packet-bytes-max", { $0.packetBytesMax = 2 }),
            ("--packet-bytes-max", { $0.packetBytesMax = 1 << 29 }),
            ("--clients-max", { $0.clientsMax = 0 }),
            ("--queued-messages-max", { $0.queuedMessagesMax = 0 }),
            ("--queued-bytes-max", { $0.queuedBytesMax = 0 }),
            ("--event-loops", { $0.eventLoops = 0 }),
            ("reader threads", { $0.readerThreads = 0 }),
            ("time to drain", { $0.drainDelayMax = -1 }),
        ]
        for (name, change) in changes {
            var options = BrokerOptions()
            change(&options)
            let error = #expect(throws: BrokerError.self) { try options.validate() }
            #expect(error?.code == .invalidOption)
            #expect(error?.message.contains(name) == true, "\(name)")
        }
    }
}

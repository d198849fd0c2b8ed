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
            ("--queued-bytes-max", { $0.queuedBytesMax = 1 << 20 }),
            ("--server-keep-alive", { $0.serverKeepAliveSeconds = 0 }),
            ("--event-loops", { $0.eventLoops = 0 }),
            ("reader threads", { $0.readerThreads = 0 }),
            ("drainDelayMaxSeconds", { $0.drainDelayMaxSeconds = -1 }),
        ]
        for (name, change) in changes {
            var options = BrokerOptions()
            change(&options)
            let error = #expect(throws: BrokerError.self) { try options.validate() }
            #expect(error?.code == .invalidOption)
            #expect(error?.message.contains(name) == true, "\(name)")
        }
    }

    @Test(arguments: [128, 2 << 20, 100 << 20, 268_435_460])
    func `the largest packet makes the room that it needs`(bytes: Int) throws {
        var options = BrokerOptions()
        options.packetBytesMax = bytes
        try options.validate()
    }

    @Test func `a short queue shortens what is in flight`() throws {
        var options = BrokerOptions()
        options.queuedMessagesMax = 10
        try options.validate()
    }
}

// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import Testing

@testable import Server

struct DropLogTests {
    @Test func `drops of one session add up to one line`() {
        var log = DropLog()
        log.add(2, for: 7, because: "slowConsumer")
        log.add(3, for: 7, because: "slowConsumer")
        log.add(1, for: 7, because: "queueFull")
        log.add(1, for: 0, because: "mailboxFull")
        #expect(
            log.takeLines() == [
                "1 messages for session 7 were dropped: queueFull",
                "1 messages for several sessions were dropped: mailboxFull",
                "5 messages for session 7 were dropped: slowConsumer",
            ])
        #expect(log.takeLines() == [])
    }

    @Test func `many sessions end in one sum`() {
        var log = DropLog()
        for number in 1...500 as ClosedRange<UInt64> { log.add(2, for: number, because: "slowConsumer") }
        let lines = log.takeLines()
        #expect(lines.count == 101)
        #expect(lines.last == "800 messages for other sessions were dropped")
    }
}

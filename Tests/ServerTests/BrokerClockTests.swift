// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import Testing

@testable import Server

struct BrokerClockTests {
    @Test func `broker time is never earlier than the latest time stored`() {
        let wall = BrokerClock(notBefore: 0).now
        let future = wall + 1_000_000
        #expect((future...future + 60_000).contains(BrokerClock(notBefore: future).now))
        #expect(BrokerClock(notBefore: future).drift < -900_000)
        #expect(abs(BrokerClock(notBefore: wall - 5000).drift) < 60_000)
    }

    @Test func `broker time does not go back`() {
        let clock = BrokerClock(notBefore: 0)
        var last = clock.now
        for _ in 0..<1000 {
            let now = clock.now
            #expect(now >= last)
            last = now
        }
    }
}

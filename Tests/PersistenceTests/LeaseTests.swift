// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import Persistence
import Testing

@Suite struct LeaseTests {
    @Test func `a lease that was never granted is worth nothing`() {
        #expect(!Lease().isCertain)
    }

    @Test func `a term counts from when it was asked for, and a tenth of it counts as over`() {
        let now = ContinuousClock.now
        for (age, isCertain) in [(0, true), (850, true), (901, false), (1001, false)] {
            let lease = Lease()
            lease.grant(.seconds(1000), askedAt: now - .seconds(age))
            #expect(lease.isCertain == isCertain, "\(age)")
        }
    }

    @Test func `an answer that is late does not shorten the term`() {
        let lease = Lease()
        lease.grant(.seconds(1000), askedAt: .now)
        lease.grant(.seconds(1000), askedAt: .now - .seconds(2000))
        #expect(lease.isCertain)
    }

    @Test func `a lease that is given up is over at once, and may be granted again`() {
        let lease = Lease()
        lease.grant(.seconds(1000), askedAt: .now)
        lease.giveUp()
        #expect(!lease.isCertain)
        lease.grant(.seconds(1000), askedAt: .now)
        #expect(lease.isCertain)
    }

    @Test func `a term ends by itself`() async throws {
        let lease = Lease()
        lease.grant(.milliseconds(20), askedAt: .now)
        let deadline = ContinuousClock.now + .seconds(60)
        while lease.isCertain, .now < deadline { await Task.yield() }
        #expect(!lease.isCertain)
    }
}

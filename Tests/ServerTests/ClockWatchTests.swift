// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import Testing

@testable import Server

struct ClockWatchTests {
    @Test func `a jump is told once, in its direction`() {
        var watch = ClockWatch(drift: -500)
        #expect(watch.jump(to: 0) == nil)
        #expect(watch.jump(to: 60_000) == 60_500)
        #expect(watch.jump(to: 60_100) == nil)
        #expect(watch.jump(to: 0) == -60_000)
    }
}

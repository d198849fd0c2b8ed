// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import NIOPosix
import Testing

@testable import Server

struct WakeSignalTests {
    @Test func `a signal sent before the wait ends it at once`() {
        let signal = WakeSignal()
        signal.signal()
        signal.signal()
        signal.wait(milliseconds: nil)
        let clock = ContinuousClock()
        #expect(clock.measure { signal.wait(milliseconds: 20) } >= .milliseconds(20))
    }

    @Test func `a signal ends a wait on another thread`() async throws {
        let signal = WakeSignal()
        async let waited: Void = NIOThreadPool.singleton.runIfActive { signal.wait(milliseconds: nil) }
        signal.signal()
        try await waited
    }
}

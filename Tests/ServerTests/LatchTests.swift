// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import Testing

@testable import Server

struct LatchTests {
    @Test func `every waiter gets the first value`() async throws {
        let latch = Latch<Int>()
        async let early = latch.value()
        latch.set(.success(1))
        latch.set(.success(2))
        #expect(try await early == 1)
        #expect(try await latch.value() == 1)
    }

    @Test func `a cancelled waiter stops waiting and the others go on`() async throws {
        let latch = Latch<Int>()
        let cancelled = Task { try await latch.value() }
        let other = Task { try await latch.value() }
        cancelled.cancel()
        await #expect(throws: CancellationError.self) { try await cancelled.value }
        latch.set(.success(3))
        #expect(try await other.value == 3)
    }
}

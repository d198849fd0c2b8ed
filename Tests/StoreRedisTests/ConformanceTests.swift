// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import Persistence
import StoreConformance
import Synchronization
import Testing

@testable import StoreRedis

/// A server that all checks share, each with a prefix of its own.
private enum Shared {
    static let server = Result { try RedisServer() }
    private static let count = Atomic<Int>(0)

    static func options() throws -> RedisStore.Options {
        let number = count.add(1, ordering: .relaxed).newValue
        return try server.get().options { options in
            options.prefix = "check-\(number)"
            options.recordBytesMax = 4 << 20
        }
    }
}

struct ConformanceTests {
    /// Each restart is a new object on the same prefix.
    private static let fixture = StoreFixture(
        create: { RedisStore(try Shared.options()) },
        restart: { store in
            guard let store = store as? RedisStore else { return store }
            return RedisStore(store.options)
        },
        recordBytesMax: 4 << 20)

    @Test(arguments: StoreConformance.checks)
    func `A store in Redis keeps every rule of the port`(check: StoreConformance.Check) throws {
        try check.run(Self.fixture)
    }
}

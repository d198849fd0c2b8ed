// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

public import Persistence

/// How a suite gets the stores it tries.
///
///     let fixture = StoreFixture { MyStore(path: temporaryPath()) }
///     for check in StoreConformance.checks { try check.run(fixture) }
public struct StoreFixture: Sendable {
    /// Makes a store without contents that is not open.
    public var create: @Sendable () throws -> any Store
    /// Gives a store, not open, with the contents of the closed one: as after a restart. May be the same
    /// object.
    public var restart: @Sendable (any Store) throws -> any Store
    /// Removes a closed store and what it left behind.
    public var destroy: @Sendable (any Store) -> Void

    /// The longest record the stores take, when they refuse longer ones; `nil` when nothing is refused.
    public var recordBytesMax: Int?

    /// A fixture whose stores keep their contents when they are closed and opened again.
    public init(
        create: @escaping @Sendable () throws -> any Store,
        restart: @escaping @Sendable (any Store) throws -> any Store = { $0 },
        destroy: @escaping @Sendable (any Store) -> Void = { _ in },
        recordBytesMax: Int? = nil
    ) {
        self.create = create
        self.restart = restart
        self.destroy = destroy
        self.recordBytesMax = recordBytesMax
    }
}

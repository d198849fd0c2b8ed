// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

/// The suite every store passes; a function over `any Store`, without a test framework.
///
/// Each check makes a store of its own, commits batches to it and to a plain model in memory, and says what
/// it expects. After every check, whatever it was about, all contents are read through the pages and compared
/// with the model, `verify` must find nothing, and the store is closed and opened again and must still hold
/// the same.
public struct StoreConformance: Sendable {
    /// All checks, in an order in which a new store is best made to pass them.
    public static let checks: [Check] =
        lifeChecks + clientChecks + subscriptionChecks + deliveryChecks + pageChecks + receptionChecks
        + retainedChecks + sessionChecks + batchChecks + sizeChecks + readerChecks + randomChecks

    /// One rule of the port.
    public struct Check: Sendable, CustomStringConvertible {
        /// The rule, as a sentence.
        public let name: String
        private let body: @Sendable (Trial) throws -> Void

        /// A check that is made of what `body` does to a fresh, open store.
        init(_ name: String, _ body: @escaping @Sendable (Trial) throws -> Void) {
            self.name = name
            self.body = body
        }

        /// The rule.
        public var description: String { name }

        /// Tries the rule on a store of the fixture; throws a `ConformanceFailure`, or what the store threw.
        public func run(_ fixture: StoreFixture) throws {
            let trial = try Trial(fixture)
            defer { trial.end() }
            try body(trial)
            try trial.compare()
            try trial.restart()
        }
    }
}

/// What a store did against the rules.
public struct ConformanceFailure: Error, Hashable, Sendable, CustomStringConvertible {
    /// The expectation that was not met, and what was found instead.
    public var description: String
}

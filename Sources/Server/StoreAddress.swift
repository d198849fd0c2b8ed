// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

/// Names a store on the command line: `SCHEME:REST`.
package struct StoreAddress: Hashable, Sendable {
    /// The engine.
    package enum Scheme: String, Hashable, Sendable, CaseIterable {
        case sqlite, memory

        /// How an address of this engine is written.
        package var usage: String {
            switch self {
            case .sqlite: "sqlite:FILE"
            case .memory: "memory:"
            }
        }
    }

    package var scheme: Scheme
    /// A path for SQLite; empty for memory.
    package var rest: String

    /// The forms that are understood, for help texts and errors.
    package static let usage = Scheme.allCases.map(\.usage).joined(separator: " or ")

    package init(parsing text: String) throws(BrokerError) {
        guard let colon = text.firstIndex(of: ":"), let scheme = Scheme(rawValue: String(text[..<colon]))
        else {
            throw BrokerError(
                .invalidOption,
                "\"\(text)\" does not name a store this broker knows; use \(StoreAddress.usage).")
        }
        rest = String(text[text.index(after: colon)...])
        self.scheme = scheme
        switch scheme {
        case .sqlite where rest.isEmpty:
            throw BrokerError(.invalidOption, "The file is missing in \"\(text)\"; write \(scheme.usage).")
        case .memory where !rest.isEmpty:
            throw BrokerError(.invalidOption, "A memory store takes no address; write \(scheme.usage).")
        case .sqlite, .memory: break
        }
    }
}

// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

/// Names a store on the command line: `SCHEME:REST`.
package struct StoreAddress: Hashable, Sendable {
    /// The engine.
    package enum Scheme: String, Hashable, Sendable, CaseIterable {
        case sqlite, lmdb, redis, rediss
        case redisUnix = "redis+unix"
        case memory

        /// How an address of this engine is written.
        package var usage: String {
            switch self {
            case .sqlite: "sqlite:FILE"
            case .lmdb: "lmdb:DIRECTORY"
            case .redis: "redis://[USER:PASSWORD@]HOST[:PORT][/DATABASE][?prefix=NAME]"
            case .rediss: "rediss://..."
            case .redisUnix: "redis+unix:PATH"
            case .memory: "memory:"
            }
        }

        /// What is missing when the rest of an address is; `nil` when nothing may follow.
        fileprivate var rest: String? {
            switch self {
            case .sqlite: "file"
            case .lmdb: "directory"
            case .redis, .rediss: "host"
            case .redisUnix: "path of the socket"
            case .memory: nil
            }
        }
    }

    package var scheme: Scheme
    /// What follows the colon: a path for SQLite and LMDB; for Redis it goes with the scheme; empty for memory.
    package var rest: String

    /// The whole address, password and all: not for people.
    package var text: String { "\(scheme.rawValue):\(rest)" }

    /// The forms that are understood, for help texts and errors.
    package static let usage =
        Scheme.allCases.dropLast().map(\.usage).joined(separator: ", ") + " or \(Scheme.memory.usage)"

    package init(parsing text: String) throws(BrokerError) {
        guard let colon = text.firstIndex(of: ":"), let scheme = Scheme(rawValue: String(text[..<colon]))
        else {
            // What stands before the first colon only: what follows may hold a password.
            let shown = text.prefix { $0 != ":" }
            throw BrokerError(
                .invalidOption,
                "\"\(shown)\" does not name a store this broker knows; use \(StoreAddress.usage).")
        }
        rest = String(text[text.index(after: colon)...])
        self.scheme = scheme
        guard let part = scheme.rest else {
            guard rest.isEmpty else {
                throw BrokerError(
                    .invalidOption, "A memory store takes no address; write \(scheme.usage).")
            }
            return
        }
        guard !rest.isEmpty, scheme != .sqlite || !rest.hasSuffix("/") else {
            throw BrokerError(
                .invalidOption, "The \(part) is missing in \"\(text)\"; write \(scheme.usage).")
        }
    }
}

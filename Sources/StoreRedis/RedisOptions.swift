// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import Glibc
public import Persistence

extension RedisStore {
    /// Where a Redis listens.
    public enum Endpoint: Hashable, Sendable {
        /// A host name or address, and a port.
        case tcp(host: String, port: UInt16)
        /// The path of a Unix socket.
        case unix(path: String)
    }

    /// Where the data is and what else can be set.
    public struct Options: Sendable {
        /// Where Redis listens.
        public var endpoint = Endpoint.tcp(host: "127.0.0.1", port: 6379)
        /// The user of Redis 6 and later; `nil` for the default one.
        public var user: String?
        /// The password; `nil` when Redis asks for none.
        public var password: String?
        /// The number of the database; a cluster has only 0.
        public var database = 0
        /// What every key begins with, in braces; without `{` and `}`. One broker per prefix.
        public var prefix = "roost"
        /// Whether the connection is encrypted.
        public var usesTLS = false
        /// A file of certificates to trust instead of the system's.
        public var certificateAuthority: String?
        /// How long a connection may take to come about.
        public var connectTimeout: Duration = .seconds(3)
        /// How long Redis may be silent when it owes an answer. A batch may take 20 µs more for each of its changes
        /// and 50 ns more for each byte, and the lease is that much longer while it is applied.
        public var commandTimeout: Duration = .seconds(5)
        /// How long a prefix stays with an owner that gives no sign of life: a standby takes over after this,
        /// and at once when it sees on its own machine that the owner's process has ended.
        public var lease: Duration = .seconds(3)
        /// How long `open` waits for a prefix that another broker has, or for Redis to load its data; `nil`: until
        /// it has it. More than `lease`, so that a broker can be started again at once after a crash.
        public var standbyMax: Duration?
        /// Replicas that must have a batch before it counts as committed (`WAIT`).
        public var replicasMin = 0
        /// How long replicas may take for that; less than `commandTimeout`. A batch may take more, as there.
        public var replicasTimeout: Duration = .seconds(2)
        /// Connections kept for readers; more are made when they are needed.
        public var idleReadersMax = 4
        /// The longest record: a longer one is refused. No more than `proto-max-bulk-len` of the server.
        public var recordBytesMax = 400 << 20
        /// The longest command, for all of a batch: a batch beyond it is refused and comes again in parts.
        /// Less than `client-query-buffer-limit`, 1 GiB by default.
        public var batchBytesMax = 768 << 20
        /// What other brokers are told about who has the prefix; `nil` for host and process number.
        public var ownerName: String?
        /// Called, on a reader's thread, with a sentence about a record that could not be read and was left
        /// out.
        public var onCorruptRecord: @Sendable (String) -> Void = { _ in }

        /// The defaults.
        public init() {}

        /// Reads `redis://[user:password@]host[:port][/database][?prefix=name]`, the same with `rediss://`
        /// for TLS, or `redis+unix:path[?database=number&prefix=name]`. `lease=seconds` and `standby=seconds` may
        /// follow a `?`, too. User, password and prefix may be percent-encoded. Throws `unavailable` with a sentence that does not show the password.
        public init(_ address: String) throws(StoreError) {
            let parsed = try RedisAddress(address)
            self = parsed.options
        }

        /// The address without user and password.
        var location: String {
            let prefix = prefix == "roost" ? "" : "prefix=\(prefix)"
            switch endpoint {
            case .tcp(let host, let port):
                let host = host.contains(":") ? "[\(host)]" : host
                return "redis\(usesTLS ? "s" : "")://\(host):\(port)\(database == 0 ? "" : "/\(database)")"
                    + (prefix.isEmpty ? "" : "?\(prefix)")
            case .unix(let path):
                let database = database == 0 ? "" : "database=\(database)"
                let query = [database, prefix].filter { !$0.isEmpty }.joined(separator: "&")
                return "redis+unix:\(path)" + (query.isEmpty ? "" : "?\(query)")
            }
        }

        /// Who other brokers are told has the prefix.
        var shownOwner: String {
            if let ownerName { return ownerName }
            return "\(OwnerPlace.hostName), process \(getpid())"
        }

        /// What every key begins with.
        var keyPrefix: String { "{\(prefix)}:" }
    }
}

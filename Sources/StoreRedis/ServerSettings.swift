// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import Persistence

/// What Redis really promises, read from the server itself.
///
/// | Setting | Durability |
/// |---|---|
/// | `appendonly yes`, `appendfsync always`, `no-appendfsync-on-rewrite no` | `disk` |
/// | `appendonly yes` with less, or only snapshots (`save`) | `process`: an older state after power loss |
/// | neither | `memory` |
///
/// A server that does not let its settings be read is asked for `INFO persistence`, which tells whether it
/// appends but not when it syncs: `process` at most; one that does not tell that either counts as `memory`. At most
/// `process` is one that writes to a file that may be torn (`AppendOnlyFile`), too.
struct ServerSettings {
    private(set) var durability: Durability
    /// The longest argument of a command.
    let argumentBytesMax: Int
    /// Whether the server throws data away when its memory is full.
    let evicts: Bool

    private static let names = [
        "appendonly", "appendfsync", "no-appendfsync-on-rewrite", "save", "maxmemory", "maxmemory-policy",
        "proto-max-bulk-len",
    ]

    init(_ connection: Connection) throws(RedisFailure) {
        let settings = try Self.settings(connection)
        durability = try settings.isEmpty ? Self.appends(connection) : Self.durability(settings)
        argumentBytesMax = settings["proto-max-bulk-len"].flatMap { Int($0) } ?? 512 << 20
        evicts = Self.evicts(settings)
    }

    /// What is left when what is written may follow a torn transaction.
    mutating func doubtFile() {
        durability = min(durability, .process)
    }

    /// Empty when the server does not tell.
    private static func settings(_ connection: Connection) throws(RedisFailure) -> [String: String] {
        var settings: [String: String] = [:]
        for name in names {
            do throws(RedisFailure) {
                let pair = try connection.send(["CONFIG", "GET", name])
                pair.read { if $0.count == 2 { settings[name] = $0[1].text } }
            } catch {
                guard error.isRefusal else { throw error }
                return [:]
            }
        }
        return settings
    }

    private static func durability(_ settings: [String: String]) -> Durability {
        guard settings["appendonly"] == "yes" else {
            return settings["save"]?.isEmpty ?? true ? .memory : .process
        }
        let isSynced =
            settings["appendfsync"] == "always" && settings["no-appendfsync-on-rewrite"] == "no"
        return isSynced ? .disk : .process
    }

    private static func appends(_ connection: Connection) throws(RedisFailure) -> Durability {
        let info: String
        do throws(RedisFailure) {
            info = try connection.send(["INFO", "persistence"]).read { $0.text }
        } catch {
            guard error.isRefusal else { throw error }
            return .memory
        }
        return info.firstRange(of: "aof_enabled:1") == nil ? .memory : .process
    }

    /// A policy that begins with `volatile` only takes keys that expire, and the lease is the only one.
    private static func evicts(_ settings: [String: String]) -> Bool {
        settings["maxmemory"] ?? "0" != "0" && settings["maxmemory-policy"]?.hasPrefix("allkeys") == true
    }
}

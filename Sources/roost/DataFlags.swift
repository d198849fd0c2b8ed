// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import ArgumentParser
import Glibc
import Logging
import Persistence
import Server
import StoreMemory
import StoreSQLite

/// Where the data is and how safe it is.
struct DataFlags: ParsableArguments {
    /// `Durability` as the command line spells it.
    enum Level: String, ExpressibleByArgument, CaseIterable {
        case disk, process, memory

        var durability: Durability {
            switch self {
            case .disk: .disk
            case .process: .process
            case .memory: .memory
            }
        }
    }

    @Option(help: "Where the data is: sqlite:FILE, or memory: for none.")
    var store = "sqlite:data/roost.db"

    @Option(
        help: ArgumentHelp(
            "What an acknowledged message survives.",
            discussion: """
                disk: power loss. process: the death of the broker, not power loss. memory: nothing is promised.
                """))
    var durability = Level.disk

    /// `--durability memory` promises nothing, so nobody waits for the disk.
    var acknowledgesBeforeCommit: Bool { durability == .memory }

    func makeStore(_ logger: Logger) throws -> any Store {
        let address = try StoreAddress(parsing: store)
        switch address.scheme {
        case .memory: return MemoryStore()
        case .sqlite:
            try makeDirectory(of: address.rest)
            var options = SQLiteStore.Options()
            options.onCorruptRecord = { logger.error("a stored record is corrupt and was left out: \($0)") }
            return SQLiteStore(path: address.rest, durability: durability.durability, options: options)
        }
    }

    /// Makes the directory that holds `path` if its parent exists; deeper paths are more likely a mistake.
    private func makeDirectory(of path: String) throws {
        guard let slash = path.lastIndex(of: "/"), slash != path.startIndex else { return }
        let directory = String(path[..<slash])
        guard mkdir(directory, 0o750) != 0, errno != EEXIST else { return }
        let reason = String(cString: strerror(errno))
        throw BrokerError(
            .store,
            "The directory \(directory) for the database cannot be made (\(reason)); make it, or choose another with --store."
        )
    }
}

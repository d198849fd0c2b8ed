// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import ArgumentParser
import Logging
import Persistence
import Server

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

    @Option(help: "Where the data is: \(StoreAddress.usage).")
    var store = "sqlite:data/roost.db"

    @Option(
        help: ArgumentHelp(
            "What an acknowledged message survives.",
            discussion: """
                disk: power loss. process: the death of the broker, not power loss. memory: nothing is promised. \
                With Redis, what its own settings promise is reported.
                """))
    var durability = Level.disk

    /// `--durability memory` promises nothing, so nobody waits for the disk.
    var acknowledgesBeforeCommit: Bool { durability == .memory }

    /// A memory store promises nothing, and whoever names it knows.
    var durabilityExpected: Durability? { store.hasPrefix("memory:") ? nil : durability.durability }

    func makeStore(_ logger: Logger) throws -> any Store {
        let address = try StoreAddress(parsing: store)
        try address.makeParent()
        return try address.makeStore(durability.durability) {
            logger.error("a stored record is corrupt and was left out: \($0)")
        }
    }
}

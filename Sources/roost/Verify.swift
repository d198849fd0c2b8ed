// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import ArgumentParser
import Persistence

/// `roost verify`: whether a store is sound.
struct Verify: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Check every record of a store and what they say about each other.",
        discussion: """
            Prints one sentence per fault; the exit code is 1 when there is one. Reads everything, as of one batch, and \
            changes nothing. Works beside a running broker; with Redis only while that has nothing to write.
            """)

    @Argument(help: "As in `roost serve --store`.")
    var store: String

    func run() async throws {
        var faults: [String] = []
        try await Failure.explained {
            let opened = try OpenStore(store, .inspecting)
            faults = try opened.closing { store in try store.verify() }
            let lines = faults.isEmpty ? ["\(opened.store.location) is sound."] : faults
            try Output.write(lines.map(OneLine.text).joined(separator: "\n"))
        }
        if !faults.isEmpty { throw ExitCode(1) }
    }
}

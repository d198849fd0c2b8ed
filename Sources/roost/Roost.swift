// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import ArgumentParser

/// The command line.
@main
struct Roost: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "roost",
        abstract: "An MQTT broker that keeps what it has acknowledged.",
        version: "0.1.0",
        subcommands: [Serve.self, Inspect.self, Verify.self, Migrate.self])

    static func main() async {
        Descriptor.reserveStandard()
        Signals.ignoreClosedPipes()
        await main(nil)
    }
}

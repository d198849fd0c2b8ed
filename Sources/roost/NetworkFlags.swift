// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import ArgumentParser
import Server

/// Where clients connect.
struct NetworkFlags: ParsableArguments {
    @Option(
        name: .customLong("listen"),
        help: ArgumentHelp(
            "Where to listen; may be repeated. IPv6 stands in brackets. (default: 127.0.0.1:1883)",
            valueName: "host:port"))
    var listen: [String] = []

    @Flag(help: "Let clients without credentials in from other machines.")
    var allowAnonymous = false

    func addresses() throws -> [ListenAddress] {
        try (listen.isEmpty ? ["127.0.0.1:1883"] : listen).map { try ListenAddress(parsing: $0) }
    }
}

// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import ArgumentParser
import Persistence
import StoreTools

/// `roost inspect`: a store on one screen.
struct Inspect: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Show what a store holds, on one screen.",
        discussion: """
            Works beside a running broker, and changes nothing. The time it takes is bounded: the queues of a very \
            large store are not all counted to their end, and the bytes are estimated, which is then said.
            """)

    @Argument(help: "As in `roost serve --store`.")
    var store: String

    @Flag(help: "Print one object of JSON.")
    var json = false

    func run() async throws {
        try await Failure.explained {
            let opened = try OpenStore(store, .inspecting)
            let screen = try opened.closing { store in
                InspectScreen(
                    engine: store.name, location: store.location, durability: try opened.recordedDurability(),
                    overview: try Overview(store))
            }
            try Output.write(json ? screen.json.description : screen.text)
        }
    }
}

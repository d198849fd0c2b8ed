// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import ArgumentParser
import Persistence
import StoreTools

/// `roost migrate`: from one store to another.
struct Migrate: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Copy everything from one store to another and compare.",
        discussion: """
            The source stays as it is. Neither store may be in use by a broker. When it was interrupted, run it again:             it begins anew. Both arguments are written as in `roost serve --store`.
            """)

    @Argument(help: "The store to read.")
    var from: String

    @Argument(help: "The store to write; made when there is none.")
    var to: String

    @Flag(help: "Empty the target first if it holds anything.")
    var overwrite = false

    @Flag(help: "Print one object of JSON at the end, and no progress.")
    var json = false

    func run() async throws {
        try await Failure.explained {
            guard from != to else { throw ToolError("The source and the target are the same store.") }
            let source = try OpenStore(from, .reading)
            try source.closing { _ in
                let target = try OpenStore(to, .writing)
                try target.closing { _ in try migrate(source, target) }
            }
        }
    }

    private func migrate(_ source: OpenStore, _ target: OpenStore) throws {
        let progress = ProgressLine(isWanted: !json)
        let migration = Migration(
            from: source.store, to: target.store, overwrites: overwrite,
            firstFault: { source.firstFault ?? target.firstFault })
        defer { progress.end() }
        let census = try migration.run { done, total in progress.show(done, of: total) }
        progress.end()
        report(census, source.store.location, target.store.location, progress.seconds)
    }

    private func report(_ census: Census, _ from: String, _ to: String, _ seconds: Double) {
        guard json else {
            for (name, digest) in census.kinds {
                print(name + String(repeating: " ", count: 20 - name.count) + "\(digest.count)  \(digest)")
            }
            print("\(to) now holds what \(from) holds.")
            return
        }
        let kinds = census.kinds.map { name, digest in
            (
                name.replacing(" ", with: "_"),
                JSON.object([("count", .number(digest.count)), ("digest", .string(digest.description))])
            )
        }
        let result = JSON.object([
            ("from", .string(from)), ("to", .string(to)), ("seconds", .decimal(seconds)),
            ("kinds", .object(kinds)),
        ])
        print(result)
    }
}

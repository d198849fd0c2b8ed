// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import ArgumentParser
import Glibc
import Persistence
import Server
import StoreTools
import Synchronization

/// `roost migrate`: from one store to another.
struct Migrate: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Copy everything from one store to another and compare.",
        discussion: """
            The source stays as it is. Neither store may be in use by a broker. When it was interrupted, run it again: \
            it begins anew. Both arguments are written as in `roost serve --store`.
            """)

    @Argument(help: "The store to read.")
    var from: String

    @Argument(help: "The store to write; made when there is none.")
    var to: String

    @Flag(help: "Empty the target first if it holds anything.")
    var overwrite = false

    @Flag(help: "Print an object of JSON per line: once a second how far it is, and the result at the end.")
    var json = false

    /// The signal that came, or zero.
    private static let interruption = Atomic<CInt>(0)

    func run() async throws {
        Signals.watch { signal in Self.interruption.store(signal, ordering: .relaxed) }
        try await Failure.explained {
            try refuseSameFile()
            // Nobody else's name is like this one.
            let owner = "roost migrate, process \(getpid()), \(UInt32.random(in: 0...UInt32.max))"
            let source = try OpenStore(from, .reading, owner: owner)
            try source.closing { store in
                try Migration.requireSource(store)
                let target = try openTarget(owner)
                try target.closing { _ in try migrate(source, target) }
            }
        }
    }

    private func refuseSameFile() throws {
        let (source, target) = (try StoreAddress(parsing: from), try StoreAddress(parsing: to))
        guard source != target, !source.isSameFile(as: target) else { throw Self.same }
    }

    /// A prefix of Redis that is in use by the source's owner is the source.
    private func openTarget(_ owner: String) throws -> OpenStore {
        do {
            return try OpenStore(to, .writing, owner: owner)
        } catch let error as StoreError where error.code == .inUse && error.message.contains(owner) {
            throw Self.same
        }
    }

    private static var same: ToolError { ToolError("The source and the target are the same store.") }

    private func migrate(_ source: OpenStore, _ target: OpenStore) throws {
        let address = try StoreAddress(parsing: to)
        let identity = address.fileIdentity
        let progress = ProgressLine(json ? .json : .terminal)
        let migration = Migration(
            from: source.store, to: target.store, overwrites: overwrite,
            firstFault: { source.firstFault ?? target.firstFault })
        defer { progress.end() }
        let census = try migration.run { done, total in
            progress.show(done, of: total)
            try Self.throwIfInterrupted(target.store.location)
        }
        progress.end()
        // The system goes on with a file that has no name any more, and says nothing.
        guard address.fileIdentity == identity else { throw Self.removed(target.store.location) }
        let report = report(census, source.store.location, target.store.location, progress.seconds)
        do {
            try Output.write(report)
        } catch {
            throw ToolError("\(target.store.location) is complete, and compared, but: \(error.sentence)")
        }
    }

    private static func removed(_ target: String) -> ToolError {
        ToolError("\(target) was removed or replaced while it was written: run the same command again.")
    }

    private static func throwIfInterrupted(_ target: String) throws {
        let signal = interruption.load(ordering: .relaxed)
        guard signal != 0 else { return }
        throw ToolError(
            "\(signal == SIGINT ? "Interrupted" : "Ended by a signal"): \(target) is not complete; run the same "
                + "command again.")
    }

    private func report(_ census: Census, _ from: String, _ to: String, _ seconds: Double) -> String {
        guard json else {
            let lines = census.kinds.map { name, digest in
                name + String(repeating: " ", count: 20 - name.count) + "\(digest.count)  \(digest)"
            }
            let end = OneLine.text("\(to) now holds what \(from) holds.")
            return (lines + [end]).joined(separator: "\n")
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
        return result.description
    }
}

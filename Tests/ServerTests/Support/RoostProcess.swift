// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import Foundation

@testable import Server

/// The executable, run as a user runs it.
final class RoostProcess: Sendable {
    enum Failure: Error {
        /// The process ended before it said what was waited for; here is what it said.
        case ended(String)
        case late(String)
    }

    private let process = Process()
    /// What it writes goes to a file: other processes that are started meanwhile inherit the ends of pipes.
    private let directory: TestDirectory
    private let exit = Latch<Int32>()

    /// Starts `roost` with these arguments.
    convenience init(_ arguments: String...) throws { try self.init(arguments) }

    init(_ arguments: [String]) throws {
        directory = try TestDirectory()
        let file = URL(fileURLWithPath: directory.file("output"))
        try Data().write(to: file)
        let output = try FileHandle(forWritingTo: file)
        process.executableURL = RoostProcess.executable
        process.arguments = arguments
        process.standardError = output
        process.standardOutput = output
        let exit = exit
        process.terminationHandler = { process in exit.set(.success(process.terminationStatus)) }
        try process.run()
        try output.close()
    }

    deinit {
        if process.isRunning { kill(process.processIdentifier, SIGKILL) }
    }

    /// Beside the test bundle.
    private static var executable: URL {
        URL(fileURLWithPath: CommandLine.arguments[0]).resolvingSymlinksInPath()
            .deletingLastPathComponent().appending(path: "roost")
    }

    /// What it has written so far.
    var text: String {
        String(
            decoding: FileManager.default.contents(atPath: directory.file("output")) ?? Data(), as: UTF8.self)
    }

    func signal(_ number: Int32) { kill(process.processIdentifier, number) }

    /// The exit code and everything that was written.
    func end() async throws -> (code: Int32, text: String) {
        (try await exit.value(), text)
    }

    /// Waits until it has said `words`. Looks every few milliseconds, because what a process writes announces
    /// itself to no task.
    func says(_ words: String) async throws {
        let deadline = ContinuousClock.now + .seconds(60)
        while !text.contains(words) {
            guard process.isRunning else { throw Failure.ended(text) }
            guard ContinuousClock.now < deadline else { throw Failure.late(text) }
            try await Task.sleep(for: .milliseconds(5))
        }
    }

    /// The port in the line that says where it serves.
    func port() async throws -> Int {
        try await says("address=127.0.0.1:")
        let rest = text.split(separator: "address=127.0.0.1:", maxSplits: 1)[1]
        return Int(rest.prefix { $0.isNumber }) ?? 0
    }
}

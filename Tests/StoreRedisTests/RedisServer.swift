// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import Foundation
import Glibc
import Synchronization

@testable import StoreRedis

/// A redis-server of our own on a free port of 127.0.0.1, with its files in a directory of its own.
///
/// `@unchecked Sendable`: the process is only started and ended under the lock.
final class RedisServer: @unchecked Sendable {
    struct Failure: Error, CustomStringConvertible {
        var description: String
    }

    let port: UInt16
    let directory: String
    private let arguments: [String]
    private let lock = NSLock()
    private let guardianInput = Pipe()
    private var process: Process?

    /// How it is started when a test says nothing else: every write is synced before it is answered.
    static let synced = ["--appendonly", "yes", "--appendfsync", "always", "--save", ""]

    init(_ settings: [String] = synced) throws {
        port = try Self.freePort()
        directory = try Self.temporaryDirectory()
        arguments =
            [
                "--port", String(port), "--bind", "127.0.0.1", "--dir", directory, "--daemonize", "no",
                "--logfile", directory + "/log", "--databases", "64",
            ] + settings
        try startGuardian()
        try start()
    }

    deinit {
        // The guardian sees the end of its input.
        guardianInput.fileHandleForWriting.closeFile()
    }

    /// Ends the server and removes its files when this process is gone, however that comes about.
    private func startGuardian() throws {
        let guardian = Process()
        guardian.executableURL = URL(fileURLWithPath: "/bin/sh")
        guardian.arguments = [
            "-c", "cat >/dev/null; kill -9 $(cat \"$0/pid\") 2>/dev/null; rm -rf \"$0\"", directory,
        ]
        guardian.standardInput = guardianInput
        try guardian.run()
    }

    /// Starts the process and waits until it answers.
    func start() throws {
        try lock.withLock {
            let process = Process()
            process.executableURL = URL(fileURLWithPath: "/usr/bin/redis-server")
            process.arguments = arguments
            process.standardOutput = FileHandle.nullDevice
            process.standardError = FileHandle.nullDevice
            try process.run()
            self.process = process
            try String(process.processIdentifier)
                .write(toFile: directory + "/pid", atomically: true, encoding: .utf8)
        }
        try poll("redis-server on port \(port) does not answer: \(log.suffix(1_000))") {
            guard self.isRunning else {
                throw Failure(
                    description: "redis-server on port \(self.port) has ended: \(self.log.suffix(1_000))")
            }
            return self.answers
        }
    }

    /// Ends the process as a crash does.
    func kill() {
        signal(SIGKILL)
        lock.withLock {
            process?.waitUntilExit()
            process = nil
        }
    }

    func signal(_ number: Int32) {
        lock.withLock {
            if let process { _ = Glibc.kill(process.processIdentifier, number) }
        }
    }

    /// Sends a command on a connection of its own.
    @discardableResult
    func send(_ command: String...) throws -> String {
        try connection().send(command).read { $0.count > 1 ? $0[1].text : $0.text }
    }

    func connection() throws -> Connection {
        try Connection(options())
    }

    /// A store's options for this server.
    func options(_ set: (inout RedisStore.Options) -> Void = { _ in }) -> RedisStore.Options {
        var options = RedisStore.Options()
        options.endpoint = .tcp(host: "127.0.0.1", port: port)
        set(&options)
        return options
    }

    private var log: String {
        FileManager.default.contents(atPath: directory + "/log").map { String(decoding: $0, as: UTF8.self) }
            ?? ""
    }

    private var isRunning: Bool { lock.withLock { process?.isRunning == true } }

    private var answers: Bool {
        do {
            let file = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
            defer { close(file) }
            return try Self.withAddress(port) { connect(file, $0, $1) } == 0 && !isLoading
        } catch {
            return false
        }
    }

    private var isLoading: Bool {
        do {
            _ = try connection()
            return false
        } catch let failure as RedisFailure {
            return failure.meaning != .denied
        } catch {
            return true
        }
    }
}

extension RedisServer {
    private static let givenPorts = Mutex<Set<UInt16>>([])

    /// A port that is nobody's now. The system gives none of these away by itself, and here nobody gets one twice: a
    /// server that was killed finds its own again.
    static func freePort() throws -> UInt16 {
        for _ in 0..<1_000 {
            let port = UInt16.random(in: 10_000...19_999)
            let isNew = givenPorts.withLock { $0.insert(port).inserted }
            if try isNew && isFree(port) { return port }
        }
        throw Failure(description: "no free port")
    }

    private static func isFree(_ port: UInt16) throws -> Bool {
        let file = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(file) }
        return try withAddress(port) { bind(file, $0, $1) } == 0
    }

    private static func withAddress<Result>(
        _ port: UInt16, _ body: (UnsafePointer<sockaddr>, socklen_t) throws -> Result
    ) throws -> Result {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        return try withUnsafePointer(to: &address) { pointer in
            try pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                try body($0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
    }

    private static func temporaryDirectory() throws -> String {
        var template = Array("/tmp/roost-redis-XXXXXX".utf8CString)
        guard let path = mkdtemp(&template) else { throw Failure(description: "no temporary directory") }
        return String(cString: path)
    }
}

/// Looks again and again until a condition holds, for a bounded time.
func poll(
    _ complaint: @autoclosure () -> String, seconds: Int64 = 60, _ condition: () throws -> Bool
) throws {
    let deadline = now() + seconds * 1_000
    while try !condition() {
        guard now() < deadline else { throw RedisServer.Failure(description: complaint()) }
        usleep(2_000)
    }
}

// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import Foundation
import Packets
import Testing

/// `roost serve` as a process of its own.
@Suite(.timeLimit(.minutes(1)))
struct ServeTests {
    @Test(arguments: [
        (["--flag"], "Unknown option '--flag'"), (["--store", "file:x"], "sqlite:FILE, lmdb:DIRECTORY"),
        (["--store", "memory:", "--listen", "0.0.0.0:0"], "--allow-anonymous"),
        (["--store", "memory:", "--listen", "1883"], "the port is missing"),
        (["--store", "memory:", "--receive-maximum", "0"], "--receive-maximum"),
        (["--store", "memory:", "--receive-maximum", "70000"], "--receive-maximum"),
        (["--store", "memory:", "--maximum-qos", "3"], "must be 0, 1 or 2"),
        (["--store", "memory:", "--durability", "most"], "--durability"),
        (["--store", "memory:", "--log-format", "xml"], "--log-format"),
        (["--store", "sqlite:/nowhere/at/all.db"], "/nowhere/at"),
        (["--store", "lmdb:/nowhere/at/all"], "/nowhere/at"),
        (["--store", "redis://localhost:port"], "port"),
    ])
    func `a mistake on the command line is one clear sentence`(flags: [String], words: String) async throws {
        let roost = try RoostProcess(["serve"] + flags)
        let (code, text) = try await roost.end()
        #expect(code != 0)
        #expect(text.contains(words), "\(text)")
        #expect(!text.contains("serving"))
    }

    @Test func `a taken port ends the start and names the port`() async throws {
        let first = try RoostProcess("serve", "--store", "memory:", "--listen", "127.0.0.1:0")
        let port = try await first.port()
        let second = try RoostProcess("serve", "--store", "memory:", "--listen", "127.0.0.1:\(port)")
        let (code, text) = try await second.end()
        #expect(code == 1)
        #expect(text.contains("Another process listens on 127.0.0.1:\(port)"))
    }

    @Test(arguments: [SIGTERM, SIGINT])
    func `a signal ends the broker gracefully with exit code 0`(signal: Int32) async throws {
        let roost = try RoostProcess("serve", "--store", "memory:", "--listen", "127.0.0.1:0")
        let client = try await TestClient.connect(port: try await roost.port(), "client")
        roost.signal(signal)
        try await client.expectDisconnect(.serverShuttingDown)
        let (code, text) = try await roost.end()
        #expect(code == 0, "\(text)")
        #expect(text.contains("ended"))
    }

    @Test func `a start says where the data is, how safe it is, and what was found`() async throws {
        let directory = try TestDirectory()
        let path = directory.file("roost.db")
        for start in 0...1 {
            let roost = try RoostProcess("serve", "--store", "sqlite:\(path)", "--listen", "127.0.0.1:0")
            let port = try await roost.port()
            let text = roost.text
            #expect(text.contains("location=\(path)"))
            #expect(text.contains("durability=disk"))
            #expect(text.contains("sessions=\(start) "))
            #expect(text.contains("queued=\(start) "))
            let client = try await TestClient.connect(
                port: port, "client", cleanStart: false, sessionExpiry: 1000, sessionPresent: start == 1)
            if start == 0 {
                try await client.subscribe("a", qos: .atLeastOnce)
            } else {
                try await client.expect("a", "kept", qos: .atLeastOnce)
            }
            try await client.disconnect()
            let publisher = try await TestClient.connect(port: port, "publisher")
            try await publisher.publish("a", "kept", qos: .atLeastOnce, id: 1)
            try await publisher.expect(.puback(Acknowledgement(packetID: 1)))
            roost.signal(SIGKILL)
            _ = try await roost.end()
        }
    }

    @Test func `JSON lines are JSON`() async throws {
        let roost = try RoostProcess(
            "serve", "--store", "memory:", "--listen", "127.0.0.1:0", "--log-format", "json")
        try await roost.says("serving")
        roost.signal(SIGTERM)
        let (_, text) = try await roost.end()
        let lines = text.split(separator: "\n")
        #expect(lines.count >= 3)
        for line in lines {
            let object = try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any]
            #expect(object?["message"] is String)
        }
    }

    @Test func `a file that is no database is refused and left as it is`() async throws {
        let directory = try TestDirectory()
        let path = directory.file("roost.db")
        let garbage = Data(repeating: 0x55, count: 8192)
        try garbage.write(to: URL(fileURLWithPath: path))
        let roost = try RoostProcess("serve", "--store", "sqlite:\(path)", "--listen", "127.0.0.1:0")
        let (code, text) = try await roost.end()
        #expect(code == 1)
        #expect(text.hasPrefix("roost: "), "\(text)")
        #expect(text.contains(path))
        #expect(try Data(contentsOf: URL(fileURLWithPath: path)) == garbage)
    }

    @Test func `a second broker on the same database is refused`() async throws {
        let directory = try TestDirectory()
        let store = "sqlite:\(directory.file("roost.db"))"
        let first = try RoostProcess("serve", "--store", store, "--listen", "127.0.0.1:0")
        _ = try await first.port()
        let second = try RoostProcess("serve", "--store", store, "--listen", "127.0.0.1:0")
        let (code, text) = try await second.end()
        #expect(code == 1)
        #expect(text.contains("roost.db"), "\(text)")
    }
}

// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import Foundation
import Testing

/// `roost inspect`, `verify` and `migrate` as processes of their own.
@Suite(.timeLimit(.minutes(5)))
struct ToolTests {
    private let directory: TestDirectory

    init() throws {
        directory = try TestDirectory()
    }

    private func run(_ arguments: String...) async throws -> (code: Int32, text: String) {
        try await RoostProcess(arguments).end()
    }

    /// A broker on an SQLite database.
    private func serveSQLite() async throws -> (roost: RoostProcess, store: String) {
        let store = "sqlite:" + directory.file("roost.db")
        let roost = try RoostProcess("serve", "--store", store, "--listen", "127.0.0.1:0")
        _ = try await roost.port()
        return (roost, store)
    }

    @Test(arguments: [
        (["inspect", "sqlite:/nowhere/at.db"], "/nowhere/at.db cannot be opened"),
        (["verify", "lmdb:/nowhere"], "/nowhere/data.mdb cannot be opened"),
        (["inspect", "files:x"], "use sqlite:FILE, lmdb:DIRECTORY"),
        (["migrate", "memory:", "sqlite:/nowhere/at/all.db"], "there is nothing to read in memory:"),
        (["migrate", "sqlite:/nowhere/at.db", "sqlite:/nowhere/at.db"], "the same store"),
        (["migrate", "redis://localhost:1", "sqlite:/nowhere/at/all.db"], "cannot be reached"),
        (["verify", "sqlite:/etc/passwd"], "is not an SQLite database"),
        (["verify", "redis://user:secret@localhost:99999"], "no port of Redis"),
    ])
    func `what cannot be done is one sentence and exit code 1`(arguments: [String], words: String)
        async throws
    {
        let (code, text) = try await RoostProcess(arguments).end()
        #expect(code == 1)
        #expect(text.contains(words), "\(text)")
        #expect(text.split(separator: "\n").count == 1)
        #expect(!text.contains("secret"))
    }

    @Test func `a running broker can be looked at and cannot be migrated`() async throws {
        let (roost, store) = try await serveSQLite()
        let inspected = try await run("inspect", store, "--json")
        #expect(inspected.code == 0)
        let object = try JSONSerialization.jsonObject(with: Data(inspected.text.utf8)) as? [String: Any]
        #expect(object?["engine"] as? String == "sqlite")
        #expect((object?["counts"] as? [String: Int])?["boots"] == 1)
        let sound = try await run("verify", store)
        #expect(sound.code == 0 && sound.text.contains("is sound"), "\(sound.text)")
        let refused = try await run("migrate", store, "lmdb:" + directory.file("lmdb"))
        #expect(refused.code == 1 && refused.text.contains("in use by another Roost"), "\(refused.text)")
        roost.signal(SIGTERM)
        #expect(try await roost.end().code == 0)
    }

    @Test func `a store is migrated once, and again only with a flag`() async throws {
        let (roost, store) = try await serveSQLite()
        roost.signal(SIGTERM)
        _ = try await roost.end()
        let target = "lmdb:" + directory.file("lmdb")
        let first = try await run("migrate", store, target)
        #expect(first.code == 0, "\(first.text)")
        let second = try await run("migrate", store, target)
        #expect(second.code == 1 && second.text.contains("--overwrite"), "\(second.text)")
        let third = try await run("migrate", store, target, "--overwrite", "--json")
        #expect(third.code == 0, "\(third.text)")
        let object = try JSONSerialization.jsonObject(with: Data(third.text.utf8)) as? [String: Any]
        #expect((object?["kinds"] as? [String: [String: Any]])?["boots"]?["count"] as? Int == 1)
    }
}

// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import Testing

@testable import Server

struct StoreAddressTests {
    @Test func `a store is named by its scheme`() throws {
        let sqlite = try StoreAddress(parsing: "sqlite:data/a:b.db")
        #expect(sqlite.scheme == .sqlite)
        #expect(sqlite.rest == "data/a:b.db")
        #expect(try StoreAddress(parsing: "memory:").scheme == .memory)
    }

    @Test(arguments: ["redis:localhost", "sqlite", "", "SQLITE:x"])
    func `an unknown scheme is refused with the known ones`(text: String) {
        let error = #expect(throws: BrokerError.self) { try StoreAddress(parsing: text) }
        #expect(error?.message.contains("sqlite:FILE or memory:") == true)
    }

    @Test(arguments: [("sqlite:", "The file is missing"), ("memory:x", "takes no address")])
    func `the rest must fit the scheme`(text: String, why: String) {
        let error = #expect(throws: BrokerError.self) { try StoreAddress(parsing: text) }
        #expect(error?.code == .invalidOption)
        #expect(error?.message.contains(why) == true)
    }
}

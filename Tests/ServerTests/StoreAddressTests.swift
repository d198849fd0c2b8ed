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
        #expect(try StoreAddress(parsing: "lmdb:data/lmdb").scheme == .lmdb)
        #expect(try StoreAddress(parsing: "redis+unix:/run/redis.sock").scheme == .redisUnix)
    }

    @Test func `an address of Redis is kept whole for the store`() throws {
        let text = "redis://user:secret@host:6379/2?prefix=a"
        let address = try StoreAddress(parsing: text)
        #expect(address.scheme == .redis)
        #expect(address.text == text)
    }

    @Test func `a password in an address that is refused is not shown`() {
        let error = #expect(throws: BrokerError.self) {
            try StoreAddress(parsing: "valkey://user:secret@host")
        }
        #expect(error?.message.contains("secret") == false)
    }

    @Test(arguments: ["postgres:localhost", "sqlite", "", "SQLITE:x"])
    func `an unknown scheme is refused with the known ones`(text: String) {
        let error = #expect(throws: BrokerError.self) { try StoreAddress(parsing: text) }
        #expect(error?.message.contains("sqlite:FILE, lmdb:DIRECTORY, redis://") == true)
    }

    @Test(arguments: [
        ("sqlite:", "The file is missing"), ("lmdb:", "The directory is missing"),
        ("redis:", "The host is missing"), ("memory:x", "takes no address"),
    ])
    func `the rest must fit the scheme`(text: String, why: String) {
        let error = #expect(throws: BrokerError.self) { try StoreAddress(parsing: text) }
        #expect(error?.code == .invalidOption)
        #expect(error?.message.contains(why) == true)
    }
}

// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import Packets
import Testing

@testable import Server

struct ListenAddressTests {
    @Test(arguments: [
        ("127.0.0.1:1883", "127.0.0.1", 1883), ("localhost:0", "localhost", 0), ("[::1]:65535", "::1", 65535),
        ("broker.example:8883", "broker.example", 8883),
    ])
    func `an address is a host and a port`(text: String, host: String, port: Int) throws {
        let address = try ListenAddress(parsing: text)
        #expect(address == ListenAddress(host: host, port: port))
        #expect(address.description == text)
    }

    @Test(arguments: [
        ("1883", "port is missing"), ("localhost", "port is missing"), (":1883", "host is missing"),
        ("localhost:", "0 to 65535"), ("localhost:65536", "0 to 65535"), ("localhost:-1", "0 to 65535"),
        ("localhost:18x", "0 to 65535"), ("::1:1883", "brackets"), ("[]:1883", "brackets"),
        ("mqtt://localhost:1883", "brackets"),
    ])
    func `what is not an address is refused with what is wrong`(text: String, why: String) {
        let error = #expect(throws: BrokerError.self) { try ListenAddress(parsing: text) }
        #expect(error?.code == .invalidAddress)
        #expect(error?.message.contains(why) == true)
        #expect(error?.message.contains(text) == true)
    }

    @Test(arguments: [
        ("127.0.0.1", true), ("127.8.9.10", true), ("::1", true), ("0.0.0.0", false), ("::", false),
        ("192.0.2.1", false), ("2001:db8::1", false),
    ])
    func `only this machine reaches a loopback address`(host: String, isLoopback: Bool) throws {
        let address = try ListenAddress(host: host, port: 1).resolved()
        #expect(ListenAddress.isLoopback(address) == isLoopback)
    }

    @Test func `a resolved address is written as it was read`() throws {
        let address = try ListenAddress(parsing: "[::1]:1883").resolved()
        #expect(ListenAddress.text(address) == "[::1]:1883")
    }

    @Test(arguments: ["127.0.0.1:1883", "0.0.0.0:1", "255.255.255.255:65535", "10.0.100.9:80"])
    func `the text of an IPv4 address is what it was read from`(text: String) throws {
        #expect(ListenAddress.text(try ListenAddress(parsing: text).resolved()) == Text(text))
    }
}

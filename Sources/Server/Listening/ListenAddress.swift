// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import NIOCore
import Packets

/// A host and a port, as `HOST:PORT` or `[IPv6]:PORT`.
package struct ListenAddress: Hashable, Sendable, CustomStringConvertible {
    /// A name or an address, without brackets.
    package var host: String
    /// Zero lets the system choose.
    package var port: Int

    package init(host: String, port: Int) {
        self.host = host
        self.port = port
    }

    /// Reads `HOST:PORT`; an IPv6 address stands in brackets.
    package init(parsing text: String) throws(BrokerError) {
        guard let colon = text.lastIndex(of: ":") else {
            throw ListenAddress.unreadable(text, "the port is missing")
        }
        let digits = text[text.index(after: colon)...]
        guard !digits.isEmpty, digits.allSatisfy({ $0.isASCII && $0.isNumber }), let port = Int(digits),
            port <= 65535
        else {
            throw ListenAddress.unreadable(text, "the port must be a number from 0 to 65535")
        }
        let host = text[..<colon]
        if host.hasPrefix("["), host.hasSuffix("]"), host.count > 2 {
            self.init(host: String(host.dropFirst().dropLast()), port: port)
        } else if host.isEmpty {
            throw ListenAddress.unreadable(text, "the host is missing; 0.0.0.0 means every IPv4 address")
        } else if host.contains(where: { "[]:/ ".contains($0) }) {
            throw ListenAddress.unreadable(text, "an IPv6 address must stand in brackets, as in [::1]:1883")
        } else {
            self.init(host: String(host), port: port)
        }
    }

    package var description: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }

    /// The socket address; asks the system's resolver when `host` is a name, and blocks meanwhile.
    func resolved() throws(BrokerError) -> SocketAddress {
        do {
            return try SocketAddress.makeAddressResolvingHost(host, port: port)
        } catch {
            throw BrokerError(
                .invalidAddress,
                "The listen address \(self) cannot be resolved; use an IP address or a name that this machine knows."
            )
        }
    }

    private static func unreadable(_ text: String, _ why: String) -> BrokerError {
        BrokerError(.invalidAddress, "\"\(text)\" is not a listen address (HOST:PORT): \(why).")
    }
}

extension ListenAddress {
    /// `address` as `HOST:PORT`; an IPv4 address, which every connection of most brokers has, without the system's
    /// formatting, which costs five thousand instructions.
    static func text(_ address: SocketAddress) -> Text {
        if case .v4(let address) = address { return withUnsafeBytes(of: address.address, ipv4Text) }
        guard let host = address.ipAddress, let port = address.port else { return Text("\(address)") }
        return Text(ListenAddress(host: host, port: port).description)
    }

    /// `raw` is a `sockaddr_in` (ip(7)): the family, then port and host in network order.
    private static func ipv4Text(_ raw: UnsafeRawBufferPointer) -> Text {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(ipv4BytesMax)
        for index in 4..<8 {
            appendDecimal(UInt16(raw[index]), to: &bytes)
            bytes.append(UInt8(ascii: index == 7 ? ":" : "."))
        }
        appendDecimal(UInt16(raw[2]) << 8 | UInt16(raw[3]), to: &bytes)
        return Text(bytes: bytes)
    }

    /// The length of `255.255.255.255:65535`.
    private static let ipv4BytesMax = 21

    private static func appendDecimal(_ value: UInt16, to bytes: inout [UInt8]) {
        if value >= 10 { appendDecimal(value / 10, to: &bytes) }
        bytes.append(UInt8(ascii: "0") + UInt8(value % 10))
    }

    /// Whether only this machine can reach `address`.
    static func isLoopback(_ address: SocketAddress) -> Bool {
        guard let host = address.ipAddress else { return address.protocol == .unix }
        return host.hasPrefix("127.") || host == "::1" || host.hasPrefix("::ffff:127.")
    }
}

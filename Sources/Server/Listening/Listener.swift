// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

/// Where clients may connect.
public struct Listener: Hashable, Sendable {
    let address: ListenAddress
    /// The name under which logs and stored client records know the listener.
    public let name: String

    /// Plain MQTT over TCP.
    ///
    /// `host` is a name or an address (IPv6 without brackets), and `port` 0 lets the system choose. An address
    /// that other machines can reach needs `BrokerOptions.allowsAnonymous` as long as nobody authenticates.
    public static func tcp(host: String = "127.0.0.1", port: Int = 1883, name: String? = nil) -> Listener {
        let address = ListenAddress(host: host, port: port)
        return Listener(address: address, name: name ?? "tcp://\(address)")
    }
}

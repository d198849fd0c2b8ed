// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

/// The last packet. Before MQTT 5 only a client sends it, and it says nothing but goodbye.
package struct Disconnect: Hashable, Sendable {
    package var reason: ReasonCode
    package var properties: Properties

    package init(reason: ReasonCode = .normalDisconnection, properties: Properties = Properties()) {
        self.reason = reason
        self.properties = properties
    }
}

extension Disconnect {
    init(from reader: inout Reader) throws(DecodeError) {
        self.init()
        guard reader.version == .v5, !reader.isAtEnd else { return }
        reason = ReasonCode(rawValue: try reader.byte())
        guard reason.isAllowed(in: .disconnect, isFromClient: reader.isServer) else {
            throw reader.error(.disconnectReason)
        }
        guard !reader.isAtEnd else { return }
        properties = try reader.properties(.disconnect)
        guard properties.sessionExpiry == nil || reader.isServer else {
            throw reader.error(.expiryFromServer)
        }
    }

    func write(to writer: inout Writer) {
        writer.append(reason, properties)
    }
}

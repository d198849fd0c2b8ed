// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

/// A step of an enhanced authentication; MQTT 5 only.
package struct Auth: Hashable, Sendable {
    package var reason: ReasonCode
    package var properties: Properties

    package init(reason: ReasonCode = .success, properties: Properties = Properties()) {
        self.reason = reason
        self.properties = properties
    }
}

extension Auth {
    /// Without any bytes it is a success without properties (section 3.15.2.1); otherwise the method must be
    /// there (section 3.15.2.2.2).
    init(from reader: inout Reader) throws(DecodeError) {
        self.init()
        if !reader.isAtEnd {
            reason = ReasonCode(rawValue: try reader.byte())
            if !reader.isAtEnd { properties = try reader.properties(.auth) }
            guard properties.authenticationMethod != nil else { throw reader.error(.authMethodMissing) }
        }
        guard reason.isAllowed(in: .auth, isFromClient: reader.isServer) else {
            throw reader.error(.authReason)
        }
    }

    func write(to writer: inout Writer) {
        writer.append(reason, properties)
    }
}

// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

/// The fifteen control packets; the raw value is the high half of their first byte.
package enum PacketType: UInt8, Hashable, Sendable, CaseIterable {
    case connect = 1
    case connack = 2
    case publish = 3
    case puback = 4
    case pubrec = 5
    case pubrel = 6
    case pubcomp = 7
    case subscribe = 8
    case suback = 9
    case unsubscribe = 10
    case unsuback = 11
    case pingreq = 12
    case pingresp = 13
    case disconnect = 14
    case auth = 15

    /// The low half of the first byte, except for PUBLISH, which keeps its flags there `[MQTT-2.1.3-1]`.
    @inlinable package var fixedFlags: UInt8 {
        self == .pubrel || self == .subscribe || self == .unsubscribe ? 0b0010 : 0
    }

    /// The rule that other flags violate.
    var flagsRule: Rule {
        switch self {
        case .pubrel: .pubrelFlags
        case .subscribe: .subscribeFlags
        case .unsubscribe: .unsubscribeFlags
        case .disconnect: .disconnectFlags
        case .auth: .authFlags
        case .connect, .connack, .publish, .puback, .pubrec, .pubcomp, .suback, .unsuback, .pingreq,
            .pingresp:
            .flags
        }
    }
}

// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

extension ReasonCode {
    /// Whether a packet of this type may carry it (the tables of section 3.x.2.1). DISCONNECT and AUTH have codes
    /// that only one side may send.
    package func isAllowed(in type: PacketType, isFromClient: Bool) -> Bool {
        switch type {
        case .connack: isAllowedInConnack
        case .puback, .pubrec: isAllowedInPuback
        case .pubrel, .pubcomp: self == .success || self == .packetIdentifierNotFound
        case .suback: isAllowedInSuback
        case .unsuback: isAllowedInUnsuback
        case .disconnect: isFromClient ? isAllowedInClientDisconnect : isAllowedInServerDisconnect
        case .auth: self == .continueAuthentication || self == (isFromClient ? .reauthenticate : .success)
        case .connect, .publish, .subscribe, .unsubscribe, .pingreq, .pingresp: false
        }
    }

    private var isAllowedInConnack: Bool {
        switch rawValue {
        case 0x00, 0x80...0x8A, 0x8C, 0x90, 0x95, 0x97, 0x99...0x9D, 0x9F: true
        default: false
        }
    }

    private var isAllowedInPuback: Bool {
        switch rawValue {
        case 0x00, 0x10, 0x80, 0x83, 0x87, 0x90, 0x91, 0x97, 0x99: true
        default: false
        }
    }

    private var isAllowedInSuback: Bool {
        switch rawValue {
        case 0x00...0x02, 0x80, 0x83, 0x87, 0x8F, 0x91, 0x97, 0x9E, 0xA1, 0xA2: true
        default: false
        }
    }

    private var isAllowedInUnsuback: Bool {
        switch rawValue {
        case 0x00, 0x11, 0x80, 0x83, 0x87, 0x8F, 0x91: true
        default: false
        }
    }

    private var isAllowedInClientDisconnect: Bool {
        switch rawValue {
        case 0x00, 0x04, 0x80...0x83, 0x90, 0x93...0x99: true
        default: false
        }
    }

    private var isAllowedInServerDisconnect: Bool {
        switch rawValue {
        case 0x00, 0x80...0x83, 0x87, 0x89, 0x8B, 0x8D...0x90, 0x93...0xA2: true
        default: false
        }
    }
}

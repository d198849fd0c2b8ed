// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

/// PUBACK, PUBREC, PUBREL or PUBCOMP.
package struct Acknowledgement: Hashable, Sendable {
    package var packetID: UInt16
    package var reason: ReasonCode
    package var properties: Properties

    package init(packetID: UInt16, reason: ReasonCode = .success, properties: Properties = Properties()) {
        self.packetID = packetID
        self.reason = reason
        self.properties = properties
    }
}

/// What the message path needs of an acknowledgement; its properties have been checked and left aside.
package struct AcknowledgementView: Hashable, Sendable {
    package var type: PacketType
    package var packetID: UInt16
    package var reason: ReasonCode

    package init(type: PacketType, packetID: UInt16, reason: ReasonCode = .success) {
        self.type = type
        self.packetID = packetID
        self.reason = reason
    }
}

extension Decoder {
    /// Reads a PUBACK, PUBREC, PUBREL or PUBCOMP.
    package func acknowledgement(
        _ frame: Frame, in bytes: UnsafeRawBufferPointer
    ) throws(DecodeError) -> AcknowledgementView {
        if frame.end &- frame.body == 2 {
            let packetID = UInt16(bytes[frame.body]) << 8 | UInt16(bytes[frame.body &+ 1])
            guard packetID != 0 else { throw error(.acknowledgedID) }
            return AcknowledgementView(type: frame.type, packetID: packetID)
        }
        var reader = reader(frame, in: bytes)
        let acknowledgement = try Acknowledgement(frame.type, from: &reader)
        try reader.finish()
        return AcknowledgementView(
            type: frame.type, packetID: acknowledgement.packetID, reason: acknowledgement.reason)
    }
}

extension Acknowledgement {
    /// Reason and properties may be missing, and the properties alone (section 3.4.2.2.1).
    init(_ type: PacketType, from reader: inout Reader) throws(DecodeError) {
        self.init(packetID: try reader.packetID(.acknowledgedID))
        guard reader.version == .v5, !reader.isAtEnd else { return }
        reason = ReasonCode(rawValue: try reader.byte())
        guard reason.isAllowed(in: type, isFromClient: reader.isServer) else {
            throw reader.error(Acknowledgement.reasonRule(type))
        }
        guard !reader.isAtEnd else { return }
        properties = try reader.properties(Acknowledgement.place(type))
    }

    private static func reasonRule(_ type: PacketType) -> Rule {
        switch type {
        case .pubrec: .pubrecReason
        case .pubrel: .pubrelReason
        case .pubcomp: .pubcompReason
        default: .pubackReason
        }
    }

    private static func place(_ type: PacketType) -> PropertyPlace {
        PropertyPlace(rawValue: type.rawValue) ?? .puback
    }

    func write(to writer: inout Writer) {
        writer.append(packetID)
        writer.append(reason, properties)
    }
}

extension Writer {
    /// A reason and properties at the end of a packet, left out as far as they say nothing.
    mutating func append(_ reason: ReasonCode, _ properties: Properties) {
        guard version == .v5, reason != .success || !properties.isEmpty else { return }
        append(reason.rawValue)
        if !properties.isEmpty { properties.write(to: &self) }
    }
}

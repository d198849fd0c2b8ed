// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

/// The answer to SUBSCRIBE: one reason for each line, in their order `[MQTT-3.9.3-1]`.
///
/// Before MQTT 5 every failure travels as 0x80.
package struct Suback: Hashable, Sendable {
    package var packetID: UInt16
    package var reasons: [ReasonCode]
    package var properties: Properties

    package init(packetID: UInt16, reasons: [ReasonCode], properties: Properties = Properties()) {
        self.packetID = packetID
        self.reasons = reasons
        self.properties = properties
    }
}

extension Suback {
    init(from reader: inout Reader) throws(DecodeError) {
        self.init(packetID: try reader.packetID(.answeredID), reasons: [])
        properties = try reader.properties(.suback)
        guard !reader.isAtEnd else { throw reader.error(.subackEmpty) }
        while !reader.isAtEnd {
            let reason = ReasonCode(rawValue: try reader.byte())
            guard reason.isAllowed(in: .suback, isFromClient: false),
                reader.version == .v5 || !reason.isError || reason == .unspecifiedError
            else { throw reader.error(.subackReason) }
            reasons.append(reason)
        }
    }

    func write(to writer: inout Writer) {
        writer.append(packetID)
        properties.write(to: &writer)
        for reason in reasons {
            writer.append(reason.isError && writer.version != .v5 ? 0x80 : reason.rawValue)
        }
    }
}

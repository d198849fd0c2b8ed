// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

/// The answer to UNSUBSCRIBE: one reason for each filter, in their order `[MQTT-3.11.3-1]`; none before MQTT 5.
package struct Unsuback: Hashable, Sendable {
    package var packetID: UInt16
    package var reasons: [ReasonCode]
    package var properties: Properties

    package init(packetID: UInt16, reasons: [ReasonCode] = [], properties: Properties = Properties()) {
        self.packetID = packetID
        self.reasons = reasons
        self.properties = properties
    }
}

extension Unsuback {
    init(from reader: inout Reader) throws(DecodeError) {
        self.init(packetID: try reader.packetID(.answeredID))
        guard reader.version == .v5 else { return }
        properties = try reader.properties(.unsuback)
        guard !reader.isAtEnd else { throw reader.error(.unsubackEmpty) }
        while !reader.isAtEnd {
            let reason = ReasonCode(rawValue: try reader.byte())
            guard reason.isAllowed(in: .unsuback, isFromClient: false) else {
                throw reader.error(.unsubackReason)
            }
            reasons.append(reason)
        }
    }

    func write(to writer: inout Writer) {
        writer.append(packetID)
        guard writer.version == .v5 else { return }
        properties.write(to: &writer)
        for reason in reasons { writer.append(reason.rawValue) }
    }
}

// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

package import NIOCore

/// Writes PUBACK, PUBREC, PUBREL and PUBCOMP without properties: the ones of the message path.
package enum AcknowledgementEncoder {
    /// Appends four bytes, or five when MQTT 5 has a reason to give.
    package static func append(
        _ type: PacketType, packetID: UInt16, reason: ReasonCode = .success, version: ProtocolVersion,
        to buffer: inout ByteBuffer
    ) {
        let hasReason = version == .v5 && reason != .success
        buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: 5) { target in
            target[0] = type.rawValue << 4 | type.fixedFlags
            target[1] = hasReason ? 3 : 2
            target[2] = UInt8(truncatingIfNeeded: packetID >> 8)
            target[3] = UInt8(truncatingIfNeeded: packetID)
            target[4] = reason.rawValue
            return hasReason ? 5 : 4
        }
    }
}

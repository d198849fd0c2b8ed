// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

/// Where one whole packet lies in a buffer.
package struct Frame: Hashable, Sendable {
    /// The high half of the first byte.
    package var type: PacketType
    /// The low half of the first byte.
    package var flags: UInt8
    /// Offset of the fixed header.
    package var start: Int
    /// Offset of the variable header.
    package var body: Int
    /// Offset of the first byte behind the packet: where the next scan begins.
    package var end: Int
}

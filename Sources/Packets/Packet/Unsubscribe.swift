// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

/// A client's wish not to receive messages any more.
package struct Unsubscribe: Hashable, Sendable {
    package var packetID: UInt16
    /// As the client wrote them: valid UTF-8, but perhaps no topic filters.
    package var filters: [Text]
    package var properties: Properties

    package init(packetID: UInt16, filters: [Text], properties: Properties = Properties()) {
        self.packetID = packetID
        self.filters = filters
        self.properties = properties
    }
}

extension Unsubscribe {
    init(from reader: inout Reader) throws(DecodeError) {
        self.init(packetID: try reader.packetID(.clientPacketID), filters: [])
        properties = try reader.properties(.unsubscribe)
        guard !reader.isAtEnd else { throw reader.error(.noFilter) }
        while !reader.isAtEnd { filters.append(try reader.text()) }
    }

    func write(to writer: inout Writer) {
        writer.append(packetID)
        properties.write(to: &writer)
        for filter in filters { writer.append(filter) }
    }
}

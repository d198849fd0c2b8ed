// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

/// A message on its way, in either direction.
package struct Publish: Hashable, Sendable {
    package var dup: Bool
    package var qos: QoS
    package var retain: Bool
    /// Empty when only a topic alias is given.
    package var topic: Text
    /// Zero for QoS 0.
    package var packetID: UInt16
    package var payload: [UInt8]
    package var properties: Properties

    package init(
        dup: Bool = false, qos: QoS = .atMostOnce, retain: Bool = false, topic: Text, packetID: UInt16 = 0,
        payload: [UInt8] = [], properties: Properties = Properties()
    ) {
        self.dup = dup
        self.qos = qos
        self.retain = retain
        self.topic = topic
        self.packetID = packetID
        self.payload = payload
        self.properties = properties
    }
}

extension Publish {
    init(_ frame: Frame, from reader: inout Reader) throws(DecodeError) {
        let view = try PublishView(frame, from: &reader)
        self.init(
            dup: view.dup, qos: view.qos, retain: view.retain, topic: reader.text(view.topic),
            packetID: view.packetID, payload: reader.copy(view.payload))
        var walk = PropertyWalk(view.properties, of: reader, in: .publish)
        properties = try Properties(from: &walk)
    }

    /// The low half of the first byte.
    var flags: UInt8 { (dup ? 8 : 0) | qos.rawValue << 1 | (retain ? 1 : 0) }

    func write(to writer: inout Writer) {
        writer.append(topic)
        if qos != .atMostOnce { writer.append(packetID) }
        properties.write(to: &writer)
        writer.append(raw: payload)
    }
}

// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

package import NIOCore

extension Packet {
    /// Appends the packet as `version` has it and says whether it did.
    ///
    /// A packet that is larger than `packetBytesMax` is not sent `[MQTT-3.1.2-24]`; answers first drop their
    /// reason string, then their user properties (`[MQTT-3.2.2-19]`, `[MQTT-3.4.2-2]` and their like). False means
    /// that nothing was written: the packet is still too large, holds a string that MQTT cannot carry, or does not
    /// exist in `version`.
    package func encode(
        into buffer: inout ByteBuffer, version: ProtocolVersion, packetBytesMax: Int = .max
    ) -> Bool {
        guard version == .v5 || type != .auth else { return false }
        if encodeWhole(into: &buffer, version, packetBytesMax) { return true }
        var packet = self
        while version == .v5, packet.dropDiagnostics() {
            if packet.encodeWhole(into: &buffer, version, packetBytesMax) { return true }
        }
        return false
    }

    /// Appends fixed header and body, unless that is too much.
    private func encodeWhole(
        into buffer: inout ByteBuffer, _ version: ProtocolVersion, _ packetBytesMax: Int
    ) -> Bool {
        var body = Writer(version: version)
        write(to: &body)
        let count = body.bytes.count
        guard body.isSound, count <= variableByteIntegerMax else { return false }
        let packetBytes = 1 + variableByteCount(count) + count
        guard packetBytes <= packetBytesMax else { return false }
        let first = type.rawValue << 4 | flags
        buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: packetBytes) { target in
            var cursor = WriteCursor(target)
            cursor.put(first)
            cursor.put(variableByteInteger: count)
            body.bytes.withUnsafeBytes { cursor.put($0) }
            return packetBytes
        }
        return true
    }

    private var flags: UInt8 {
        if case .publish(let publish) = self { publish.flags } else { type.fixedFlags }
    }

    private func write(to writer: inout Writer) {
        switch self {
        case .connect(let packet): packet.write(to: &writer)
        case .connack(let packet): packet.write(to: &writer)
        case .publish(let packet): packet.write(to: &writer)
        case .puback(let packet), .pubrec(let packet), .pubrel(let packet), .pubcomp(let packet):
            packet.write(to: &writer)
        case .subscribe(let packet): packet.write(to: &writer)
        case .suback(let packet): packet.write(to: &writer)
        case .unsubscribe(let packet): packet.write(to: &writer)
        case .unsuback(let packet): packet.write(to: &writer)
        case .pingreq, .pingresp: break
        case .disconnect(let packet): packet.write(to: &writer)
        case .auth(let packet): packet.write(to: &writer)
        }
    }
}

/// Making a packet smaller.
extension Packet {
    /// Takes away what is only for people; false when there is nothing left to take.
    private mutating func dropDiagnostics() -> Bool {
        guard var properties = answerProperties, properties.dropDiagnostics() else { return false }
        answerProperties = properties
        return true
    }

    /// The properties of an answer; nil for other packets.
    private var answerProperties: Properties? {
        get {
            switch self {
            case .connack(let packet): packet.properties
            case .puback(let packet), .pubrec(let packet), .pubrel(let packet), .pubcomp(let packet):
                packet.properties
            case .suback(let packet): packet.properties
            case .unsuback(let packet): packet.properties
            case .disconnect(let packet): packet.properties
            case .auth(let packet): packet.properties
            case .connect, .publish, .subscribe, .unsubscribe, .pingreq, .pingresp: nil
            }
        }
        set {
            guard let newValue else { return }
            self = replacingProperties(newValue)
        }
    }

    private func replacingProperties(_ properties: Properties) -> Packet {
        switch self {
        case .connack(let packet): .connack(changed(packet, \.properties, properties))
        case .puback(let packet): .puback(changed(packet, \.properties, properties))
        case .pubrec(let packet): .pubrec(changed(packet, \.properties, properties))
        case .pubrel(let packet): .pubrel(changed(packet, \.properties, properties))
        case .pubcomp(let packet): .pubcomp(changed(packet, \.properties, properties))
        case .suback(let packet): .suback(changed(packet, \.properties, properties))
        case .unsuback(let packet): .unsuback(changed(packet, \.properties, properties))
        case .disconnect(let packet): .disconnect(changed(packet, \.properties, properties))
        case .auth(let packet): .auth(changed(packet, \.properties, properties))
        case .connect, .publish, .subscribe, .unsubscribe, .pingreq, .pingresp: self
        }
    }
}

/// `value` with one field changed.
private func changed<Value, Field>(
    _ value: Value, _ field: WritableKeyPath<Value, Field>, _ new: Field
) -> Value {
    var value = value
    value[keyPath: field] = new
    return value
}

extension Properties {
    /// Drops the reason string, or if there is none the user properties.
    fileprivate mutating func dropDiagnostics() -> Bool {
        if reasonString != nil {
            reasonString = nil
        } else if !user.isEmpty {
            user = []
        } else {
            return false
        }
        return true
    }
}

// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

/// What the broker publishes for a client that goes without saying so.
package struct Will: Hashable, Sendable {
    package var topic: Text
    package var payload: [UInt8]
    package var qos: QoS
    package var retain: Bool
    package var properties: Properties

    package init(
        topic: Text, payload: [UInt8] = [], qos: QoS = .atMostOnce, retain: Bool = false,
        properties: Properties = Properties()
    ) {
        self.topic = topic
        self.payload = payload
        self.qos = qos
        self.retain = retain
        self.properties = properties
    }
}

/// The first packet of a client.
///
/// MQTT 3.1 differs from what follows: its protocol name is `MQIsdp`, its reserved flag means nothing, and a
/// user name or password that was announced may be missing at the end. The length of its client identifier is
/// not checked here.
///
/// A bridge of mosquitto sets the highest bit of the protocol level before MQTT 5, to be treated as one: what it has
/// published is not sent back to it, and retain flags stay as published. Without that two brokers would send a message to
/// each other again and again.
package struct Connect: Hashable, Sendable {
    package var version: ProtocolVersion
    package var clientID: Text
    /// Clean Session before MQTT 5.
    package var cleanStart: Bool
    /// Seconds; zero switches it off.
    package var keepAlive: UInt16
    package var username: Text?
    package var password: [UInt8]?
    package var will: Will?
    package var properties: Properties
    /// Whether the level said so.
    package var isBridge = false

    package init(
        version: ProtocolVersion = .v5, clientID: Text = "", cleanStart: Bool = true, keepAlive: UInt16 = 0,
        username: Text? = nil, password: [UInt8]? = nil, will: Will? = nil,
        properties: Properties = Properties()
    ) {
        self.version = version
        self.clientID = clientID
        self.cleanStart = cleanStart
        self.keepAlive = keepAlive
        self.username = username
        self.password = password
        self.will = will
        self.properties = properties
    }
}

/// The byte that says which version a client speaks.
private struct ConnectLevel {
    private static let bridge: UInt8 = 0x80

    let version: ProtocolVersion
    let isBridge: Bool

    init?(_ byte: UInt8) {
        isBridge = byte & Self.bridge != 0
        guard let version = ProtocolVersion(rawValue: byte & ~Self.bridge), !isBridge || version != .v5 else {
            return nil
        }
        self.version = version
    }

    static func byte(_ version: ProtocolVersion, isBridge: Bool) -> UInt8 {
        isBridge ? version.rawValue | bridge : version.rawValue
    }
}

/// The flags byte.
private struct ConnectFlags {
    let rawValue: UInt8

    var username: Bool { rawValue & 0x80 != 0 }
    var password: Bool { rawValue & 0x40 != 0 }
    var willRetain: Bool { rawValue & 0x20 != 0 }
    var willQoS: QoS? { QoS(rawValue: rawValue >> 3 & 3) }
    var will: Bool { rawValue & 0x04 != 0 }
    var cleanStart: Bool { rawValue & 0x02 != 0 }

    /// Reads the byte and checks that the flags agree with each other.
    init(from reader: inout Reader) throws(DecodeError) {
        rawValue = try reader.byte()
        guard rawValue & 0x01 == 0 || reader.version == .v31 else { throw reader.error(.connectReserved) }
        guard let willQoS else { throw reader.error(.willQoS) }
        guard will || willQoS == .atMostOnce else { throw reader.error(.willQoSWithoutWill) }
        guard will || !willRetain else { throw reader.error(.willRetainWithoutWill) }
        guard username || !password || reader.version == .v5 else { throw reader.error(.passwordAlone) }
    }

    init(_ connect: Connect) {
        var flags: UInt8 = connect.cleanStart ? 0x02 : 0
        if let will = connect.will { flags |= 0x04 | will.qos.rawValue << 3 | (will.retain ? 0x20 : 0) }
        if connect.password != nil { flags |= 0x40 }
        if connect.username != nil { flags |= 0x80 }
        rawValue = flags
    }
}

/// Decoding.
extension Connect {
    /// A refusal says which level the client speaks as soon as that is known.
    init(from reader: inout Reader) throws(DecodeError) {
        var level: UInt8?
        do throws(DecodeError) {
            let isMQIsdp = try Connect.isMQIsdp(&reader)
            level = try reader.byte()
            guard let spoken = level.flatMap(ConnectLevel.init), (spoken.version == .v31) == isMQIsdp else {
                throw reader.error(.protocolLevel)
            }
            reader.version = spoken.version
            try self.init(spoken.version, from: &reader)
            isBridge = spoken.isBridge
        } catch {
            let isFormat = error == reader.error(.truncated) || error == reader.error(.trailing)
            var refusal = isFormat ? reader.error(.connectFormat) : error
            refusal.clientLevel = level
            throw refusal
        }
    }

    /// Reads the protocol name and says whether it is that of MQTT 3.1.
    private static func isMQIsdp(_ reader: inout Reader) throws(DecodeError) -> Bool {
        let name = try reader.lengthPrefixed().slice(of: reader.bytes)
        if name.elementsEqual("MQTT".utf8) { return false }
        guard name.elementsEqual("MQIsdp".utf8) else { throw reader.error(.protocolName) }
        return true
    }

    private init(_ version: ProtocolVersion, from reader: inout Reader) throws(DecodeError) {
        let flags = try ConnectFlags(from: &reader)
        let keepAlive = try reader.uint16()
        let properties = try reader.properties(.connect)
        let clientID = try reader.text()
        let will = flags.will ? try Will(flags, from: &reader) : nil
        let mayBeMissing = version == .v31
        let hasUsername = flags.username && !(mayBeMissing && reader.isAtEnd)
        let username = hasUsername ? try reader.text() : nil
        let hasPassword = flags.password && !(mayBeMissing && reader.isAtEnd)
        let password = hasPassword ? try reader.binary() : nil
        try reader.finish()
        self.init(
            version: version, clientID: clientID, cleanStart: flags.cleanStart, keepAlive: keepAlive,
            username: username, password: password, will: will, properties: properties)
    }
}

extension Will {
    fileprivate init(_ flags: ConnectFlags, from reader: inout Reader) throws(DecodeError) {
        let properties = try reader.properties(.will)
        let topic = try reader.string()
        guard !topic.isEmpty else { throw reader.error(.willTopicEmpty) }
        guard !TextCheck.hasWildcard(topic.slice(of: reader.bytes)) else { throw reader.error(.willTopic) }
        self.init(
            topic: reader.text(topic), payload: try reader.binary(), qos: flags.willQoS ?? .atMostOnce,
            retain: flags.willRetain, properties: properties)
    }
}

/// Encoding.
extension Connect {
    func write(to writer: inout Writer) {
        writer.append(lengthPrefixed: Array((writer.version == .v31 ? "MQIsdp" : "MQTT").utf8))
        writer.append(ConnectLevel.byte(writer.version, isBridge: isBridge))
        writer.append(ConnectFlags(self).rawValue)
        writer.append(keepAlive)
        properties.write(to: &writer)
        writer.append(clientID)
        if let will {
            will.properties.write(to: &writer)
            writer.append(will.topic)
            writer.append(lengthPrefixed: will.payload)
        }
        if let username { writer.append(username) }
        if let password { writer.append(lengthPrefixed: password) }
    }
}

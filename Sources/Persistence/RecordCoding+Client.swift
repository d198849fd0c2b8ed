// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import Packets

extension RecordCoding {
    /// Appends a client record.
    public static func append(_ record: ClientRecord, to output: inout [UInt8]) {
        let start = output.count
        output.append(version)
        output.append(Kind.client.rawValue)
        output.append(ClientFlags(record).rawValue)
        output.append(record.version.rawValue)
        output.append(integer: record.session)
        output.append(integer: record.expirySeconds)
        output.append(integer: record.boot)
        output.append(integer: record.disconnectedAt)
        output.append(integer: record.dupThrough)
        output.append(text: record.clientID)
        output.append(text: record.listener)
        output.append(text: record.remote)
        if let username = record.username { output.append(text: username) }
        if let will = record.will { append(will, to: &output) }
        seal(from: start, &output)
    }

    /// Reads a client record; throws `corrupt` for bytes that are none.
    public static func decodeClient(_ bytes: UnsafeRawBufferPointer) throws(StoreError) -> ClientRecord {
        var reader = try reader(bytes, .client)
        let flags = try ClientFlags(rawValue: reader.integer())
        let version = try reader.value(ProtocolVersion.self)
        let session = try reader.integer(SessionNumber.self)
        let expirySeconds = try reader.integer(UInt32.self)
        let boot = try reader.integer(UInt64.self)
        let disconnectedAt = try reader.integer(Milliseconds.self)
        let dupThrough = try reader.integer(MessageNumber.self)
        let clientID = try reader.text()
        let listener = try reader.text()
        let remote = try reader.text()
        let username = flags.contains(.username) ? try reader.text() : nil
        let will = flags.contains(.will) ? try decodeWill(&reader, flags) : nil
        try reader.finish()
        return ClientRecord(
            session: session, clientID: clientID, version: version, username: username, listener: listener,
            remote: remote, isPersistent: flags.contains(.persistent), expirySeconds: expirySeconds,
            boot: boot, disconnectedAt: disconnectedAt, dupThrough: dupThrough, will: will)
    }

    private static func append(_ will: WillRecord, to output: inout [UInt8]) {
        output.append(will.qos.rawValue)
        output.append(integer: will.delaySeconds)
        if let expiry = will.expirySeconds { output.append(integer: expiry) }
        output.append(text: will.topic)
        output.append(string: will.properties)
        output.append(string: will.payload)
    }

    private static func decodeWill(
        _ reader: inout RecordReader, _ flags: ClientFlags
    ) throws(StoreError) -> WillRecord {
        let qos = try reader.value(QoS.self)
        let delaySeconds = try reader.integer(UInt32.self)
        let expirySeconds = flags.contains(.willExpiry) ? try reader.integer(UInt32.self) : nil
        let topic = try reader.text()
        let properties = try reader.string()
        let payload = try reader.string()
        return WillRecord(
            topic: topic, payload: payload, qos: qos, retain: flags.contains(.willRetain),
            properties: properties, delaySeconds: delaySeconds, expirySeconds: expirySeconds)
    }
}

/// What is there, and what holds, in a client record.
private struct ClientFlags: OptionSet {
    let rawValue: UInt8

    static let persistent = ClientFlags(rawValue: 1)
    static let username = ClientFlags(rawValue: 2)
    static let will = ClientFlags(rawValue: 4)
    static let willRetain = ClientFlags(rawValue: 8)
    static let willExpiry = ClientFlags(rawValue: 16)

    init(rawValue: UInt8) {
        self.rawValue = rawValue
    }

    init(_ record: ClientRecord) {
        self = []
        if record.isPersistent { insert(.persistent) }
        if record.username != nil { insert(.username) }
        guard let will = record.will else { return }
        insert(.will)
        if will.retain { insert(.willRetain) }
        if will.expirySeconds != nil { insert(.willExpiry) }
    }
}

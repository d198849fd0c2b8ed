// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

public import Packets
public import Persistence
import Synchronization

/// The pages. Each is one script, which sees one state between two batches, and looks before that whether it
/// is a state that this object has written.
extension RedisStore {
    /// See `StoredClients`.
    public func clients(after session: SessionNumber, limit: Int) throws(StoreError) -> [ClientRecord] {
        try page(.clients, after: session.key, limit: limit) {
            (_, value) throws(StoreError) -> ClientRecord in
            try Self.client(value)
        }
    }

    /// See `StoredClients`.
    public func client(_ clientID: Text) throws(StoreError) -> ClientRecord? {
        try read(.client, [.bytes(TextKey(clientID).bytes)]) { (reply) throws(StoreError) -> ClientRecord? in
            if reply[1].isNil { return nil }
            return decoded("Client \(clientID)") { () throws(StoreError) in try Self.client(reply[1].bytes) }
        }
    }

    /// See `StoredClients`.
    public func endedSessions(after session: SessionNumber, limit: Int) throws(StoreError) -> [SessionNumber]
    {
        try read(.ended, [.bytes(session.key), .number(limit)]) { (reply) throws(StoreError) in
            reply[1].elements.compactMap { SessionNumber(key: $0.bytes) }
        }
    }

    /// See `StoredSubscriptions`.
    public func subscriptions(
        after session: SessionNumber, filter: Text, limit: Int
    ) throws(StoreError) -> [SubscriptionRecord] {
        try page(.subscriptions, after: session.key + TextKey(filter).bytes, limit: limit) {
            (_, value) throws(StoreError) -> SubscriptionRecord in
            try RecordCoding.decodeSubscription(value)
        }
    }

    /// See `StoredSubscriptions`.
    public func subscriptions(of session: SessionNumber) throws(StoreError) -> [SubscriptionRecord] {
        try read(.subscriptionsOf, [.bytes(session.key)]) { (reply) throws(StoreError) in
            var records: [SubscriptionRecord] = []
            for index in stride(from: 2, to: reply.count, by: 2) {
                let value = reply[index + 1].bytes
                let record = decoded("A subscription of session \(session)") { () throws(StoreError) in
                    try RecordCoding.decodeSubscription(value)
                }
                if let record { records.append(record) }
            }
            return records
        }
    }

    /// See `StoredInflightMessages`.
    public func receptions(of session: SessionNumber) throws(StoreError) -> [UInt16] {
        try read(.receptions, [.number(session)]) { (reply) throws(StoreError) in
            reply[1].elements.compactMap { UInt16($0.text) }.sorted()
        }
    }

    /// See `StoredInflightMessages`; reads only what is not queued.
    public func packetIDs(of session: SessionNumber) throws(StoreError) -> [UInt16] {
        try read(.packetIDs, [.number(session)]) { (reply) throws(StoreError) in
            reply[1].elements.map(\.bytes).filter { $0.count == 3 }
                .map { UInt16($0[0]) << 8 | UInt16($0[1]) }.filter { $0 != 0 }
        }
    }

    /// See `StoredInflightMessages`; costs the same however many there are.
    public func deliveryCount(of session: SessionNumber) throws(StoreError) -> Int {
        try read(.deliveryCount, [.number(session)]) { (reply) throws(StoreError) in Int(reply[1].integer) }
    }

    /// See `StoredRetainedMessages`.
    public func retainedMessages(after topic: Text, limit: Int) throws(StoreError) -> [RetainedRecord] {
        try page(.retained, after: TextKey(topic).bytes, limit: limit) {
            (_, value) throws(StoreError) -> RetainedRecord in
            try Self.retained(value)
        }
    }

    /// See `StoredRetainedMessages`.
    public func retainedMessage(_ topic: Text) throws(StoreError) -> RetainedRecord? {
        try read(.retainedOne, [.bytes(TextKey(topic).bytes)]) {
            (reply) throws(StoreError) -> RetainedRecord? in
            if reply[1].isNil { return nil }
            return decoded("The retained message of \(topic)") { () throws(StoreError) in
                try Self.retained(reply[1].bytes)
            }
        }
    }

    /// See `StoredSysInfo`.
    public func sysInfo() throws(StoreError) -> SysInfoRecord {
        try read(.info, []) { (reply) throws(StoreError) -> SysInfoRecord in
            let numbers = reply.elements.map(\.number)
            guard numbers.count == 14, let batch = numbers[3] else { throw infoError }
            let counters = numbers[5...].compactMap { $0 }
            guard counters.count == 9 else { throw infoError }
            return SysInfoRecord(
                formatVersion: Self.formatVersion, batch: batch, session: counters[0], message: counters[1],
                time: Milliseconds(clamping: counters[2]), clientCount: counters[3],
                subscriptionCount: counters[4], deliveryCount: counters[5], messageCount: counters[6],
                receptionCount: counters[7], retainedCount: counters[8])
        }
    }

    private var infoError: StoreError {
        StoreError(.corrupt, "The counters in \(options.keyPrefix)info of \(location) cannot be read.")
    }

    /// See `StoredSysInfo`.
    public func boots() throws(StoreError) -> [BootRecord] {
        try read(.boots, []) { (reply) throws(StoreError) -> [BootRecord] in
            let fields = reply[1].elements
            return stride(from: 0, to: fields.count - 1, by: 2).compactMap { index -> BootRecord? in
                guard let number = fields[index].number, let time = Milliseconds(fields[index + 1].text)
                else {
                    return nil
                }
                return BootRecord(number: number, startedAt: time)
            }.sorted { $0.number < $1.number }
        }
    }
}

extension RedisStore {
    /// The format of what is stored.
    static let formatVersion: UInt32 = 1

    /// The record behind the key of its identifier.
    static func client(_ value: UnsafeRawBufferPointer) throws(StoreError) -> ClientRecord {
        let head = 2
        guard value.count > head else { throw StoreError(.corrupt, "The record is missing.") }
        let start = head + Int(value[0]) << 8 + Int(value[1])
        guard start <= value.count else { throw StoreError(.corrupt, "The record is too short.") }
        return try RecordCoding.decodeClient(UnsafeRawBufferPointer(rebasing: value[start...]))
    }

    /// The record behind its number in 20 digits.
    static func retained(_ value: UnsafeRawBufferPointer) throws(StoreError) -> RetainedRecord {
        let digits = String(decoding: value.prefix(20), as: UTF8.self)
        guard let number = MessageNumber(digits) else { throw StoreError(.corrupt, "The record is missing.") }
        let record = UnsafeRawBufferPointer(rebasing: value.dropFirst(20))
        return RetainedRecord(number: number, message: try RecordCoding.decodeMessage(record))
    }

    /// Asks for pages until `limit` records are there; what cannot be decoded is reported and left out.
    private func page<Record>(
        _ script: Script, after start: [UInt8], limit: Int,
        _ decode: ([UInt8], UnsafeRawBufferPointer) throws(StoreError) -> Record
    ) throws(StoreError) -> [Record] {
        var records: [Record] = []
        var cursor: [UInt8]? = start
        while let key = cursor, records.count < limit {
            let asked = limit - records.count
            cursor = try read(script, [.bytes(key), .number(asked)]) { (reply) throws(StoreError) in
                for index in stride(from: 2, to: reply.count, by: 2) {
                    let (key, value) = (Array(reply[index].bytes), reply[index + 1].bytes)
                    let record = decoded("A record") { () throws(StoreError) in try decode(key, value) }
                    if let record { records.append(record) }
                }
                return Self.cursor(reply, asked: asked)
            }
        }
        return records
    }

    /// Where the next page begins; `nil` after the last one.
    private static func cursor(_ reply: Reply.Value, asked: Int) -> [UInt8]? {
        let end = Array(reply[1].bytes)
        if end != Array("1".utf8) { return end }
        return (reply.count - 2) / 2 < asked ? nil : Array(reply[reply.count - 2].bytes)
    }

    /// Runs a script that reads and has looked whether it may.
    func read<Result>(
        _ script: Script, _ arguments: [Argument],
        _ body: (Reply.Value) throws(StoreError) -> Result
    ) throws(StoreError) -> Result {
        let isReading = isReading.load(ordering: .relaxed)
        let guards = isReading ? Claim.nobody : claim.arguments(forWriting: false)
        let reply = try readers.run(script, guards.map { Argument.text($0) } + arguments)
        return try reply.read { (value) throws(StoreError) -> Result in
            try Verdict.check(value, location, claim)
            return try body(value)
        }
    }

    /// The record, or `nil` and a report.
    func decoded<Record>(_ what: String, _ decode: () throws(StoreError) -> Record) -> Record? {
        do throws(StoreError) {
            return try decode()
        } catch {
            report(error, what)
            return nil
        }
    }
}

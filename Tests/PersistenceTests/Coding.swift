// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import Packets
import Testing

@testable import Persistence

/// Encodes and decodes one kind of record.
struct Coding: CustomTestStringConvertible, Sendable {
    var testDescription: String
    var bytes: [UInt8]
    /// Encodes what was decoded again, so records of all kinds can be compared.
    var recode: @Sendable (UnsafeRawBufferPointer) throws(StoreError) -> [UInt8]

    init(_ name: String, _ record: ClientRecord) {
        testDescription = name
        bytes = encoded { RecordCoding.append(record, to: &$0) }
        recode = { (bytes) throws(StoreError) in
            let record = try RecordCoding.decodeClient(bytes)
            return encoded { RecordCoding.append(record, to: &$0) }
        }
    }

    init(_ name: String, _ record: SubscriptionRecord) {
        testDescription = name
        bytes = encoded { RecordCoding.append(record, to: &$0) }
        recode = { (bytes) throws(StoreError) in
            let record = try RecordCoding.decodeSubscription(bytes)
            return encoded { RecordCoding.append(record, to: &$0) }
        }
    }

    init(_ name: String, _ record: MessageRecord) {
        testDescription = name
        bytes = encoded { RecordCoding.append(record, to: &$0) }
        recode = { (bytes) throws(StoreError) in
            let record = try RecordCoding.decodeMessage(bytes)
            return encoded { RecordCoding.append(record, to: &$0) }
        }
    }

    init(_ name: String, _ record: DeliveryRecord) {
        testDescription = name
        bytes = encoded { RecordCoding.append(record, to: &$0) }
        recode = { (bytes) throws(StoreError) in
            let record = try RecordCoding.decodeDelivery(
                bytes, session: record.session, number: record.number, message: record.message)
            return encoded { RecordCoding.append(record, to: &$0) }
        }
    }

    /// The code with which decoding `bytes` fails; `nil` when it succeeds.
    func failure(_ bytes: [UInt8]) -> StoreError.Code? {
        do throws(StoreError) {
            _ = try bytes.span.bytes.withUnsafeBytes { (bytes) throws(StoreError) in try recode(bytes) }
            return nil
        } catch {
            return error.code
        }
    }

    static let all: [Coding] = [
        Coding("plain client", Fixtures.plainClient), Coding("full client", Fixtures.fullClient),
        Coding("plain subscription", Fixtures.plainSubscription),
        Coding("full subscription", Fixtures.fullSubscription),
        Coding("empty message", MessageRecord(topic: "", payload: [])),
        Coding("full message", Fixtures.fullMessage),
        Coding("plain delivery", Fixtures.plainDelivery), Coding("full delivery", Fixtures.fullDelivery),
    ]
}

func encoded(_ body: (inout [UInt8]) -> Void) -> [UInt8] {
    var bytes: [UInt8] = []
    body(&bytes)
    return bytes
}

/// The record with the checksum that its other bytes call for.
func resealed(_ bytes: [UInt8]) -> [UInt8] {
    var fields = Array(bytes.dropLast(4))
    let sum = fields.withUnsafeBytes { Checksum.of($0) }
    withUnsafeBytes(of: sum.littleEndian) { fields.append(contentsOf: $0) }
    return fields
}

enum Fixtures {
    static let plainClient = ClientRecord(session: 1, clientID: "")
    static let fullClient = ClientRecord(
        session: 0x0102_0304_0506_0708, clientID: "zoë/船", version: .v5, username: "", listener: "tcp:1883",
        remote: "[::1]:50000", isPersistent: false, expirySeconds: 7, boot: 3, disconnectedAt: -1,
        will: WillRecord(
            topic: "last/words", payload: [0, 255], qos: .exactlyOnce, retain: true, properties: [1, 2, 3],
            delaySeconds: 9, expirySeconds: 0))
    static let plainSubscription = SubscriptionRecord(
        session: 1, filter: "#", options: SubscriptionOptions(qos: .atMostOnce))
    static let fullSubscription = SubscriptionRecord(
        session: .max, filter: "$share/g/+/ü",
        options: SubscriptionOptions(
            qos: .exactlyOnce, noLocal: true, retainAsPublished: true, retainHandling: .doNotSend),
        identifier: 268_435_455, retainedSent: 4, retainedEnd: 5)
    static let fullMessage = MessageRecord(
        topic: "a/b", payload: Array(0...200), properties: [38, 0, 1, 65, 0, 1, 66], publisher: "me",
        qos: .exactlyOnce, publishedAt: 1_700_000_000_000, expiresAt: 1_700_000_060_000)
    static let plainDelivery = DeliveryRecord(session: 1, number: 1, message: fullMessage)
    static let fullDelivery = DeliveryRecord(
        session: 5, number: 6, qos: .exactlyOnce, retain: true, state: .released, packetID: 65_535,
        identifiers: [1, 268_435_455], share: "$share/g/a/#", message: fullMessage)
}

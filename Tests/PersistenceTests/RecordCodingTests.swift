// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import Packets
import Persistence
import Testing

struct RecordCodingTests {
    @Test(arguments: [Fixtures.plainClient, Fixtures.fullClient])
    func `A client record is read as it was written`(record: ClientRecord) throws {
        let bytes = encoded { RecordCoding.append(record, to: &$0) }
        #expect(try bytes.withUnsafeBytes { try RecordCoding.decodeClient($0) } == record)
    }

    @Test(arguments: [Fixtures.plainSubscription, Fixtures.fullSubscription])
    func `A subscription record is read as it was written`(record: SubscriptionRecord) throws {
        let bytes = encoded { RecordCoding.append(record, to: &$0) }
        #expect(try bytes.withUnsafeBytes { try RecordCoding.decodeSubscription($0) } == record)
    }

    @Test(arguments: [MessageRecord(topic: "", payload: []), Fixtures.fullMessage])
    func `A message record is read as it was written`(record: MessageRecord) throws {
        let bytes = encoded { RecordCoding.append(record, to: &$0) }
        #expect(try bytes.withUnsafeBytes { try RecordCoding.decodeMessage($0) } == record)
    }

    @Test(arguments: [Fixtures.plainDelivery, Fixtures.fullDelivery])
    func `A delivery record is read as it was written`(record: DeliveryRecord) throws {
        let bytes = encoded { RecordCoding.append(record, to: &$0) }
        let decoded = try bytes.withUnsafeBytes {
            try RecordCoding.decodeDelivery(
                $0, session: record.session, number: record.number, message: record.message)
        }
        #expect(decoded == record)
        let start = try bytes.withUnsafeBytes { try RecordCoding.deliveryStart($0) }
        #expect(start.state == record.state)
        #expect(start.packetID == record.packetID)
    }

    @Test(arguments: QoS.allCases, RetainHandling.allCases)
    func `All options of a subscription are kept`(qos: QoS, handling: RetainHandling) throws {
        for flags in 0..<4 {
            let options = SubscriptionOptions(
                qos: qos, noLocal: flags & 1 != 0, retainAsPublished: flags & 2 != 0, retainHandling: handling
            )
            let record = SubscriptionRecord(session: 1, filter: "a", options: options)
            let bytes = encoded { RecordCoding.append(record, to: &$0) }
            #expect(try bytes.withUnsafeBytes { try RecordCoding.decodeSubscription($0) }.options == options)
        }
    }

    @Test(arguments: Coding.all)
    func `Every flipped bit is noticed`(coding: Coding) {
        #expect(coding.failure(coding.bytes) == nil)
        for index in coding.bytes.indices {
            for bit in 0..<8 {
                var bytes = coding.bytes
                bytes[index] ^= 1 << bit
                #expect(coding.failure(bytes) == .corrupt, "bit \(bit) of byte \(index)")
            }
        }
    }

    @Test(arguments: Coding.all)
    func `Every shorter and every longer record is noticed`(coding: Coding) {
        for count in coding.bytes.indices {
            #expect(coding.failure(Array(coding.bytes[..<count])) == .corrupt, "\(count) bytes")
        }
        #expect(coding.failure(coding.bytes + [0]) == .corrupt)
    }

    @Test(arguments: Coding.all)
    func `A record of another kind is not taken for this one`(coding: Coding) {
        for other in Coding.all where other.bytes[1] != coding.bytes[1] {
            #expect(coding.failure(other.bytes) == .corrupt)
        }
    }

    @Test(arguments: Coding.all, [UInt8(0), 127, 255])
    func `Wrong fields under a right checksum are corrupt at worst`(coding: Coding, value: UInt8) {
        for index in 2..<(coding.bytes.count - 4) {
            var bytes = coding.bytes
            bytes[index] = value
            let failure = coding.failure(resealed(bytes))
            #expect(failure == nil || failure == .corrupt, "byte \(index)")
        }
    }

    @Test(arguments: Coding.all)
    func `A record of a newer version is told from a corrupt one`(coding: Coding) {
        var bytes = coding.bytes
        bytes[0] = RecordCoding.version + 1
        #expect(coding.failure(bytes) == .corrupt)
        #expect(coding.failure(resealed(bytes)) == .newerFormat)
        bytes[0] = 0
        #expect(coding.failure(resealed(bytes)) == .corrupt)
    }

    @Test func `A batch encodes records into its own arena`() throws {
        var batch = ChangeBatch()
        _ = batch.append(bytes: [1, 2, 3])
        let client = batch.append(Fixtures.fullClient)
        let subscription = batch.append(Fixtures.fullSubscription)
        let message = batch.append(Fixtures.fullMessage)
        let delivery = batch.append(Fixtures.fullDelivery)
        #expect(batch.bytes(client) == encoded { RecordCoding.append(Fixtures.fullClient, to: &$0) })
        #expect(
            batch.bytes(subscription) == encoded { RecordCoding.append(Fixtures.fullSubscription, to: &$0) })
        #expect(batch.bytes(message) == encoded { RecordCoding.append(Fixtures.fullMessage, to: &$0) })
        #expect(batch.bytes(delivery) == encoded { RecordCoding.append(Fixtures.fullDelivery, to: &$0) })
        #expect(batch.bytes(.empty) == [])
    }

    @Test func `Raw pieces and whole records are encoded alike`() {
        let record = Fixtures.fullMessage
        var batch = ChangeBatch()
        let slice = record.payload.withUnsafeBytes { payload in
            record.topic.bytes.withUnsafeBytes { topic in
                batch.appendMessage(
                    topic: topic, properties: UnsafeRawBufferPointer(start: nil, count: 0), payload: payload,
                    publisher: UnsafeRawBufferPointer(start: nil, count: 0), qos: record.qos,
                    publishedAt: record.publishedAt, expiresAt: record.expiresAt)
            }
        }
        var expected = record
        expected.properties = []
        expected.publisher = ""
        #expect(batch.bytes(slice) == encoded { RecordCoding.append(expected, to: &$0) })
    }

    @Test func `A batch that was emptied keeps nothing`() {
        var batch = ChangeBatch()
        batch.makesRoom = true
        let clientID = batch.append(bytes: [65])
        let record = batch.append(Fixtures.plainClient)
        batch.append(.client(session: 1, clientID: clientID, record: record))
        batch.removeAll()
        let changes = batch.changes
        #expect(changes.isEmpty)
        let arenaBytes = batch.arenaBytes
        #expect(arenaBytes == 0)
        let makesRoom = batch.makesRoom
        #expect(!makesRoom)
    }
}

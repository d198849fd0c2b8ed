// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import NIOCore
import PacketFixtures
import Packets
import Testing

/// The trivial views of the message path against packets as values.
struct ViewTests {
    @Test(arguments: PacketFixture.all.filter { $0.bytes[0] >> 4 == 3 })
    func `the view of a PUBLISH says what the packet says`(_ fixture: PacketFixture) {
        expectViewAgrees(fixture)
    }

    @Test(arguments: PacketFixture.all.filter { (4...7).contains($0.bytes[0] >> 4) })
    func `the view of an acknowledgement says what the packet says`(_ fixture: PacketFixture) {
        let seen: PacketFixture.Expectation? = fixture.bytes.withUnsafeBytes { bytes in
            do throws(DecodeError) {
                guard let frame = try fixture.decoder.scan(bytes, from: 0) else { return nil }
                let view = try fixture.decoder.acknowledgement(frame, in: bytes)
                return .packet(packet(view, like: fixture))
            } catch {
                return .failure(error.reason, error.statement)
            }
        }
        #expect(seen == fixture.expectation)
    }

    private func packet(_ view: AcknowledgementView, like fixture: PacketFixture) -> Packet {
        let packet = Acknowledgement(packetID: view.packetID, reason: view.reason)
        switch (view.type, fixture.packet) {
        case (.puback, .puback(let other)?): return .puback(packet.with(other.properties))
        case (.pubrec, .pubrec(let other)?): return .pubrec(packet.with(other.properties))
        case (.pubrel, .pubrel(let other)?): return .pubrel(packet.with(other.properties))
        case (.pubcomp, .pubcomp(let other)?): return .pubcomp(packet.with(other.properties))
        default: return .pingreq
        }
    }

    @Test func `offsets are those of the buffer that holds several packets`() throws {
        let first = PacketFixture.parsed("30 0A 0003 'a/b' 'hello'")
        let second = PacketFixture.parsed("32 0C 0003 'c/d' 0007 'world'")
        try (first + second).withUnsafeBytes { bytes in
            let decoder = Decoder(packetBytesMax: 100, version: .v311)
            let frame = try #require(try decoder.scan(bytes, from: first.count))
            let view = try decoder.publish(frame, in: bytes)
            #expect(view.topic.slice(of: bytes).elementsEqual("c/d".utf8))
            #expect(view.payload.slice(of: bytes).elementsEqual("world".utf8))
            #expect(view.packetID == 7)
        }
    }
}

extension Acknowledgement {
    fileprivate func with(_ properties: Properties) -> Acknowledgement {
        Acknowledgement(packetID: packetID, reason: reason, properties: properties)
    }
}

/// Reads `fixture` in place and as a value, and expects the same of both.
func expectViewAgrees(_ fixture: PacketFixture) {
    var decoder = fixture.decoder
    fixture.bytes.withUnsafeBytes { bytes in
        do throws(DecodeError) {
            guard let frame = try decoder.scan(bytes, from: 0) else { return }
            let view = try decoder.publish(frame, in: bytes)
            guard case .publish(let publish) = try decoder.packet(frame, in: bytes) else { return }
            expect(view, equals: publish, in: bytes)
        } catch {
            #expect(outcome(fixture) == .failure(error.reason, error.statement))
        }
    }
}

private func expect(_ view: PublishView, equals publish: Publish, in bytes: UnsafeRawBufferPointer) {
    #expect(view.dup == publish.dup && view.qos == publish.qos && view.retain == publish.retain)
    #expect(Text(bytes: Array(view.topic.slice(of: bytes))) == publish.topic)
    #expect(Array(view.payload.slice(of: bytes)) == publish.payload)
    #expect(view.packetID == publish.packetID)
    #expect(view.topicAlias == publish.properties.topicAlias ?? 0)
    #expect(view.messageExpiry == publish.properties.messageExpiry)
    #expect(view.payloadIsText == (publish.properties.payloadFormat == 1))
    let keepsOthers = publish.properties.topicAlias != nil || publish.properties.messageExpiry != nil
    #expect(view.forwardsAll == (!keepsOthers && publish.properties.subscriptionIdentifiers.isEmpty))
    expectForwarded(view, publish, in: bytes)
}

/// What is forwarded decodes to the properties without those that are not.
private func expectForwarded(_ view: PublishView, _ publish: Publish, in bytes: UnsafeRawBufferPointer) {
    var forwarded: [UInt8] = []
    view.appendForwardedProperties(from: bytes, to: &forwarded)
    var expected = publish
    expected.topic = "t"
    expected.properties.topicAlias = nil
    expected.properties.messageExpiry = nil
    expected.properties.subscriptionIdentifiers = []
    var buffer = ByteBuffer()
    let head = PublishHead(
        qos: publish.qos, retain: publish.retain, dup: publish.dup, packetID: publish.packetID)
    append(head, "t", forwarded, publish.payload, [], .v5, to: &buffer)
    let copy = PacketFixture(
        name: "forwarded", version: .v5, bytes: Array(buffer.readableBytesView),
        expectation: .packet(.publish(expected)), roundTrips: true, fromServer: true)
    #expect(outcome(copy) == copy.expectation)
}

/// `PublishEncoder.append` for arrays.
func append(
    _ head: PublishHead, _ topic: Text, _ properties: [UInt8], _ payload: [UInt8], _ identifiers: [UInt32],
    _ version: ProtocolVersion, to buffer: inout ByteBuffer
) {
    topic.bytes.withUnsafeBytes { topic in
        properties.withUnsafeBytes { properties in
            payload.withUnsafeBytes { payload in
                identifiers.withUnsafeBufferPointer { identifiers in
                    PublishEncoder.append(
                        head, topic: topic, properties: properties, payload: payload,
                        identifiers: identifiers,
                        version: version, to: &buffer)
                }
            }
        }
    }
}

// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import NIOCore
import Packets
import Testing

struct EncoderTests {
    @Test func `a PUBLISH from the encoder is read back in place`() throws {
        var buffer = ByteBuffer()
        let properties = Properties { $0.user = [UserProperty(name: "a", value: "b")] }.forwarded()
        append(PublishHead(qos: .atLeastOnce, packetID: 7, expirySeconds: 9), properties, to: &buffer)
        try buffer.withUnsafeReadableBytes { bytes in
            let decoder = Decoder(packetBytesMax: 1_000, version: .v5)
            let frame = try #require(try decoder.scan(bytes, from: 0))
            let view = try decoder.publish(frame, in: bytes)
            #expect(frame.end == bytes.count)
            #expect(view.packetID == 7 && view.messageExpiry == 9 && !view.forwardsAll)
            #expect(view.topic.slice(of: bytes).elementsEqual("sensors/1/temperature".utf8))
            #expect(view.payload.slice(of: bytes).elementsEqual("21.5".utf8))
            var forwarded: [UInt8] = []
            view.appendForwardedProperties(from: bytes, to: &forwarded)
            #expect(forwarded == properties)
        }
    }

    private func append(_ head: PublishHead, _ properties: [UInt8], to buffer: inout ByteBuffer) {
        Array("sensors/1/temperature".utf8).withUnsafeBytes { topic in
            Array("21.5".utf8).withUnsafeBytes { payload in
                properties.withUnsafeBytes { properties in
                    PublishEncoder.append(
                        head, topic: topic, properties: properties, payload: payload,
                        identifiers: UnsafeBufferPointer(start: nil, count: 0), version: .v5, to: &buffer)
                }
            }
        }
    }

    @Test func `a CONNECT fixes the version of the connection`() throws {
        for version in ProtocolVersion.allCases {
            var decoder = Decoder(packetBytesMax: 1_000)
            var buffer = ByteBuffer()
            let packet = Packet.connect(
                Connect(
                    version: version, clientID: "c", keepAlive: 60, username: "u", password: [1],
                    will: Will(topic: "w", payload: [2], qos: .exactlyOnce, retain: true)))
            #expect(packet.encode(into: &buffer, version: version))
            try buffer.withUnsafeReadableBytes { bytes in
                let frame = try #require(try decoder.scan(bytes, from: 0))
                #expect(try decoder.packet(frame, in: bytes) == packet)
            }
            #expect(decoder.version == version)
        }
    }
}

// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import NIOCore
import PacketFixtures
import Packets
import Testing

struct DecoderTests {
    @Test func `a CONNECT fixes the version of the connection`() throws {
        for fixture in PacketFixture.packets where fixture.bytes[0] == 0x10 {
            var decoder = fixture.decoder
            #expect(decoder.version == nil)
            try decoder.read(fixture.bytes)
            #expect(decoder.version == fixture.version)
        }
    }

    @Test func `a CONNECT that is refused leaves the version open`() {
        for fixture in PacketFixture.failures where fixture.bytes[0] == 0x10 {
            var decoder = fixture.decoder
            #expect(throws: DecodeError.self) { try decoder.read(fixture.bytes) }
            #expect(decoder.version == nil)
        }
    }

    @Test func `the first packet must be a CONNECT [MQTT-3.1.0-1]`() {
        for fixture in PacketFixture.packets where fixture.bytes[0] != 0x10 {
            expectError(fixture.bytes, .protocolError, "MQTT-3.1.0-1", Decoder(packetBytesMax: 1_000))
        }
        expectError(
            Array("GET / HTTP/1.1".utf8), .protocolError, "MQTT-3.1.0-1", Decoder(packetBytesMax: 1_000))
    }

    @Test func `a second CONNECT is a protocol error [MQTT-3.1.0-2]`() throws {
        let fixture = try #require(PacketFixture.packets.first { $0.bytes[0] == 0x10 })
        var decoder = fixture.decoder
        try decoder.read(fixture.bytes)
        expectError(fixture.bytes, .protocolError, "MQTT-3.1.0-2", decoder)
    }

    @Test func `a refused CONNECT tells the level of the client`() {
        #expect(level(of: "10 0E 0004 'MQTT' 06 02 0000 00 0001 'c'") == 6)
        #expect(level(of: "10 0D 0004 'MQTT' 05 03 0000 00 0000") == 5)
        #expect(level(of: "10 0C 0004 'MQTT' 04 03 0000 0000") == 4)
        #expect(level(of: "10 06 0004 'MQTS'") == nil)
        #expect(level(of: "10 06 0004 'MQTT'") == nil)
    }

    private func level(of notation: String) -> UInt8? {
        var decoder = Decoder(packetBytesMax: 100)
        do throws(DecodeError) {
            try decoder.read(PacketFixture.parsed(notation))
            Issue.record("the CONNECT should be refused")
            return nil
        } catch {
            return error.clientLevel
        }
    }

    @Test func `a length is checked as soon as it is there, before anything else arrives`() {
        let decoder = Decoder(packetBytesMax: 1_000, version: .v5)
        expectError([0x30, 0xFF, 0xFF, 0xFF, 0x7F], .packetTooLarge, "MQTT-3.2.2-15", decoder)
        let client = Decoder(packetBytesMax: 1_000, isServer: false, version: .v5)
        expectError([0x30, 0xFF, 0xFF, 0xFF, 0x7F], .packetTooLarge, "MQTT-3.1.2-24", client)
        expectError([0x30, 0xFF, 0xFF, 0xFF, 0xFF], .malformedPacket, "section 1.5.5", decoder)
    }

    @Test func `the limit counts the whole packet`() throws {
        let bytes = PacketFixture.parsed("30 05 0001 'a' 00 'x'")
        var exact = Decoder(packetBytesMax: 7, version: .v5)
        try exact.read(bytes)
        expectError(bytes, .packetTooLarge, "MQTT-3.2.2-15", Decoder(packetBytesMax: 6, version: .v5))
    }

    @Test func `lengths of one to four bytes are read`() throws {
        for (length, header) in [
            (127, [0x7F]), (128, [0x80, 0x01]), (16_383, [0xFF, 0x7F]), (16_384, [0x80, 0x80, 0x01]),
            (2_097_151, [0xFF, 0xFF, 0x7F]), (2_097_152, [0x80, 0x80, 0x80, 0x01]),
        ] as [(Int, [UInt8])] {
            let bytes = [0x30] + header + [UInt8](repeating: 0, count: length)
            let frame = try bytes.withUnsafeBytes { bytes throws in
                try Decoder(packetBytesMax: .max, version: .v311).scan(bytes, from: 0)
            }
            #expect(frame?.body == 1 + header.count)
            #expect(frame?.end == bytes.count)
            #expect(variableByteCount(length) == header.count)
        }
    }

    @Test func `every first byte has the flags of its type or is refused`() {
        for first in UInt8.min...UInt8.max {
            let type = PacketType(rawValue: first >> 4)
            let isAllowed =
                switch type {
                case nil, .connect: false
                case .publish: first & 6 != 6 && (first & 8 == 0 || first & 6 != 0)
                case .pubrel, .subscribe, .unsubscribe: first & 0x0F == 2
                default: first & 0x0F == 0
                }
            let accepted = [first].withUnsafeBytes { bytes in
                do throws(DecodeError) {
                    return try Decoder(packetBytesMax: 10, version: .v5).scan(bytes, from: 0) == nil
                } catch {
                    return false
                }
            }
            #expect(accepted == isAllowed, "\(first)")
        }
    }

    @Test func `an error is a sentence for the log`() {
        let error = DecodeError(
            reason: .malformedPacket, isMalformed: true, statement: "MQTT-3.3.1-4", message: "the QoS is 3")
        #expect("\(error)" == "malformed packet: the QoS is 3 [MQTT-3.3.1-4]")
    }

    @Test(arguments: PacketFixture.failures)
    func `malformed is what has reason 0x81, everything else is a protocol error`(_ fixture: PacketFixture) {
        var decoder = fixture.decoder
        do throws(DecodeError) {
            try decoder.read(fixture.bytes)
            Issue.record("the packet should be refused")
        } catch {
            #expect(error.isMalformed == (error.reason == .malformedPacket))
            #expect(!error.message.isEmpty)
        }
    }
}

/// Expects `decoder` to refuse `bytes`.
private func expectError(_ bytes: [UInt8], _ reason: ReasonCode, _ statement: String, _ decoder: Decoder) {
    let fixture = PacketFixture(
        name: "", version: .v5, bytes: bytes, expectation: .failure(reason, statement))
    #expect(outcome(fixture, in: decoder) == fixture.expectation)
}

extension Decoder {
    /// Reads one whole packet.
    @discardableResult
    fileprivate mutating func read(_ packet: [UInt8]) throws(DecodeError) -> Packet? {
        var decoder = self
        let result: Result<Packet?, DecodeError> = packet.withUnsafeBytes { bytes in
            do throws(DecodeError) {
                guard let frame = try decoder.scan(bytes, from: 0) else { return .success(nil) }
                return .success(try decoder.packet(frame, in: bytes))
            } catch {
                return .failure(error)
            }
        }
        self = decoder
        return try result.get()
    }
}

// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import NIOCore
import PacketFixtures
import Packets
import Testing

/// Every fixture against the decoder and the encoder.
struct FixtureTests {
    @Test(arguments: PacketFixture.all)
    func `a fixture is read or refused as it says`(_ fixture: PacketFixture) {
        #expect(outcome(fixture) == fixture.expectation)
    }

    @Test(arguments: PacketFixture.packets)
    func `a fixture that arrives byte by byte is complete with its last byte`(_ fixture: PacketFixture) throws
    {
        for count in 0..<fixture.bytes.count {
            let frame = try fixture.bytes[..<count].withUnsafeBytes { bytes throws in
                try fixture.decoder.scan(bytes, from: 0)
            }
            #expect(frame == nil)
        }
        #expect(outcome(fixture) == fixture.expectation)
    }

    @Test(arguments: PacketFixture.failures)
    func `a fixture that is refused is not read before its last byte`(_ fixture: PacketFixture) {
        for count in 0..<fixture.bytes.count {
            var prefix = fixture
            prefix.bytes.removeLast(fixture.bytes.count - count)
            guard let early = outcome(prefix, in: fixture.decoder) else { continue }
            #expect(early == fixture.expectation)
        }
    }

    @Test(arguments: PacketFixture.packets.filter(\.roundTrips))
    func `a packet is written as its fixture`(_ fixture: PacketFixture) throws {
        var buffer = ByteBuffer()
        #expect(try #require(fixture.packet).encode(into: &buffer, version: fixture.version))
        #expect(Array(buffer.readableBytesView) == fixture.bytes)
    }

    @Test(arguments: PacketFixture.packets.filter { !$0.roundTrips })
    func `a packet that can be written in several ways is read back the same`(_ fixture: PacketFixture) throws
    {
        var buffer = ByteBuffer()
        #expect(try #require(fixture.packet).encode(into: &buffer, version: fixture.version))
        var written = fixture
        written.bytes = Array(buffer.readableBytesView)
        #expect(outcome(written) == fixture.expectation)
    }

    @Test func `packets that follow each other are found one after the other`() throws {
        let fixtures = PacketFixture.packets.filter {
            $0.version == .v5 && !$0.fromServer && $0.bytes[0] >> 4 != 1
        }
        var decoder = Decoder(packetBytesMax: 1_000, version: .v5)
        try fixtures.flatMap(\.bytes).withUnsafeBytes { bytes in
            var offset = 0
            for fixture in fixtures {
                let frame = try #require(try decoder.scan(bytes, from: offset))
                #expect(try decoder.packet(frame, in: bytes) == fixture.packet)
                offset = frame.end
            }
            #expect(offset == bytes.count)
        }
    }

    @Test func `the table is large enough and covers all types and versions`() {
        #expect(PacketFixture.all.count >= 180)
        #expect(PacketFixture.failures.count >= 70)
        #expect(Set(PacketFixture.packets.compactMap { $0.packet?.type }) == Set(PacketType.allCases))
        #expect(Set(PacketFixture.all.map(\.version)) == Set(ProtocolVersion.allCases))
        #expect(Set(PacketFixture.all.map(\.description)).count == PacketFixture.all.count)
    }
}

/// What the decoder makes of the fixture's bytes; nil when they are incomplete.
func outcome(_ fixture: PacketFixture, in decoder: Decoder? = nil) -> PacketFixture.Expectation? {
    var decoder = decoder ?? fixture.decoder
    return fixture.bytes.withUnsafeBytes { bytes in
        do throws(DecodeError) {
            guard let frame = try decoder.scan(bytes, from: 0) else { return nil }
            return .packet(try decoder.packet(frame, in: bytes))
        } catch {
            return .failure(error.reason, error.statement)
        }
    }
}

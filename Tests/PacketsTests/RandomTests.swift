// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import NIOCore
import PacketFixtures
import Packets
import Testing

/// Random packets and random damage, from seeds.
struct RandomTests {
    @Test(arguments: ProtocolVersion.allCases, 0..<20)
    func `a packet is read as it was written`(_ version: ProtocolVersion, _ seed: Int) throws {
        var dice = Dice(seed: UInt64(seed) + 1)
        for _ in 0..<100 {
            let (packet, fromServer) = dice.packet(version)
            var buffer = ByteBuffer()
            #expect(packet.encode(into: &buffer, version: version))
            let fixture = PacketFixture(
                name: "seed \(seed)", version: version, bytes: Array(buffer.readableBytesView),
                expectation: .packet(packet), roundTrips: true, fromServer: fromServer)
            #expect(outcome(fixture) == fixture.expectation)
        }
    }

    /// The decoder must come to an end with a frame or an error, whatever the bytes; what it reads it must be able
    /// to write and read again.
    @Test(arguments: 0..<8)
    func `damaged packets never trap and what is still read can be written`(_ seed: Int) throws {
        var dice = Dice(seed: UInt64(seed) + 100)
        for fixture in PacketFixture.all {
            for _ in 0..<25 {
                var damaged = fixture
                damaged.bytes = dice.damage(fixture.bytes)
                damaged.fromServer = dice.once(in: 2)
                guard case .packet(let packet)? = outcome(damaged, in: damaged.fixedDecoder) else { continue }
                expectSame(packet, damaged)
            }
        }
    }

    private func expectSame(_ packet: Packet, _ damaged: PacketFixture) {
        var buffer = ByteBuffer()
        var written = damaged
        if case .connect(let connect) = packet { written.version = connect.version }
        #expect(packet.encode(into: &buffer, version: written.version))
        written.bytes = Array(buffer.readableBytesView)
        #expect(outcome(written, in: written.fixedDecoder) == .packet(packet), "\(damaged.bytes)")
    }

    @Test(arguments: 0..<4)
    func `the view of a damaged PUBLISH agrees with the packet`(_ seed: Int) {
        var dice = Dice(seed: UInt64(seed) + 200)
        for fixture in PacketFixture.all where fixture.bytes[0] >> 4 == 3 {
            for _ in 0..<50 {
                var damaged = fixture
                damaged.bytes = [fixture.bytes[0]] + dice.damage(Array(fixture.bytes.dropFirst()))
                expectViewAgrees(damaged)
            }
        }
    }
}

extension PacketFixture {
    /// A decoder for whatever type the first byte says.
    fileprivate var fixedDecoder: Decoder {
        var decoder = decoder
        decoder.packetBytesMax = 1_000
        return decoder
    }
}

extension Dice {
    /// Some bits flipped, bytes replaced, inserted or removed.
    fileprivate mutating func damage(_ bytes: [UInt8]) -> [UInt8] {
        var bytes = bytes
        for _ in 0..<number(1...3) where !bytes.isEmpty {
            let index = number(0...bytes.count - 1)
            switch number(0...3) {
            case 0: bytes[index] ^= 1 << UInt8(number(0...7))
            case 1: bytes[index] = UInt8(truncatingIfNeeded: next())
            case 2: bytes.insert(UInt8(truncatingIfNeeded: next()), at: index)
            default: bytes.remove(at: index)
            }
        }
        return bytes.isEmpty ? [0x30] : bytes
    }
}

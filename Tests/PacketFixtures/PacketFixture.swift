// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

package import Packets

/// One packet, byte by byte, and what a decoder must make of it.
///
/// The bytes are written by hand from the specification, not by our encoder: `10 0D 0004 'MQTT'` is hexadecimal,
/// with text in quotes.
package struct PacketFixture: Sendable, CustomStringConvertible {
    /// What is expected.
    package enum Expectation: Hashable, Sendable {
        case packet(Packet)
        /// The reason code, and the statement or section that is violated.
        case failure(ReasonCode, String)
    }

    /// What is special about it.
    package var name: String
    /// The version of the connection.
    package var version: ProtocolVersion
    /// The whole packet; for a failure perhaps only its beginning.
    package var bytes: [UInt8]
    package var expectation: Expectation
    /// Whether our encoder writes the same bytes; it need not when there are several ways.
    package var roundTrips: Bool
    /// Whether a client receives it.
    package var fromServer: Bool

    /// A fixture that is not in the tables: something that a test wrote.
    package init(
        name: String, version: ProtocolVersion, bytes: [UInt8], expectation: Expectation,
        roundTrips: Bool = true, fromServer: Bool = false
    ) {
        self.name = name
        self.version = version
        self.bytes = bytes
        self.expectation = expectation
        self.roundTrips = roundTrips
        self.fromServer = fromServer
    }

    /// All of them.
    package static let all: [PacketFixture] = [
        connect, connectFailures, connack, connackFailures, publish, publishFailures, acknowledgements,
        acknowledgementFailures, subscribe, subscribeFailures, suback, subackFailures, unsubscribe,
        unsubscribeFailures, unsuback, unsubackFailures, ping, pingFailures, disconnect, disconnectFailures,
        auth, authFailures,
    ].flatMap { $0 }

    /// Those that are read.
    package static var packets: [PacketFixture] { all.filter { $0.packet != nil } }

    /// Those that are refused.
    package static var failures: [PacketFixture] { all.filter { $0.packet == nil } }

    /// The packet, unless the fixture is a failure.
    package var packet: Packet? {
        if case .packet(let packet) = expectation { packet } else { nil }
    }

    /// A decoder in the state in which the packet arrives: before a CONNECT of a client nothing is known.
    package var decoder: Decoder {
        let isFirst = !fromServer && bytes[0] >> 4 == PacketType.connect.rawValue
        return Decoder(
            packetBytesMax: 268_435_460, isServer: !fromServer, version: isFirst ? nil : version)
    }

    /// Name and version.
    package var description: String { "\(name) (\(version))" }
}

/// How the tables write a fixture.
extension PacketFixture {
    /// Is read, and written as it was.
    static func valid(
        _ name: String, _ version: ProtocolVersion, _ bytes: String, _ packet: Packet,
        fromServer: Bool = false
    ) -> PacketFixture {
        PacketFixture(
            name: name, version: version, bytes: parsed(bytes), expectation: .packet(packet),
            roundTrips: true,
            fromServer: fromServer)
    }

    /// Is read, but written in another way.
    static func decodes(
        _ name: String, _ version: ProtocolVersion, _ bytes: String, _ packet: Packet,
        fromServer: Bool = false
    ) -> PacketFixture {
        var fixture = valid(name, version, bytes, packet, fromServer: fromServer)
        fixture.roundTrips = false
        return fixture
    }

    /// Is refused.
    static func fails(
        _ name: String, _ version: ProtocolVersion, _ bytes: String, _ reason: ReasonCode,
        _ statement: String,
        fromServer: Bool = false
    ) -> PacketFixture {
        PacketFixture(
            name: name, version: version, bytes: parsed(bytes), expectation: .failure(reason, statement),
            roundTrips: false, fromServer: fromServer)
    }

    /// Reads hexadecimal with text in quotes.
    package static func parsed(_ notation: String) -> [UInt8] {
        var bytes: [UInt8] = []
        for (index, part) in notation.split(separator: "'", omittingEmptySubsequences: false).enumerated() {
            if index % 2 == 1 {
                bytes += Array(part.utf8)
            } else {
                bytes += hexadecimal(part.filter { $0 != " " })
            }
        }
        return bytes
    }

    private static func hexadecimal(_ digits: String) -> [UInt8] {
        let values = digits.map { digit in
            guard let value = digit.hexDigitValue else { preconditionFailure("\(digit) is no digit") }
            return UInt8(value)
        }
        precondition(values.count % 2 == 0, "half a byte in \(digits)")
        return stride(from: 0, to: values.count, by: 2).map { values[$0] << 4 | values[$0 + 1] }
    }
}

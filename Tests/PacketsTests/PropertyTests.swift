// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import PacketFixtures
import Packets
import Testing

/// The table of section 2.2.2.2: which property which packet may have.
struct PropertyTests {
    /// A property as bytes, and the packets that may have it; zero is the will.
    private static let table: [(property: String, packets: Set<UInt8>)] = [
        ("01 01", [3, 0]),
        ("02 00000001", [3, 0]),
        ("03 0001 'a'", [3, 0]),
        ("08 0001 'a'", [3, 0]),
        ("09 0001 'a'", [3, 0]),
        ("0B 01", [3, 8]),
        ("11 00000001", [1, 2, 14]),
        ("12 0001 'a'", [2]),
        ("13 0001", [2]),
        ("15 0001 'a'", [1, 2, 15]),
        ("17 01", [1]),
        ("18 00000001", [0]),
        ("19 01", [1]),
        ("1A 0001 'a'", [2]),
        ("1C 0001 'a'", [2, 14]),
        ("1F 0001 'a'", [2, 4, 5, 6, 7, 9, 11, 14, 15]),
        ("21 0001", [1, 2]),
        ("22 0001", [1, 2]),
        ("23 0001", [3]),
        ("24 01", [2]),
        ("25 01", [2]),
        ("26 0001 'a' 0001 'b'", [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 14, 15]),
        ("27 00000001", [1, 2]),
        ("28 01", [2]),
        ("29 01", [2]),
        ("2A 01", [2]),
    ]

    /// A packet around properties: what comes before and behind them.
    private static let packets: [(type: UInt8, first: UInt8, before: String, behind: String)] = [
        (0, 0x10, "0004 'MQTT' 05 06 0000 00 0000", "0001 'w' 0000"),
        (1, 0x10, "0004 'MQTT' 05 02 0000", "0000"),
        (2, 0x20, "00 00", ""),
        (3, 0x30, "0001 'a'", ""),
        (4, 0x40, "0001 00", ""),
        (5, 0x50, "0001 00", ""),
        (6, 0x62, "0001 00", ""),
        (7, 0x70, "0001 00", ""),
        (8, 0x82, "0001", "0001 'a' 00"),
        (9, 0x90, "0001", "00"),
        (10, 0xA2, "0001", "0001 'a'"),
        (11, 0xB0, "0001", "00"),
        (14, 0xE0, "00", ""),
        (15, 0xF0, "18", ""),
    ]

    @Test func `every property is read in the packets of its row and malformed in all others`() {
        for (property, allowed) in PropertyTests.table {
            for packet in PropertyTests.packets {
                let method = packet.type == 15 && !property.hasPrefix("15") ? "15 0001 'm' " : ""
                let seen = outcome(around(method + property, packet))
                if allowed.contains(packet.type) {
                    guard case .packet? = seen else {
                        Issue.record("\(property) in \(packet.type): \(String(describing: seen))")
                        continue
                    }
                } else {
                    #expect(
                        seen == .failure(.malformedPacket, "section 2.2.2.2"), "\(property) in \(packet.type)"
                    )
                }
            }
        }
    }

    @Test func `every property but the user property may be there once`() {
        for (property, allowed) in PropertyTests.table {
            for packet in PropertyTests.packets where allowed.contains(packet.type) {
                let method = packet.type == 15 && !property.hasPrefix("15") ? "15 0001 'm' " : ""
                let seen = outcome(around(method + property + property, packet))
                let mayRepeat = property.hasPrefix("26") || (property.hasPrefix("0B") && packet.type == 3)
                if case .packet? = seen {
                    #expect(mayRepeat, "\(property) in \(packet.type)")
                } else {
                    #expect(!mayRepeat, "\(property) in \(packet.type)")
                    guard case .failure(.protocolError, let section)? = seen else {
                        Issue.record("\(property) in \(packet.type): \(String(describing: seen))")
                        continue
                    }
                    #expect(section.hasPrefix("section 3."))
                }
            }
        }
    }

    @Test func `a property that is cut off anywhere is malformed`() {
        for (property, allowed) in PropertyTests.table {
            for packet in PropertyTests.packets where allowed.contains(packet.type) {
                let whole = PacketFixture.parsed(property)
                for count in 1..<whole.count {
                    let cut = around(bytes: Array(whole[..<count]), packet)
                    #expect(outcome(cut) == .failure(.malformedPacket, "section 2.2.2.2"), "\(cut.bytes)")
                }
            }
        }
    }

    @Test func `properties that are longer than the packet by one byte are malformed`() {
        for packet in PropertyTests.packets {
            let behind = PacketFixture.parsed(packet.behind)
            let body = PacketFixture.parsed(packet.before) + [UInt8(behind.count + 1)] + behind
            let longer = PacketFixture(
                name: "", version: .v5, bytes: [packet.first, UInt8(body.count)] + body,
                expectation: .failure(.malformedPacket, "section 2.2.2.1"),
                fromServer: ![0, 1, 8, 14].contains(packet.type))
            #expect(outcome(longer) == longer.expectation)
        }
    }

    @Test func `identifiers that no property has are malformed`() {
        let known = Set(PropertyTests.table.map { PacketFixture.parsed($0.property)[0] } + [0x16])
        for identifier: UInt8 in 0...0x7F where !known.contains(identifier) {
            for packet in PropertyTests.packets {
                let unknown = around(bytes: [identifier, 0, 0, 0, 0], packet)
                #expect(outcome(unknown) == .failure(.malformedPacket, "section 2.2.2.2"), "\(identifier)")
            }
        }
    }

    @Test func `what is forwarded has neither intervals nor alias nor identifiers`() {
        let properties = Properties {
            $0.payloadFormat = 1
            $0.messageExpiry = 7
            $0.willDelay = 8
            $0.topicAlias = 9
            $0.subscriptionIdentifiers = [10]
            $0.contentType = "t"
            $0.responseTopic = "r"
            $0.correlationData = [1]
            $0.user = [UserProperty(name: "b", value: "1"), UserProperty(name: "a", value: "2")]
        }
        let expected = "01 01 03 0001 't' 08 0001 'r' 09 0001 01 26 0001 'b' 0001 '1' 26 0001 'a' 0001 '2'"
        #expect(properties.forwarded() == PacketFixture.parsed(expected))
        #expect(Properties().forwarded().isEmpty)
    }

    private func around(
        _ property: String, _ packet: (type: UInt8, first: UInt8, before: String, behind: String)
    ) -> PacketFixture {
        around(bytes: PacketFixture.parsed(property), packet)
    }

    private func around(
        bytes property: [UInt8], _ packet: (type: UInt8, first: UInt8, before: String, behind: String)
    ) -> PacketFixture {
        let body =
            PacketFixture.parsed(packet.before) + [UInt8(property.count)] + property
            + PacketFixture.parsed(packet.behind)
        return PacketFixture(
            name: "", version: .v5, bytes: [packet.first, UInt8(body.count)] + body,
            expectation: .packet(.pingreq), fromServer: ![0, 1, 8, 14].contains(packet.type))
    }
}

// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import PacketFixtures
import Packets
import Testing

struct TextCheckTests {
    @Test(arguments: 0..<4)
    func `valid text is found valid at every length and alignment`(_ seed: Int) {
        var dice = Dice(seed: UInt64(seed) + 300)
        for _ in 0..<500 {
            let text = dice.text(0...40)
            #expect(fault(text.bytes) == nil, "\(text)")
        }
    }

    /// The standard library is the judge of what is well formed.
    @Test(arguments: 0..<4)
    func `damaged text is judged as the standard library judges it`(_ seed: Int) {
        var dice = Dice(seed: UInt64(seed) + 400)
        for _ in 0..<2_000 {
            var bytes = dice.text(1...20).bytes
            bytes[dice.number(0...bytes.count - 1)] = UInt8(truncatingIfNeeded: dice.next())
            if dice.once(in: 4) { bytes.removeLast() }
            let isWellFormed = String(validating: bytes, as: UTF8.self) != nil
            #expect((fault(bytes) == nil) == (isWellFormed && !bytes.contains(0)), "\(bytes)")
        }
    }

    @Test func `every sequence of two bytes is judged as the standard library judges it`() {
        for first in UInt8.min...UInt8.max {
            for second in UInt8.min...UInt8.max {
                let isValid =
                    String(validating: [first, second], as: UTF8.self) != nil && first != 0 && second != 0
                #expect((fault([first, second]) == nil) == isValid)
            }
        }
    }

    @Test func `surrogates and U+0000 are told apart [MQTT-1.5.4-1] [MQTT-1.5.4-2]`() {
        #expect(fault([0xED, 0xA0, 0x80]) == .illFormed)
        #expect(fault([0xED, 0xBF, 0xBF]) == .illFormed)
        #expect(fault([0xED, 0x9F, 0xBF]) == nil)
        #expect(fault(Array("12345678".utf8) + [0]) == .null)
        #expect(fault(Array("1234567".utf8) + [0, 0xFF]) == .null)
        #expect(fault([0xEF, 0xBB, 0xBF]) == nil)
    }

    private func fault(_ bytes: [UInt8]) -> TextFault? { bytes.withUnsafeBytes(TextCheck.fault) }
}

struct TopicNameTests {
    @Test(arguments: ["a", "/", "a/b", " ", "$SYS/x", "a//b", "\u{FEFF}", "sensors/1/temperature", "é/€/😀"])
    func `a topic name is any text without wildcards`(_ text: String) {
        #expect(TopicName(Text(text))?.text == Text(text))
    }

    @Test(arguments: [
        "", "+", "#", "a/+", "a#b", "sensors/1/temperature+", "é#", "a\0", "sensors/1/temperature\0",
    ])
    func `a topic name has no wildcard, no U+0000 and at least one character [MQTT-4.7.0-1]`(_ text: String) {
        #expect(TopicName(Text(text)) == nil)
    }

    @Test func `a topic name has at most 65,535 bytes [MQTT-4.7.3-3]`() {
        #expect(TopicName(Text(bytes: Array(repeating: 0x61, count: 65_535))) != nil)
        #expect(TopicName(Text(bytes: Array(repeating: 0x61, count: 65_536))) == nil)
        #expect(TopicFilter(Text(bytes: Array(repeating: 0x61, count: 65_536))) == nil)
    }

    @Test func `a forbidden byte is found at every position`() {
        for count in 1...40 {
            for index in 0..<count {
                for byte: UInt8 in [0, 0x2B, 0x23, 0x80, 0xFF] {
                    var bytes = [UInt8](repeating: 0x7F, count: count)
                    #expect(bytes.withUnsafeBytes(TopicName.isValid))
                    bytes[index] = byte
                    #expect(!bytes.withUnsafeBytes(TopicName.isValid), "\(byte) at \(index) of \(count)")
                }
            }
        }
    }

    @Test func `the neighbours of forbidden bytes are allowed`() {
        for byte: UInt8 in [0x01, 0x22, 0x24, 0x2A, 0x2C, 0x7F] {
            for count in [1, 7, 8, 9, 16, 23] {
                let bytes = [UInt8](repeating: byte, count: count)
                #expect(bytes.withUnsafeBytes(TopicName.isValid), "\(byte)")
            }
        }
    }
}

struct TopicFilterTests {
    @Test(arguments: [
        "#", "+", "a/#", "/#", "+/#", "a/+/b", "+/+", "/", "a//b", "$SYS/#", "$shared/x", "$share", "é/+",
    ])
    func `a filter has its wildcards alone in their levels`(_ text: String) {
        let filter = TopicFilter(Text(text))
        #expect(filter?.text == Text(text))
        #expect(filter?.filter == Text(text))
        #expect(filter?.share == nil)
    }

    @Test(arguments: [
        "", "a#", "a/b#", "#/a", "a/#/b", "##", "a+", "+a", "a/b+/c", "++", "+#", "#+", "a\0", "a/#/",
    ])
    func `a filter with a wildcard elsewhere is none [MQTT-4.7.1-1] [MQTT-4.7.1-2]`(_ text: String) {
        #expect(TopicFilter(Text(text)) == nil)
    }

    @Test(arguments: [
        ("$share/g/a", "g", "a"), ("$share/g/#", "g", "#"), ("$share/g//", "g", "/"),
        ("$share/a b/+/c", "a b", "+/c"), ("$share/$g/$SYS/x", "$g", "$SYS/x"),
        ("$share/g/$share/h/x", "g", "$share/h/x"),
    ])
    func `a shared filter names its group`(_ text: String, _ group: String, _ filter: String) {
        let shared = TopicFilter(Text(text))
        #expect(shared?.text == Text(text))
        #expect(shared?.share == Text(group))
        #expect(shared?.filter == Text(filter))
    }

    @Test(arguments: [
        "$share/", "$share/g", "$share/g/", "$share//a", "$share/+/a", "$share/g#/a", "$share/#",
        "$share/g/a#",
        "$share/g/#/a",
    ])
    func `a shared filter has a group and a filter [MQTT-4.8.2-1] [MQTT-4.8.2-2]`(_ text: String) {
        #expect(TopicFilter(Text(text)) == nil)
    }

    @Test func `the prefix $share is compared as it is written`() {
        #expect(TopicFilter("$SHARE/g/a")?.share == nil)
        #expect(TopicFilter("$SHARE/g/a")?.filter == "$SHARE/g/a")
    }
}

struct ReasonCodeTests {
    @Test func `0x80 and above are errors`() {
        #expect(!ReasonCode(rawValue: 0x7F).isError)
        #expect(ReasonCode(rawValue: 0x80).isError)
    }

    @Test func `the return codes of MQTT 3 stand for reasons and back`() {
        for code: UInt8 in 0...5 {
            #expect(ReasonCode(connackReturnCode: code)?.connackReturnCode == code)
        }
        #expect(ReasonCode(connackReturnCode: 6) == nil)
        #expect(ReasonCode.serverBusy.connackReturnCode == 3)
        #expect(ReasonCode.banned.connackReturnCode == 5)
        for code in UInt8.min...UInt8.max {
            let reason = ReasonCode(rawValue: code)
            #expect((reason.connackReturnCode == 0) == !reason.isError)
            #expect(reason.connackReturnCode <= 5)
        }
    }

    /// The tables of sections 3.2.2.2, 3.4.2.1, 3.5.2.1, 3.6.2.1, 3.7.2.1, 3.9.3, 3.11.3, 3.14.2.1 and 3.15.2.1.
    @Test func `a packet may have the reasons of its table`() {
        let acknowledged: Set<UInt8> = [0x00, 0x10, 0x80, 0x83, 0x87, 0x90, 0x91, 0x97, 0x99]
        let tables: [(PacketType, Bool, Set<UInt8>)] = [
            (
                .connack, false,
                [
                    0x00, 0x80, 0x81, 0x82, 0x83, 0x84, 0x85, 0x86, 0x87, 0x88, 0x89, 0x8A, 0x8C, 0x90, 0x95,
                    0x97,
                    0x99, 0x9A, 0x9B, 0x9C, 0x9D, 0x9F,
                ]
            ),
            (.puback, true, acknowledged), (.pubrec, true, acknowledged), (.pubrel, true, [0x00, 0x92]),
            (.pubcomp, true, [0x00, 0x92]),
            (.suback, false, [0x00, 0x01, 0x02, 0x80, 0x83, 0x87, 0x8F, 0x91, 0x97, 0x9E, 0xA1, 0xA2]),
            (.unsuback, false, [0x00, 0x11, 0x80, 0x83, 0x87, 0x8F, 0x91]),
            (
                .disconnect, true,
                [0x00, 0x04, 0x80, 0x81, 0x82, 0x83, 0x90, 0x93, 0x94, 0x95, 0x96, 0x97, 0x98, 0x99]
            ),
            (
                .disconnect, false,
                [
                    0x00, 0x80, 0x81, 0x82, 0x83, 0x87, 0x89, 0x8B, 0x8D, 0x8E, 0x8F, 0x90, 0x93, 0x94, 0x95,
                    0x96,
                    0x97, 0x98, 0x99, 0x9A, 0x9B, 0x9C, 0x9D, 0x9E, 0x9F, 0xA0, 0xA1, 0xA2,
                ]
            ),
            (.auth, true, [0x18, 0x19]), (.auth, false, [0x00, 0x18]), (.publish, true, []),
        ]
        for (type, isFromClient, codes) in tables {
            let allowed = (UInt8.min...UInt8.max).filter {
                ReasonCode(rawValue: $0).isAllowed(in: type, isFromClient: isFromClient)
            }
            #expect(Set(allowed) == codes, "\(type)")
        }
    }
}

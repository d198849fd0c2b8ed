// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import Packets

/// A small random number generator: the same seed gives the same packets everywhere.
struct Dice: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed &* 0x9E37_79B9_7F4A_7C15 | 1 }

    mutating func next() -> UInt64 {
        state ^= state << 13
        state ^= state >> 7
        state ^= state << 17
        return state &* 0x2545_F491_4F6C_DD1D
    }

    /// True once in `times`.
    mutating func once(in times: Int) -> Bool { number(0...times - 1) == 0 }

    mutating func number(_ range: ClosedRange<Int>) -> Int { .random(in: range, using: &self) }

    mutating func bytes(upTo count: Int) -> [UInt8] {
        (0..<number(0...count)).map { _ in UInt8(truncatingIfNeeded: next()) }
    }

    /// Valid text with characters of all lengths, U+FEFF and noncharacters among them.
    mutating func text(_ lengths: ClosedRange<Int> = 0...20) -> Text {
        let scalars: [Unicode.Scalar] = [
            "a", "Z", "/", "$", "\u{1}", "\u{7F}", "\u{80}", "\u{7FF}", "\u{800}", "\u{D7FF}", "\u{E000}",
            "\u{FEFF}", "\u{FFFF}", "\u{10000}", "\u{10FFFF}",
        ]
        var view = String.UnicodeScalarView()
        for _ in 0..<number(lengths) { view.append(scalars[number(0...scalars.count - 1)]) }
        return Text(String(view))
    }

    mutating func maybe<Value>(_ make: (inout Dice) -> Value) -> Value? { once(in: 2) ? make(&self) : nil }

    mutating func uint16() -> UInt16 { UInt16(truncatingIfNeeded: next()) }

    mutating func uint32() -> UInt32 { UInt32(truncatingIfNeeded: next()) }

    mutating func packetID() -> UInt16 { UInt16(number(1...65_535)) }

    mutating func qos() -> QoS { QoS(rawValue: UInt8(number(0...2))) ?? .atMostOnce }

    mutating func user() -> [UserProperty] {
        (0..<number(0...3)).map { _ in UserProperty(name: text(), value: text()) }
    }

    /// A reason that `type` may carry.
    mutating func reason(_ type: PacketType, isFromClient: Bool = false) -> ReasonCode {
        while true {
            let reason = ReasonCode(rawValue: UInt8(truncatingIfNeeded: next()))
            if reason.isAllowed(in: type, isFromClient: isFromClient) { return reason }
        }
    }
}

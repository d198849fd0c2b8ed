// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import Packets
import Testing

@testable import Engine

@Suite struct TopicAliasesTests {
    /// The two directions, with texts instead of pointers.
    private struct Client {
        var inbound: InboundTopicAliases
        var outbound: OutboundTopicAliases

        init(maximum: UInt16, bytesMax: Int = .max) {
            inbound = InboundTopicAliases(maximum: maximum, bytesMax: bytesMax)
            outbound = OutboundTopicAliases(maximum: maximum, bytesMax: bytesMax)
        }

        mutating func resolve(_ alias: UInt16, _ topic: Text = "") -> InboundTopicAliases.Resolution {
            topic.withBytes { inbound.resolve(alias, $0) }
        }

        /// The alias, negative when it is new, zero when there is none.
        mutating func alias(_ topic: Text) -> Int {
            topic.withBytes { outbound.alias(for: $0) }.map { Int($0.alias) * ($0.isNew ? -1 : 1) } ?? 0
        }
    }

    @Test func `an alias stands for the topic it last came with [MQTT-3.3.2-12]`() {
        var client = Client(maximum: 3)
        let answers = [
            client.resolve(3, "a"), client.resolve(3), client.resolve(1, "b"), client.resolve(3, "c"),
            client.resolve(3), client.resolve(1), client.resolve(1, "b"),
        ]
        #expect(answers == ["a", "a", "b", "c", "c", "b", "b"].map { .topic($0) })
    }

    @Test(arguments: [0, 4, .max] as [UInt16])
    func `zero and what is beyond the maximum are refused [MQTT-3.3.2-8] [MQTT-3.3.2-9]`(alias: UInt16) {
        var client = Client(maximum: 3)
        let answers = [client.resolve(alias, "a"), client.resolve(alias)]
        #expect(answers == [.refused(.topicAliasInvalid), .refused(.topicAliasInvalid)])
    }

    @Test func `an alias that stands for nothing yet is a protocol error without a topic`() {
        var client = Client(maximum: 3)
        let answers = [client.resolve(2), client.resolve(3, "x"), client.resolve(2)]
        #expect(answers == [.refused(.protocolError), .topic("x"), .refused(.protocolError)])
    }

    @Test func `without aliases every one is refused`() {
        var client = Client(maximum: 0)
        let answer = client.resolve(1, "a")
        #expect(answer == .refused(.topicAliasInvalid))
    }

    @Test func `the topics of a connection take no more than their bytes`() {
        var client = Client(maximum: 10, bytesMax: 8)
        let answers = [
            client.resolve(1, "1234"), client.resolve(2, "1234"), client.resolve(3, "1"),
            client.resolve(1, "1"),
            client.resolve(3, "123"), client.resolve(4, "1"), client.resolve(2),
        ]
        let full = InboundTopicAliases.Resolution.refused(.quotaExceeded)
        #expect(
            answers == [
                .topic("1234"), .topic("1234"), full, .topic("1"), .topic("123"), full, .topic("1234"),
            ])
    }

    @Test func `topics get aliases in the order they come, until all are given [MQTT-3.1.2-26]`() {
        var client = Client(maximum: 2)
        let aliases = [
            client.alias("a"), client.alias("b"), client.alias("c"), client.alias("b"), client.alias("a"),
        ]
        #expect(aliases == [-1, -2, 0, 2, 1])
    }

    @Test func `a client without a maximum gets no alias [MQTT-3.1.2-27]`() {
        var client = Client(maximum: 0)
        let alias = client.alias("a")
        #expect(alias == 0)
    }

    @Test func `a topic that does not fit gets no alias, and a shorter one still does`() {
        var client = Client(maximum: 9, bytesMax: 10)
        let aliases = [
            client.alias("123456"), client.alias("12345"), client.alias("1234"), client.alias("123456"),
        ]
        #expect(aliases == [-1, 0, -2, 1])
    }

    @Test func `a thousand topics keep their aliases`() {
        var client = Client(maximum: 1_000)
        for number in 1...1_000 {
            let alias = client.alias(Text("site/\(number)/temperature"))
            #expect(alias == -number)
        }
        for number in 1...1_000 {
            let alias = client.alias(Text("site/\(number)/temperature"))
            #expect(alias == number)
        }
    }
}

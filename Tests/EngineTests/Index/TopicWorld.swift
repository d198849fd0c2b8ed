// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import Packets
import Persistence

@testable import Engine

/// A small generator that gives the same numbers for the same seed.
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) {
        state = seed
    }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ mixed >> 30) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ mixed >> 27) &* 0x94D0_49BB_1331_11EB
        return mixed ^ mixed >> 31
    }
}

/// Topics, filters and subscriptions from a small world, so that they meet often.
final class TopicWorld {
    var random: SeededGenerator
    private let names = ["a", "b", "", "sensor", "$SYS", "a longer level text", "A"]

    init(seed: UInt64) {
        random = SeededGenerator(seed: seed)
    }

    func topic() -> String {
        var levels: [String] = []
        for _ in 0..<Int.random(in: 1...4, using: &random) {
            levels.append(names.randomElement(using: &random) ?? "")
        }
        let topic = levels.joined(separator: "/")
        return topic.isEmpty ? "a" : topic
    }

    func filter() -> TopicFilter? {
        var levels = topic().split(separator: "/", omittingEmptySubsequences: false).map(String.init)
        for index in levels.indices where Int.random(in: 0..<4, using: &random) == 0 { levels[index] = "+" }
        switch Int.random(in: 0..<6, using: &random) {
        case 0: levels.append("#")
        case 1: levels[levels.count - 1] = "#"
        default: break
        }
        let filter = levels.joined(separator: "/")
        guard Int.random(in: 0..<4, using: &random) == 0 else { return TopicFilter(Text(filter)) }
        let group = Bool.random(using: &random) ? "g" : "other"
        return TopicFilter(Text("$share/\(group)/\(filter)"))
    }

    func subscriber(sessions: UInt64 = 12) -> Subscriber {
        let session = UInt64.random(in: 1...sessions, using: &random)
        return Subscriber(session: session, seat: UInt32(session) * 7, isPersistent: session % 3 == 0)
    }

    func subscription() -> NaiveMatcher.Value? {
        guard let filter = filter() else { return nil }
        let options = SubscriptionOptions(
            qos: QoS.allCases.randomElement(using: &random) ?? .atMostOnce,
            noLocal: Bool.random(using: &random), retainAsPublished: Bool.random(using: &random))
        let identifier = Bool.random(using: &random) ? 0 : UInt32.random(in: 1...5, using: &random)
        return .init(filter: filter, subscriber: subscriber(), options: options, identifier: identifier)
    }
}

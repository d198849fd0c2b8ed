// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import Packets

/// The topics and filters of the world, and which match: worked out by hand, independent of the engine.
enum Geography {
    /// A topic that clients publish to.
    struct Topic {
        var text: Text
        /// Publishes to it carry the retain flag.
        var isRetained: Bool
    }

    /// A filter that clients subscribe to.
    struct Filter {
        var text: Text
        /// The group of a shared filter.
        var group: Int?
        var topics: Set<Int>
    }

    static let topics: [Topic] = [
        Topic(text: "p/a", isRetained: false),
        Topic(text: "p/b", isRetained: false),
        Topic(text: "p/a/c", isRetained: false),
        Topic(text: "r/a", isRetained: true),
        Topic(text: "r/b", isRetained: true),
        Topic(text: "s/a", isRetained: false),
        Topic(text: "s/b", isRetained: false),
        Topic(text: "w/x", isRetained: false),
    ]

    static let retainedTopics = [3, 4]
    static let willTopic = 7

    static let filters: [Filter] = [
        Filter(text: "p/#", group: nil, topics: [0, 1, 2]),
        Filter(text: "p/a", group: nil, topics: [0]),
        Filter(text: "p/+", group: nil, topics: [0, 1]),
        Filter(text: "+/a/#", group: nil, topics: [0, 2, 3, 5]),
        Filter(text: "r/#", group: nil, topics: [3, 4]),
        Filter(text: "r/a", group: nil, topics: [3]),
        Filter(text: "$share/one/s/#", group: 1, topics: [5, 6]),
        Filter(text: "$share/two/s/a", group: 2, topics: [5]),
        Filter(text: "$share/one/p/a", group: 3, topics: [0]),
        Filter(text: "w/#", group: nil, topics: [7]),
        Filter(text: "p/a/#", group: nil, topics: [0, 2]),
    ]

    /// The QoS of a group's members: one for all, so that it is known what a group owes.
    static func groupQoS(_ group: Int) -> QoS { group == 2 ? .exactlyOnce : .atLeastOnce }

    static let topicsByText = Dictionary(
        uniqueKeysWithValues: topics.enumerated().map { ($0.element.text, $0.offset) })
}

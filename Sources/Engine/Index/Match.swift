// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

package import Packets
package import Persistence

/// Who gets what is published to one topic: the answer of the subscription index, immutable and shared by all
/// publishes to that topic until a subscription changes.
package final class Match: Sendable {
    /// The sessions with ordinary subscriptions that match, each once `[MQTT-3.3.4-2]`.
    package let receivers: [Receiver]
    /// The shared subscriptions that match, one for each pair of group and filter; each gets one copy.
    package let groups: [ShareGroup]
    /// Subscription identifiers; receivers name ranges in it.
    package let identifiers: [UInt32]

    /// Nobody.
    package static let none = Match(receivers: [], groups: [], identifiers: [])

    init(receivers: [Receiver], groups: [ShareGroup], identifiers: [UInt32]) {
        self.receivers = receivers
        self.groups = groups
        self.identifiers = identifiers
    }

    /// Whether nobody gets it.
    package var isEmpty: Bool { receivers.isEmpty && groups.isEmpty }

    /// About how much memory the match takes.
    package var byteCount: Int {
        guard !isEmpty else { return 0 }
        let members = groups.reduce(0) { $0 + $1.members.count }
        return 128 + (receivers.count + members) * MemoryLayout<Receiver>.stride + identifiers.count * 4
            + groups.count * 160
    }
}

/// A session that gets a message, and how. Trivial.
///
/// Where several of its subscriptions match, the session gets one copy: with the greatest QoS of them, with
/// the retain flag as published if any of them asks for that (the flag would be lost to that one otherwise),
/// and with the identifiers of all of them `[MQTT-3.3.4-2]`, `[MQTT-3.3.4-3]`. A session that publishes to
/// itself gets only what its subscriptions without No Local give `[MQTT-3.8.3-3]`; the fields that begin with
/// `own` hold then.
package struct Receiver: Hashable, Sendable {
    /// The session.
    package var session: SessionNumber
    /// Where the session sits, as its subscription told.
    package var seat: UInt32
    /// Whether the session outlives its connection.
    package var isPersistent: Bool
    /// The greatest QoS that its subscriptions grant.
    package var qos: QoS
    /// Whether the retain flag stays as published.
    package var retainAsPublished: Bool
    /// Whether it gets its own messages.
    package var hasOwn: Bool
    /// The greatest QoS granted to its own messages.
    package var ownQoS: QoS
    /// Whether the retain flag of its own messages stays as published.
    package var ownRetainAsPublished: Bool
    var identifiersStart: Int32 = 0
    var identifiersEnd: Int32 = 0
    var ownIdentifiersEnd: Int32 = 0

    /// Where the subscription identifiers are in the match.
    package var identifiers: Range<Int> { Int(identifiersStart)..<Int(identifiersEnd) }
    /// Where the subscription identifiers for its own messages are in the match.
    package var ownIdentifiers: Range<Int> { Int(identifiersStart)..<Int(ownIdentifiersEnd) }
}

/// One shared subscription that matches: each message goes to one of its members, at the QoS
/// that this one was granted `[MQTT-4.8.2-3]`.
package struct ShareGroup: Hashable, Sendable {
    /// The whole filter, `$share/group/filter`.
    package let share: Text
    /// The sessions that subscribed, each once.
    package let members: [Receiver]
    /// Whether any member outlives its connection.
    package let hasPersistent: Bool
}

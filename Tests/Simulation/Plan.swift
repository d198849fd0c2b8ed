// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import Engine
import Packets

/// What a seed decides before anything happens: the shape of the world, its limits, and what goes wrong.
struct Plan {
    /// How a subscriber answers.
    enum Manner: CaseIterable {
        case prompt, late, disorderly, stopsAfterPubrec, silent
    }

    /// What one client is like.
    struct Character {
        var version: ProtocolVersion
        var isPersistent: Bool
        var manner: Manner
        var receiveMaximum: UInt16?
        var aliasMaximum: UInt16?
        /// Stops reading now and then.
        var stops: Bool
        /// How many publishes it keeps in flight.
        var window: Int
    }

    var shardCount: Int
    var steps: Int
    var limits: Limits
    var characters: [Character]
    var stalls: Bool
    var retries: Bool
    var reopens: Bool
    var refusals: Bool
    var readFaults: Bool
    /// Once in so many steps; zero: never.
    var crashEvery: Int
    /// The store may be another broker's, until a commit says that it is not.
    var doubts = false
    /// The broker is also ended in good order.
    var shutsDown = false
    /// The embedding program publishes, too.
    var hasProgram = false
    /// Some clients take no packets above `Plan.narrowBytes`.
    var narrows = false
    /// Queues have a limit that is met.
    var boundsQueues = false
    /// Long jumps of time, so that sessions and messages expire.
    var jumps: Bool

    /// What the seed adds to the plan that was drawn, so that other worlds stay as they were.
    mutating func extend(_ seed: UInt64) {
        doubts = seed % 4 == 3
        shutsDown = seed % 4 == 1
        hasProgram = seed % 5 == 2
        narrows = seed % 5 == 4 && !refusals
        boundsQueues = seed % 7 == 6
        guard boundsQueues else { return }
        limits.inflightMax = 4
        limits.queuedMessagesMax = 6
    }

    /// The Maximum Packet Size of narrow clients: every message fits but those that are wide.
    static let narrowBytes = 80

    init(_ dice: inout Dice) {
        shardCount = dice.pick(2...3)
        steps = dice.pick(400...1200)
        limits = Plan.limits(&dice)
        characters = (0..<dice.pick(3...5)).map { _ in Character(&dice) }
        stalls = dice.chance(0.5)
        retries = dice.chance(0.4)
        reopens = dice.chance(0.4)
        refusals = dice.chance(0.15)
        readFaults = dice.chance(0.15)
        crashEvery = dice.chance(0.6) ? dice.pick([100, 250, 500]) : 0
        jumps = dice.chance(0.3)
    }

    private static func limits(_ dice: inout Dice) -> Limits {
        let isTiny = dice.chance(0.7)
        return Limits { limits in
            limits.packetBytesMax = 512
            limits.receiveMaximum = 8
            limits.topicAliasMaximum = 4
            limits.removalDelayMaxMilliseconds = dice.pick([0, 10, 50])
            limits.commitDelayMaxMilliseconds = dice.pick([0, 2, 20])
            guard isTiny else { return }
            limits.tailMessagesMax = dice.pick(1...4)
            limits.windowMessagesMax = dice.pick(1...4)
            limits.windowBytesMax = dice.pick([40, 1000])
            limits.mailboxBytesMax = dice.pick([100, 600, 4000])
            limits.batchBytesMax = dice.pick([300, 1000, 8000])
            limits.uncommittedBytesMax = dice.pick([1500, 6000, 1 << 20])
            limits.sessionUncommittedBytesMax = dice.pick([600, 1 << 20])
            limits.deliveryBytesMax = dice.pick([0, 400, 256 << 20])
            limits.deliveryBytesMin = dice.pick([1, 100])
            limits.outboundBytesMax = dice.pick([60, 400, 1 << 20])
            limits.retainedBytesMax = dice.pick([0, 100, 1 << 20])
        }
    }
}

extension Plan.Character {
    init(_ dice: inout Dice) {
        version = dice.pick([.v311, .v5, .v5, .v311, .v31])
        isPersistent = dice.chance(0.75)
        manner = dice.pick([.prompt, .prompt, .late, .disorderly, .stopsAfterPubrec, .silent])
        receiveMaximum = dice.pick([nil, 1, 2, 3])
        aliasMaximum = dice.pick([nil, 2])
        stops = dice.chance(0.25)
        window = dice.pick(1...5)
    }
}

// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import Packets

/// A client with a memory of its own: what it has published and not seen acknowledged, what it has received and
/// not finished with. It outlives connections, and crashes of the broker.
final class SimulatedClient {
    /// A QoS 1 or 2 publish without its last acknowledgement.
    struct Outgoing {
        var serial: Int
        var packetID: UInt16
        /// PUBREC was seen: only PUBREL is sent from now on.
        var isReleased = false
    }

    /// What a packet identifier stands for.
    struct Received {
        /// Minus one: a message without a payload.
        var serial: Int
        /// A retained message that came with a subscription: a copy beside the delivery itself.
        var isCopy: Bool

        /// What the ledger is told when it is finished.
        var finished: Int? { isCopy || serial < 0 ? nil : serial }
    }

    let index: Int
    let name: Text
    let character: Plan.Character
    /// The session of its last CONNACK that was written.
    var incarnation: Incarnation?
    /// The session of the last CONNACK that it has seen.
    var known: Incarnation?
    /// There was a CONNECT that may have begun a session, and no CONNACK was written for it.
    var hasUnseenConnect = false
    /// Connections with a CONNECT and no CONNACK: what they ask for may still come.
    var unseen: [Link] = []
    /// The connection it uses.
    /// It takes no wide messages.
    var isNarrow = false
    var link: Link?
    var outgoing: [Outgoing] = []
    /// QoS 2 packet identifiers received and not released, with what they carried.
    var received: [UInt16: Received] = [:]
    private var lastPacketID: UInt16 = 0

    init(index: Int, character: Plan.Character) {
        self.index = index
        self.character = character
        name = Text("client-\(index)")
    }

    /// A packet identifier that is not in use.
    func nextPacketID() -> UInt16 {
        while true {
            lastPacketID = lastPacketID >= 40 ? 1 : lastPacketID + 1
            let isUsed =
                outgoing.contains { $0.packetID == lastPacketID } || link?.questions[lastPacketID] != nil
            if !isUsed { return lastPacketID }
        }
    }
}

// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

package import DequeModule
package import NIOCore
package import Packets
package import Persistence

/// Where a connection came from.
package struct Origin: Sendable, Hashable {
    package var listener: Text
    package var remote: Text

    package init(listener: Text, remote: Text) {
        self.listener = listener
        self.remote = remote
    }
}

/// One socket's protocol state. Belongs to one shard.
package final class Connection {
    /// What keeps the packets of a connection from being read on.
    package struct Block: OptionSet, Sendable {
        package let rawValue: UInt8
        package init(rawValue: UInt8) { self.rawValue = rawValue }
        /// CONNECT was accepted and CONNACK is not sent yet.
        package static let connecting = Block(rawValue: 1)
        /// SUBSCRIBE or UNSUBSCRIBE: what follows must see it, so it waits for the next tick.
        package static let tick = Block(rawValue: 2)
        /// Too much is uncommitted; nothing is in flight to this client that it could make room by.
        package static let overload = Block(rawValue: 4)
        /// The client does not take the answers to what it sends.
        package static let congestion = Block(rawValue: 8)
    }

    package enum Stage: Sendable, Hashable {
        /// Nothing but CONNECT is expected.
        case opening
        /// CONNECT was accepted; waits for its session, or for the commit behind CONNACK.
        case connecting
        case connected
        case closed
    }

    // What each packet needs stands first, together: of a connection that was quiet for a while nothing is in the
    // processor's cache.
    package let id: SlotID
    package var stage = Stage.opening
    package var block: Block = []
    package var version = ProtocolVersion.v311
    package var isDirty = false
    package var isWritable = true
    package var isPaused = false
    package var receivedAt: Milliseconds
    package var session: Session?
    package var decoder: Decoder
    package var inbound = ByteBuffer()
    package var outbound = ByteBuffer()
    /// The largest packet it may be sent: the client's Maximum Packet Size, or what MQTT can carry.
    package var packetBytesMax = Limits.protocolPacketBytesMax
    /// The client's Receive Maximum, capped.
    package var windowMax = 0
    /// How many acknowledgements of each kind wait for a commit.
    package var waiting = WaiterCounts()
    /// Zero: no keep-alive.
    package var keepAlive: Milliseconds = 0
    package var inboundAliases = InboundTopicAliases(maximum: 0)
    package var outboundAliases = OutboundTopicAliases(maximum: 0)
    /// How many QoS 2 publishes of earlier connections were not released when this one began: they take nothing
    /// from its quota, which begins anew.
    package var inheritedReceptions = 0
    /// Replies with a list of reason codes that wait for their commit, in order.
    package var replies: Deque<Packet> = []
    /// What is needed between CONNECT and CONNACK only, and freed then.
    package var admission: Admission?
    package let origin: Origin
    package let openedAt: Milliseconds
    /// The tickets of the last ones in `waiting`, of each kind; here because most messages wait for nothing.
    package var lastTickets: InlineArray<8, UInt64> = .init(repeating: 0)
    /// What it subscribes to is not sent back to where it came from (`Connect.isBridge`).
    package var isBridge = false
    /// What its socket was given and had not taken when it last said whether it is writable.
    package var unsentBytes = 0
    /// What it counts for in `Commons.deliveryBytes`.
    package var heldBytes = 0

    package init(id: SlotID, origin: Origin, packetBytesMax: Int, now: Milliseconds) {
        self.id = id
        self.origin = origin
        decoder = Decoder(packetBytesMax: packetBytesMax)
        openedAt = now
        receivedAt = now
    }

    /// Whether a PUBLISH of these bytes fits, whatever is added to them: a header of five bytes, the lengths of topic and
    /// properties, packet identifier, expiry and alias, and five bytes for each subscription identifier.
    @inline(__always)
    func surelyFits(bytes: Int, identifiers: Int) -> Bool {
        bytes &+ identifiers &* 5 &+ 32 <= packetBytesMax
    }

    /// Whether nothing more may be queued for the socket.
    package func isCongested(_ outboundBytesMax: Int) -> Bool {
        outbound.readableBytes >= outboundBytesMax
    }
}

/// What a CONNECT that was accepted and is not answered yet has settled.
package final class Admission {
    package let parameters: SessionParameters
    package var connack: Connack?
    /// How many things CONNACK still waits for.
    package var connackSteps = 0

    package init(_ parameters: SessionParameters) {
        self.parameters = parameters
    }
}

/// What waits for a commit before it leaves.
package enum WaiterKind: UInt8, Sendable, Hashable, CaseIterable {
    case connack, puback, pubrec, pubrel, pubcomp, reply, publish, inline
}

/// One acknowledgement, or QoS 2 publish, that waits for a commit. Trivial.
package struct Waiter: Sendable, Hashable {
    package var ticket: UInt64
    package var slot: SlotID
    package var packetID: UInt16
    package var kind: WaiterKind
    package var reason: ReasonCode
    /// Whether the ticket is that of what it acknowledges; else it only waits behind others of its kind.
    package var isOwn = true
}

/// A count per kind of waiter.
package struct WaiterCounts: Sendable, Hashable {
    private var counts: InlineArray<8, Int32> = .init(repeating: 0)
    /// All kinds together.
    package private(set) var total: Int32 = 0

    package init() {}

    package subscript(kind: WaiterKind) -> Int32 {
        get { counts[Int(kind.rawValue)] }
        set {
            total &+= newValue &- counts[Int(kind.rawValue)]
            counts[Int(kind.rawValue)] = newValue
        }
    }

    package static func == (left: WaiterCounts, right: WaiterCounts) -> Bool {
        WaiterKind.allCases.allSatisfy { left[$0] == right[$0] }
    }

    package func hash(into hasher: inout Hasher) {
        for kind in WaiterKind.allCases { hasher.combine(self[kind]) }
    }
}

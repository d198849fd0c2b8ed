// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

package import Packets

/// Every limit of the engine, under its name, with a default that is safe for a broker on one machine.
///
/// Nothing in the engine grows without one of these: what a client may send, what a session may hold, what
/// waits in memory for a commit or for a slow reader. `faults` tells which of them contradict each other.
package struct Limits: Hashable, Sendable {
    // MARK: What clients may ask for, told in CONNACK

    /// How many QoS 1 and 2 publishes a client may have unacknowledged: the broker's Receive Maximum.
    package var receiveMaximum: UInt16 = 1_024
    /// The largest packet a client may send, with its header: room for payloads of 1 MiB and more.
    package var packetBytesMax = 2 << 20
    /// How many topic aliases a client may set, and the broker at most sets for a client that allows more.
    package var topicAliasMaximum: UInt16 = 64
    /// How many bytes of topics the aliases of one direction of a connection may stand for.
    package var topicAliasBytesMax = 64 << 10
    /// The greatest QoS of publishes, wills and subscriptions.
    package var maximumQoS = QoS.exactlyOnce
    /// Whether retained messages are kept.
    package var retainAvailable = true
    /// Whether filters may have wildcards.
    package var wildcardSubscriptionsAvailable = true
    /// Whether subscriptions may have identifiers.
    package var subscriptionIdentifiersAvailable = true
    /// Whether subscriptions may be shared.
    package var sharedSubscriptionsAvailable = true
    /// The longest keep-alive of a client that can be told so (MQTT 5); `nil` leaves it to the clients.
    package var serverKeepAliveSeconds: UInt16?
    /// The longest time a session may outlive its connection; `UInt32.max` means for ever.
    package var sessionExpirySecondsMax = UInt32.max

    // MARK: Connections

    /// How many clients may be connected.
    package var clientsMax = 1_000_000
    /// How long a connection may take from its opening to the end of its CONNECT.
    package var connectSecondsMax = 10
    /// How many bytes may wait for a socket before QoS 0 is dropped and nothing more is sent from the queue; and how
    /// many may be kept of what is sent to a volatile member of a share.
    package var outboundBytesMax = 1 << 20

    // MARK: Topics and subscriptions

    /// How many levels the topic of a publish or a will may have.
    package var topicLevelsMax = 128
    /// How many levels a topic filter may have, the group of a shared one not counted.
    package var filterLevelsMax = 128
    /// How many subscriptions a session may have.
    package var subscriptionsPerSessionMax = 10_000
    /// How many bytes of retained messages are kept in memory; the rest is read from the store.
    package var retainedBytesMax = 64 << 20

    // MARK: Sessions

    /// How many deliveries may be in flight to one client, whatever its Receive Maximum.
    package var inflightMax: UInt16 = 1_024
    /// How many messages may be stored for one session before more are dropped and reported.
    package var queuedMessagesMax = 10_000_000
    /// How many bytes of messages may be stored for one session before more are dropped and reported.
    package var queuedBytesMax = 4 << 30
    /// How many bytes of messages a session keeps in memory while it catches up with its queue.
    package var tailBytesMax = 256 << 10
    /// How many messages a session keeps in memory while it catches up with its queue.
    package var tailMessagesMax = 1_000
    /// How many messages one read of a session's queue, or of the retained values, may return.
    package var windowMessagesMax = 256
    /// How many bytes one read of a session's queue may return, but for a single message that is larger.
    package var windowBytesMax = 256 << 10
    /// How many bytes of messages may wait in memory for clients that are slower than these, all together: what was read
    /// of their queues, what waits for their sockets.
    package var deliveryBytesMax = 256 << 20
    /// How many of them each client may have, or one message, when they are used up.
    package var deliveryBytesMin = 16 << 10

    // MARK: Between shards, and to the store

    /// How many bytes one tick may gather, with all their receivers, before what else has arrived waits for the next.
    package var tickBytesMax = 4 << 20
    /// How many answers to one client may wait for a commit before it is not read.
    package var waitingAnswersMax = 100_000

    /// How many bytes may wait in the mailbox of one shard.
    package var mailboxBytesMax = 16 << 20
    /// How many bytes may wait for their commit, all lanes together, before publishers are held back.
    package var uncommittedBytesMax = 64 << 20
    /// How many bytes of one session may wait for their commit.
    package var sessionUncommittedBytesMax = 4 << 20
    /// How many bytes one batch takes from the queue of the committer.
    package var batchBytesMax = 8 << 20
    /// How long a change that nobody waits for may stay uncommitted.
    package var removalDelayMaxMilliseconds = 50
    /// How long the commit of a delivery to an online session may wait for the acknowledgement that makes it needless;
    /// zero for a store that does not sync.
    package var commitDelayMaxMilliseconds = 2
    /// Whether acknowledgements leave before the commit: durability `memory` on a store that has a disk.
    package var acknowledgesBeforeCommit = false
    /// How long a shutdown waits for the store to take what is left.
    package var drainDelayMaxSeconds = 10

    /// The defaults.
    package init() {}

    /// The defaults but for what `configure` sets.
    package init(_ configure: (inout Limits) -> Void) {
        configure(&self)
    }
}

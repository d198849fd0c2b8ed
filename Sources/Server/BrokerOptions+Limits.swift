// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import Engine
public import Packets

/// The limits of the engine, one by one.
extension BrokerOptions {
    /// How many QoS 1 and QoS 2 publishes a client may have under way at once: the broker's Receive Maximum.
    /// The default is 1,024.
    public var receiveMaximum: UInt16 {
        get { engine.receiveMaximum }
        set { engine.receiveMaximum = newValue }
    }

    /// Whether acknowledgements leave before what they acknowledge is committed: nothing is promised then. For a
    /// store on a disk whose durability is `memory`. The default is false.
    public var acknowledgesBeforeCommit: Bool {
        get { engine.acknowledgesBeforeCommit }
        set { engine.acknowledgesBeforeCommit = newValue }
    }

    /// The largest packet a client may send, in bytes with its header; a larger one closes its connection before
    /// anything is allocated for it. The limits on what waits in memory are raised so that one such packet fits.
    /// The default is 2 MiB.
    public var packetBytesMax: Int {
        get { engine.packetBytesMax }
        set { engine.packetBytesMax = newValue }
    }

    /// How many topic aliases a client may set, and the broker at most sets for it; 0 forbids them. The default
    /// is 64.
    public var topicAliasMaximum: UInt16 {
        get { engine.topicAliasMaximum }
        set { engine.topicAliasMaximum = newValue }
    }

    /// How many bytes of topics the aliases of one direction of a connection may stand for. The default is 64 KiB.
    public var topicAliasBytesMax: Int {
        get { engine.topicAliasBytesMax }
        set { engine.topicAliasBytesMax = newValue }
    }

    /// The greatest QoS of publishes, wills and subscriptions. The default is 2.
    public var maximumQoS: QoS {
        get { engine.maximumQoS }
        set { engine.maximumQoS = newValue }
    }

    /// Whether retained messages are kept. The default is true.
    public var retainAvailable: Bool {
        get { engine.retainAvailable }
        set { engine.retainAvailable = newValue }
    }

    /// Whether filters may have wildcards. The default is true.
    public var wildcardSubscriptionsAvailable: Bool {
        get { engine.wildcardSubscriptionsAvailable }
        set { engine.wildcardSubscriptionsAvailable = newValue }
    }

    /// Whether subscriptions may have identifiers. The default is true.
    public var subscriptionIdentifiersAvailable: Bool {
        get { engine.subscriptionIdentifiersAvailable }
        set { engine.subscriptionIdentifiersAvailable = newValue }
    }

    /// Whether subscriptions may be shared. The default is true.
    public var sharedSubscriptionsAvailable: Bool {
        get { engine.sharedSubscriptionsAvailable }
        set { engine.sharedSubscriptionsAvailable = newValue }
    }

    /// The longest keep-alive in seconds of a client that can be told so (MQTT 5); `nil`, the default, leaves it
    /// to the clients.
    public var serverKeepAliveSeconds: UInt16? {
        get { engine.serverKeepAliveSeconds }
        set { engine.serverKeepAliveSeconds = newValue }
    }

    /// The longest time in seconds that a session outlives its connection. The default, `UInt32.max`, means for
    /// ever.
    public var sessionExpirySecondsMax: UInt32 {
        get { engine.sessionExpirySecondsMax }
        set { engine.sessionExpirySecondsMax = newValue }
    }

    /// How many clients may be connected. The default is 1,000,000; the system's limit on open files comes first.
    public var clientsMax: Int {
        get { engine.clientsMax }
        set { engine.clientsMax = newValue }
    }

    /// How long a connection may take from its opening to the end of its CONNECT, in seconds. The default is 10.
    public var connectSecondsMax: Int {
        get { engine.connectSecondsMax }
        set { engine.connectSecondsMax = newValue }
    }

    /// How many bytes may wait for a client that does not read before QoS 0 is dropped, counted, and nothing more
    /// is sent from its queue; and how many bytes are kept of what a volatile member of a shared subscription has yet
    /// to acknowledge, for another member. The default is 1 MiB.
    public var outboundBytesMax: Int {
        get { engine.outboundBytesMax }
        set { engine.outboundBytesMax = newValue }
    }

    /// How many bytes of messages may wait in memory for clients that are slower than their messages, all clients together:
    /// windows of their queues, and what their sockets do not take. When they are used up, 16 KiB or one message per client
    /// are all that is kept, and the rest stays in the store. The default is 256 MiB; the memory is up to twice that.
    public var deliveryBytesMax: Int {
        get { engine.deliveryBytesMax }
        set { engine.deliveryBytesMax = newValue }
    }

    /// How many levels the topic of a publish or a will may have. The default is 128.
    public var topicLevelsMax: Int {
        get { engine.topicLevelsMax }
        set { engine.topicLevelsMax = newValue }
    }

    /// How many levels a topic filter may have. The default is 128.
    public var filterLevelsMax: Int {
        get { engine.filterLevelsMax }
        set { engine.filterLevelsMax = newValue }
    }

    /// How many subscriptions a session may have. The default is 10,000.
    public var subscriptionsPerSessionMax: Int {
        get { engine.subscriptionsPerSessionMax }
        set { engine.subscriptionsPerSessionMax = newValue }
    }

    /// How many bytes of retained messages are kept in memory; the rest is read from the store. The default is
    /// 64 MiB.
    public var retainedBytesMax: Int {
        get { engine.retainedBytesMax }
        set { engine.retainedBytesMax = newValue }
    }

    /// How many deliveries may be in flight to one client, whatever its Receive Maximum; never more than
    /// `queuedMessagesMax`. The default is 1,024.
    public var inflightMax: UInt16 {
        get { engine.inflightMax }
        set { engine.inflightMax = newValue }
    }

    /// How many messages may be stored for one session before more are dropped and reported. The default is
    /// 10,000,000.
    public var queuedMessagesMax: Int {
        get { engine.queuedMessagesMax }
        set { engine.queuedMessagesMax = newValue }
    }

    /// How many bytes of messages may be stored for one session before more are dropped and reported. The
    /// default is 4 GiB.
    public var queuedBytesMax: Int {
        get { engine.queuedBytesMax }
        set { engine.queuedBytesMax = newValue }
    }

    /// How many messages a session keeps in memory while it catches up with its queue. The default is 1,000.
    public var tailMessagesMax: Int {
        get { engine.tailMessagesMax }
        set { engine.tailMessagesMax = newValue }
    }

    /// How many bytes of messages a session keeps in memory while it catches up with its queue. The default is
    /// 256 KiB.
    public var tailBytesMax: Int {
        get { engine.tailBytesMax }
        set { engine.tailBytesMax = newValue }
    }

    /// How many messages one read of a session's queue may return. The default is 256.
    public var windowMessagesMax: Int {
        get { engine.windowMessagesMax }
        set { engine.windowMessagesMax = newValue }
    }

    /// How many bytes one read of a session's queue may return, but for a single larger message. The default is
    /// 256 KiB.
    public var windowBytesMax: Int {
        get { engine.windowBytesMax }
        set { engine.windowBytesMax = newValue }
    }

    /// How many bytes may wait on their way from one event loop to another. The default is 16 MiB.
    public var mailboxBytesMax: Int {
        get { engine.mailboxBytesMax }
        set { engine.mailboxBytesMax = newValue }
    }

    /// How many bytes may wait for their commit before publishers are held back. The default is 64 MiB.
    public var uncommittedBytesMax: Int {
        get { engine.uncommittedBytesMax }
        set { engine.uncommittedBytesMax = newValue }
    }

    /// How many bytes of one session may wait for their commit. The default is 4 MiB.
    public var sessionUncommittedBytesMax: Int {
        get { engine.sessionUncommittedBytesMax }
        set { engine.sessionUncommittedBytesMax = newValue }
    }

    /// How many bytes one commit takes at most. The default is 8 MiB.
    public var batchBytesMax: Int {
        get { engine.batchBytesMax }
        set { engine.batchBytesMax = newValue }
    }

    /// How long a change that nobody waits for may stay uncommitted, in milliseconds. The default is 50.
    public var removalDelayMaxMilliseconds: Int {
        get { engine.removalDelayMaxMilliseconds }
        set { engine.removalDelayMaxMilliseconds = newValue }
    }

    /// How long the commit of a QoS 1 message to a connected session may wait for its acknowledgement, in milliseconds.
    /// What is acknowledged in time is never written, and its publisher is told at once; 0 commits at once. Not done
    /// with a store whose durability is `memory`. The default is 2.
    public var commitDelayMaxMilliseconds: Int {
        get { engine.commitDelayMaxMilliseconds }
        set { engine.commitDelayMaxMilliseconds = newValue }
    }

    /// How long a shutdown may take to commit what has been received, in seconds; past it the broker ends with an
    /// error. The default is 10.
    public var drainDelayMaxSeconds: Int {
        get { engine.drainDelayMaxSeconds }
        set { engine.drainDelayMaxSeconds = newValue }
    }
}

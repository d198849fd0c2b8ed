// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

public import Packets

/// The will of a client, with everything needed to publish it after a crash.
public struct WillRecord: Hashable, Sendable {
    /// Where the will is published.
    public var topic: Text
    /// What is published.
    public var payload: [UInt8]
    /// The QoS of the publication.
    public var qos: QoS
    /// Whether the publication is retained.
    public var retain: Bool
    /// The properties that are forwarded, encoded as in PUBLISH without their length: no topic alias, no
    /// subscription identifier, no message expiry interval.
    public var properties: [UInt8]
    /// Seconds between the end of the connection and the publication.
    public var delaySeconds: UInt32
    /// Message expiry interval in seconds, counted from the publication.
    public var expirySeconds: UInt32?

    /// A will with the defaults of MQTT 3.1.1.
    public init(
        topic: Text,
        payload: [UInt8],
        qos: QoS = .atMostOnce,
        retain: Bool = false,
        properties: [UInt8] = [],
        delaySeconds: UInt32 = 0,
        expirySeconds: UInt32? = nil
    ) {
        self.topic = topic
        self.payload = payload
        self.qos = qos
        self.retain = retain
        self.properties = properties
        self.delaySeconds = delaySeconds
        self.expirySeconds = expirySeconds
    }
}

/// Everything that is needed to resume a session, or to end one properly, except its subscriptions and queue.
public struct ClientRecord: Hashable, Sendable {
    /// The session's number, the key of everything else that belongs to it.
    public var session: SessionNumber
    /// The client identifier that leads to the session.
    public var clientID: Text
    /// The protocol version of the last connection.
    public var version: ProtocolVersion
    /// The user name of the last connection, if it gave one.
    public var username: Text?
    /// The listener of the last connection.
    public var listener: Text
    /// The remote address of the last connection, as text.
    public var remote: Text
    /// Whether the session outlives its connection. Volatile sessions are stored while they have a will or a
    /// shared subscription, and end with the boot that holds their connection.
    public var isPersistent: Bool
    /// Seconds between the end of the connection and the end of the session; `UInt32.max` means never.
    public var expirySeconds: UInt32
    /// The boot in which the session was last connected: when it is the running boot and `disconnectedAt` is
    /// zero, the session is connected.
    public var boot: UInt64
    /// When the last connection ended; zero while connected.
    public var disconnectedAt: Milliseconds
    /// QoS 1 deliveries with numbers up to this one may have been sent, whatever their state says: a broker died
    /// while the session was connected, and its queue has not been read since.
    public var dupThrough: MessageNumber
    /// The will that is to be published when the connection ends badly, or after its delay.
    public var will: WillRecord?

    /// A record with defaults for what a plain MQTT 3.1.1 session leaves out.
    public init(
        session: SessionNumber,
        clientID: Text,
        version: ProtocolVersion = .v311,
        username: Text? = nil,
        listener: Text = "",
        remote: Text = "",
        isPersistent: Bool = true,
        expirySeconds: UInt32 = .max,
        boot: UInt64 = 0,
        disconnectedAt: Milliseconds = 0,
        dupThrough: MessageNumber = 0,
        will: WillRecord? = nil
    ) {
        self.session = session
        self.clientID = clientID
        self.version = version
        self.username = username
        self.listener = listener
        self.remote = remote
        self.isPersistent = isPersistent
        self.expirySeconds = expirySeconds
        self.boot = boot
        self.disconnectedAt = disconnectedAt
        self.dupThrough = dupThrough
        self.will = will
    }
}

/// One subscription of one session; (`session`, `filter`) is its key.
public struct SubscriptionRecord: Hashable, Sendable {
    /// The session that subscribed.
    public var session: SessionNumber
    /// The topic filter as the client wrote it, `$share/group/` included.
    public var filter: Text
    /// The options of the subscription.
    public var options: SubscriptionOptions
    /// The subscription identifier; zero when there is none.
    public var identifier: UInt32
    /// Retained messages with numbers in (`retainedSent`, `retainedEnd`] are still to be queued.
    public var retainedSent: MessageNumber
    /// See `retainedSent`.
    public var retainedEnd: MessageNumber

    /// A subscription whose retained messages have all been queued.
    public init(
        session: SessionNumber,
        filter: Text,
        options: SubscriptionOptions,
        identifier: UInt32 = 0,
        retainedSent: MessageNumber = 0,
        retainedEnd: MessageNumber = 0
    ) {
        self.session = session
        self.filter = filter
        self.options = options
        self.identifier = identifier
        self.retainedSent = retainedSent
        self.retainedEnd = retainedEnd
    }
}

/// A published message: what every delivery of it, and the retained value, share.
public struct MessageRecord: Hashable, Sendable {
    /// The topic it was published to.
    public var topic: Text
    /// The application message.
    public var payload: [UInt8]
    /// The properties that are forwarded, encoded as in PUBLISH without their length: no topic alias, no
    /// subscription identifier, no message expiry interval.
    public var properties: [UInt8]
    /// The client identifier of the publisher; empty for the broker itself.
    public var publisher: Text
    /// The QoS it was published with.
    public var qos: QoS
    /// When it was published.
    public var publishedAt: Milliseconds
    /// When it expires; zero means never.
    public var expiresAt: Milliseconds

    /// A message without properties that never expires.
    public init(
        topic: Text,
        payload: [UInt8],
        properties: [UInt8] = [],
        publisher: Text = "",
        qos: QoS = .atLeastOnce,
        publishedAt: Milliseconds = 0,
        expiresAt: Milliseconds = 0
    ) {
        self.topic = topic
        self.payload = payload
        self.properties = properties
        self.publisher = publisher
        self.qos = qos
        self.publishedAt = publishedAt
        self.expiresAt = expiresAt
    }
}

/// How far a delivery has come.
public enum DeliveryState: UInt8, Hashable, Sendable, CaseIterable {
    /// Waits to be sent; has no packet identifier.
    case queued = 0
    /// Was sent, or may have been, under its packet identifier.
    case sent = 1
    /// QoS 2: PUBREC arrived; only PUBREL is sent from now on.
    case released = 2
}

/// A message on its way to one session; (`session`, `number`) is its key.
public struct DeliveryRecord: Hashable, Sendable {
    /// The receiving session.
    public var session: SessionNumber
    /// The message's number.
    public var number: MessageNumber
    /// The QoS of the delivery: 1 or 2.
    public var qos: QoS
    /// Whether it is sent with the retain flag.
    public var retain: Bool
    /// How far it has come.
    public var state: DeliveryState
    /// The packet identifier; zero while queued.
    public var packetID: UInt16
    /// The identifiers of the subscriptions that matched.
    public var identifiers: [UInt32]
    /// The shared subscription (`$share/group/filter`) it came by; empty for an ordinary one.
    public var share: Text
    /// The message itself.
    public var message: MessageRecord

    /// A queued delivery of an ordinary subscription.
    public init(
        session: SessionNumber,
        number: MessageNumber,
        qos: QoS = .atLeastOnce,
        retain: Bool = false,
        state: DeliveryState = .queued,
        packetID: UInt16 = 0,
        identifiers: [UInt32] = [],
        share: Text = "",
        message: MessageRecord
    ) {
        self.session = session
        self.number = number
        self.qos = qos
        self.retain = retain
        self.state = state
        self.packetID = packetID
        self.identifiers = identifiers
        self.share = share
        self.message = message
    }
}

/// The retained message of a topic.
public struct RetainedRecord: Hashable, Sendable {
    /// The number of the message that set it: of two values for one topic the greater number wins.
    public var number: MessageNumber
    /// The message; its topic is the key.
    public var message: MessageRecord

    /// A retained message under its number.
    public init(number: MessageNumber, message: MessageRecord) {
        self.number = number
        self.message = message
    }
}

/// One start of the broker on this store.
public struct BootRecord: Hashable, Sendable {
    /// Counts from 1.
    public var number: UInt64
    /// When the start happened.
    public var startedAt: Milliseconds

    /// A boot and its time.
    public init(number: UInt64, startedAt: Milliseconds) {
        self.number = number
        self.startedAt = startedAt
    }
}

/// What the store knows about itself and the broker that wrote it. All counts are kept, never scanned for.
public struct SysInfoRecord: Hashable, Sendable {
    /// The format version of the store's contents.
    public var formatVersion: UInt32
    /// The number of the last batch that was applied; zero on an empty store.
    public var batch: UInt64
    /// The greatest session number of any applied batch.
    public var session: SessionNumber
    /// The greatest message number of any applied batch.
    public var message: MessageNumber
    /// The latest time of any applied batch.
    public var time: Milliseconds
    /// Client records, ended sessions not counted.
    public var clientCount: UInt64
    /// Subscriptions, those of ended sessions included until they are swept.
    public var subscriptionCount: UInt64
    /// Deliveries, those of ended sessions included until they are swept.
    public var deliveryCount: UInt64
    /// Message bodies.
    public var messageCount: UInt64
    /// Receptions, those of ended sessions included until they are swept.
    public var receptionCount: UInt64
    /// Retained messages.
    public var retainedCount: UInt64

    /// The record of an empty store.
    public init(
        formatVersion: UInt32 = 1,
        batch: UInt64 = 0,
        session: SessionNumber = 0,
        message: MessageNumber = 0,
        time: Milliseconds = 0,
        clientCount: UInt64 = 0,
        subscriptionCount: UInt64 = 0,
        deliveryCount: UInt64 = 0,
        messageCount: UInt64 = 0,
        receptionCount: UInt64 = 0,
        retainedCount: UInt64 = 0
    ) {
        self.formatVersion = formatVersion
        self.batch = batch
        self.session = session
        self.message = message
        self.time = time
        self.clientCount = clientCount
        self.subscriptionCount = subscriptionCount
        self.deliveryCount = deliveryCount
        self.messageCount = messageCount
        self.receptionCount = receptionCount
        self.retainedCount = retainedCount
    }
}

// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import Engine
import NIOCore
public import Packets

/// What a broker allows and offers; the defaults are safe for a broker on one machine.
public struct BrokerOptions: Sendable {
    /// How many QoS 1 and QoS 2 publishes a client may have under way at once (Receive Maximum); at least 1.
    public var receiveMaximum: UInt16 = 1024
    /// The largest packet a client may send, in bytes. Larger ones close the connection before anything is
    /// allocated for them (`[MQTT-3.2.2-15]`).
    public var packetBytesMax = 16 << 20
    /// How many topic aliases a client may use; 0 forbids them.
    public var topicAliasMaximum: UInt16 = 64
    /// The greatest QoS a client may publish with.
    public var maximumQoS = QoS.exactlyOnce
    /// Whether clients may retain messages.
    public var isRetainAvailable = true
    /// The keep-alive that every client must use instead of its own, in seconds; `nil` leaves it to the client.
    public var serverKeepAliveSeconds: UInt16?
    /// The longest time a session outlives its connection, in seconds; `UInt32.max` means for ever.
    public var sessionExpirySecondsMax = UInt32.max
    /// How many clients may be connected at once.
    public var clientsMax = 100_000
    /// How many messages may wait for one session; more are dropped and reported.
    public var queuedMessagesMax = 1_000_000
    /// How many bytes of messages may wait for one session; more are dropped and reported.
    public var queuedBytesMax = 1 << 30
    /// How many event loops, each with a shard of the connections; from 1 to 64. The default is the number of
    /// cores, at most 16.
    public var eventLoops: Int
    /// How many threads read stored messages for sessions that resume; from 1 to 64.
    public var readerThreads = 3
    /// Whether clients without credentials may connect from other machines.
    public var allowsAnonymous = false
    /// How long a shutdown may take to commit what has been received, in milliseconds. Past it the broker ends
    /// with an error.
    public var drainDelayMax = 10_000

    /// The defaults.
    public init() {
        eventLoops = min(16, System.coreCount)
    }

    var limits: Limits { Limits() }

    /// Throws one sentence about the first value that cannot work; it names the command line's flag too.
    func validate() throws(BrokerError) {
        func check(_ isRight: Bool, _ sentence: String) throws(BrokerError) {
            if !isRight { throw BrokerError(.invalidOption, sentence) }
        }
        try check(receiveMaximum > 0, "The receive maximum (--receive-maximum) must be from 1 to 65535.")
        try check(
            (16...268_435_460).contains(packetBytesMax),
            "The largest packet (--packet-bytes-max) must be from 16 to 268435460 bytes.")
        try check(clientsMax > 0, "The number of clients (--clients-max) must be at least 1.")
        try check(
            queuedMessagesMax > 0, "The queued messages of a session (--queued-messages-max) must be at least 1.")
        try check(queuedBytesMax > 0, "The queued bytes of a session (--queued-bytes-max) must be at least 1.")
        try check((1...64).contains(eventLoops), "The number of event loops (--event-loops) must be from 1 to 64.")
        try check((1...64).contains(readerThreads), "The number of reader threads must be from 1 to 64.")
        try check(drainDelayMax >= 0, "The time to drain must not be negative.")
    }
}

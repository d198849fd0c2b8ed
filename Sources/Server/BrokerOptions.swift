// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import Engine
public import Persistence

/// What a broker allows and offers; the defaults are safe for a broker on one machine.
///
/// What could grow without limit has one; those that depend on the machine or its clients are here.
public struct BrokerOptions: Sendable {
    /// How many event loops, each with a shard of the connections; from 1 to 64. The default is the number of
    /// cores that the process may run on, at most 16: more loops than cores only wake each other.
    public var eventLoops = min(16, UsableCores.count)
    /// How many threads read stored messages for sessions that resume; from 1 to 64. The default is 3.
    public var readerThreads = 3
    /// Whether clients without credentials may connect from other machines. The default is false.
    public var allowsAnonymous = false

    /// What an acknowledgement is expected to survive: the broker warns when it starts and the store promises
    /// less, and serves all the same. The default, `nil`, expects what the store promises.
    public var durabilityExpected: Durability?

    var engine = Limits()

    /// The defaults.
    public init() {}

    /// What the engine is given: the limits on what waits in memory have room for the largest packet, and what
    /// is in flight fits the queue.
    var limits: Limits {
        var limits = engine
        limits.sessionUncommittedBytesMax = max(limits.sessionUncommittedBytesMax, limits.packetBytesMax)
        limits.mailboxBytesMax = max(limits.mailboxBytesMax, limits.packetBytesMax)
        limits.batchBytesMax = max(limits.batchBytesMax, limits.packetBytesMax)
        limits.uncommittedBytesMax = max(
            limits.uncommittedBytesMax, limits.batchBytesMax, limits.sessionUncommittedBytesMax)
        limits.inflightMax = UInt16(clamping: min(Int(limits.inflightMax), limits.queuedMessagesMax))
        limits.waitingAnswersMax = max(
            limits.waitingAnswersMax, Int(limits.receiveMaximum) + 2 * Int(limits.inflightMax))
        return limits
    }

    /// Throws one sentence about the first value that cannot work; it names the command line's flag if there is
    /// one.
    func validate() throws(BrokerError) {
        func check(_ isRight: Bool, _ sentence: String) throws(BrokerError) {
            if !isRight { throw BrokerError(.invalidOption, sentence) }
        }
        try check(receiveMaximum > 0, "The receive maximum (--receive-maximum) must be from 1 to 65535.")
        try check(
            (128...Limits.protocolPacketBytesMax).contains(packetBytesMax),
            "The largest packet (--packet-bytes-max) must be from 128 to 268435460 bytes.")
        try check(clientsMax > 0, "The number of clients (--clients-max) must be at least 1.")
        try check(
            queuedMessagesMax > 0,
            "The queued messages of a session (--queued-messages-max) must be at least 1.")
        try check(
            queuedBytesMax >= packetBytesMax,
            "The queued bytes of a session (--queued-bytes-max) must hold the largest packet (--packet-bytes-max)."
        )
        try check(
            serverKeepAliveSeconds != 0,
            "The keep-alive (--server-keep-alive) must be from 1 to 65535 seconds.")
        try check(
            (1...64).contains(eventLoops), "The number of event loops (--event-loops) must be from 1 to 64.")
        try check((1...64).contains(readerThreads), "The number of reader threads must be from 1 to 64.")
        if let fault = limits.faults.first { throw BrokerError(.invalidOption, fault) }
    }
}

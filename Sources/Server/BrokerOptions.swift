// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import Engine
import NIOCore

/// What a broker allows and offers; the defaults are safe for a broker on one machine.
public struct BrokerOptions: Sendable {
    /// How many event loops, each with a shard of the connections; at most 64. The default is the number of
    /// cores, at most 16.
    public var eventLoops: Int
    /// How many threads read stored messages for sessions that resume.
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

    func validate() throws(BrokerError) {
        func check(_ isRight: Bool, _ sentence: String) throws(BrokerError) {
            if !isRight { throw BrokerError(.invalidOption, sentence) }
        }
        try check((1...64).contains(eventLoops), "The number of event loops must be from 1 to 64.")
        try check((1...64).contains(readerThreads), "The number of reader threads must be from 1 to 64.")
        try check(drainDelayMax >= 0, "The time to drain must not be negative.")
    }
}

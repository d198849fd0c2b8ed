// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import Packets
import Persistence

/// What a memory store holds: encoded records under their keys, and the counters.
struct Contents: Sendable {
    /// A message body and how many deliveries share it.
    struct Body: Sendable {
        var references: UInt32
        var record: [UInt8]
    }

    /// What is particular to a delivery; state and packet identifier change, the record does not.
    struct Delivery: Sendable {
        var state: DeliveryState
        var packetID: UInt16
        var record: [UInt8]
    }

    /// A retained message and its number.
    struct Retained: Sendable {
        var number: MessageNumber
        var record: [UInt8]
    }

    /// Everything that belongs to one session.
    struct Session: Sendable {
        var subscriptions = SortedMap<TextKey, [UInt8]>()
        var deliveries = SortedMap<MessageNumber, Delivery>()
        var receptions = SortedMap<UInt16, Bool>()

        var isEmpty: Bool { subscriptions.isEmpty && deliveries.isEmpty && receptions.isEmpty }
    }

    /// A client record and the identifier that leads to it.
    struct Client: Sendable {
        var clientID: Text
        var record: [UInt8]
    }

    var clients = SortedMap<SessionNumber, Client>()
    var sessionsByClientID: [Text: SessionNumber] = [:]
    var ended = SortedMap<SessionNumber, Bool>()
    var sessions = SortedMap<SessionNumber, Session>()
    var bodies: [MessageNumber: Body] = [:]
    var retained = SortedMap<TextKey, Retained>()
    var boots = SortedMap<UInt64, Milliseconds>()
    var info = SysInfoRecord()
}

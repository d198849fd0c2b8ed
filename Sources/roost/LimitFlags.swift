// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import ArgumentParser
import Packets
import Server

/// What clients may do; every flag sets the property of `BrokerOptions` with its name.
struct LimitFlags: ParsableArguments {
    @Option(help: "QoS 1 and 2 publishes a client may have under way at once.")
    var receiveMaximum = BrokerOptions().receiveMaximum

    @Option(help: "The largest packet a client may send.")
    var packetBytesMax = BrokerOptions().packetBytesMax

    @Option(help: "Topic aliases a client may use; 0 forbids them.")
    var topicAliasMaximum = BrokerOptions().topicAliasMaximum

    @Option(name: .customLong("maximum-qos"), help: "The greatest QoS a client may publish with: 0, 1 or 2.")
    var maximumQoS = BrokerOptions().maximumQoS.rawValue

    @Flag(help: "Forbid retained messages.")
    var noRetain = false

    @Option(help: "The longest keep-alive in seconds that an MQTT 5 client may choose.")
    var serverKeepAlive: UInt16?

    @Option(help: "The longest time in seconds that a session outlives its connection. (default: for ever)")
    var sessionExpiryMax: UInt32?

    @Option(help: "Clients connected at once.")
    var clientsMax = BrokerOptions().clientsMax

    @Option(help: "Messages that may wait for one session.")
    var queuedMessagesMax = BrokerOptions().queuedMessagesMax

    @Option(help: "Bytes of messages that may wait for one session.")
    var queuedBytesMax = BrokerOptions().queuedBytesMax

    @Option(help: "Bytes of messages that may wait in memory for slow clients, all together.")
    var deliveryBytesMax = BrokerOptions().deliveryBytesMax

    @Option(help: "Threads that serve connections; by default one per core, at most 16.")
    var eventLoops = BrokerOptions().eventLoops

    func apply(to options: inout BrokerOptions) throws {
        guard let qos = QoS(rawValue: maximumQoS) else {
            throw BrokerError(.invalidOption, "The maximum QoS (--maximum-qos) must be 0, 1 or 2.")
        }
        options.receiveMaximum = receiveMaximum
        options.packetBytesMax = packetBytesMax
        options.topicAliasMaximum = topicAliasMaximum
        options.maximumQoS = qos
        options.retainAvailable = !noRetain
        options.serverKeepAliveSeconds = serverKeepAlive
        options.sessionExpirySecondsMax = sessionExpiryMax ?? .max
        options.clientsMax = clientsMax
        options.queuedMessagesMax = queuedMessagesMax
        options.queuedBytesMax = queuedBytesMax
        options.deliveryBytesMax = deliveryBytesMax
        options.eventLoops = eventLoops
    }
}

// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import Packets
import Testing

@testable import Engine

@Suite struct LimitsTests {
    @Test func `the defaults agree with each other and leave room for a payload of 1 MiB`() {
        let limits = Limits()
        #expect(limits.faults.isEmpty)
        #expect(limits.packetBytesMax >= (1 << 20) + 65_535 + 64)
    }

    /// Each case breaks one relation; the sentence names the limit.
    static let broken: [(name: String, change: @Sendable (inout Limits) -> Void)] = [
        ("receiveMaximum", { $0.receiveMaximum = 0 }),
        ("inflightMax", { $0.inflightMax = 0 }),
        ("clientsMax", { $0.clientsMax = 0 }),
        ("connectSecondsMax", { $0.connectSecondsMax = 0 }),
        ("topicLevelsMax", { $0.topicLevelsMax = 0 }),
        ("filterLevelsMax", { $0.filterLevelsMax = -1 }),
        ("subscriptionsPerSessionMax", { $0.subscriptionsPerSessionMax = 0 }),
        ("tailMessagesMax", { $0.tailMessagesMax = 0 }),
        ("tailBytesMax", { $0.tailBytesMax = 0 }),
        ("windowMessagesMax", { $0.windowMessagesMax = 0 }),
        ("windowBytesMax", { $0.windowBytesMax = 0 }),
        ("outboundBytesMax", { $0.outboundBytesMax = 0 }),
        ("retainedBytesMax", { $0.retainedBytesMax = -1 }),
        ("deliveryBytesMax", { $0.deliveryBytesMax = -1 }),
        ("deliveryBytesMin", { $0.deliveryBytesMin = 0 }),
        ("removalDelayMaxMilliseconds", { $0.removalDelayMaxMilliseconds = -1 }),
        ("commitDelayMaxMilliseconds", { $0.commitDelayMaxMilliseconds = -1 }),
        ("drainDelayMaxSeconds", { $0.drainDelayMaxSeconds = -1 }),
        ("serverKeepAliveSeconds", { $0.serverKeepAliveSeconds = 0 }),
        ("packetBytesMax", { $0.packetBytesMax = 127 }),
        ("sessionUncommittedBytesMax", { $0.sessionUncommittedBytesMax = $0.packetBytesMax - 1 }),
        ("mailboxBytesMax", { $0.mailboxBytesMax = $0.packetBytesMax - 1 }),
        ("queuedBytesMax", { $0.queuedBytesMax = $0.packetBytesMax - 1 }),
        ("batchBytesMax", { $0.batchBytesMax = $0.packetBytesMax - 1 }),
        ("uncommittedBytesMax", { $0.uncommittedBytesMax = $0.batchBytesMax - 1 }),
        ("topicAliasBytesMax", { $0.topicAliasBytesMax = 0 }),
        ("queuedMessagesMax", { $0.queuedMessagesMax = Int($0.inflightMax) - 1 }),
    ]

    @Test(arguments: broken.indices)
    func `a limit that contradicts another is named, and no other`(index: Int) {
        let faults = Limits(Self.broken[index].change).faults
        #expect(faults.count == 1)
        #expect(faults.allSatisfy { $0.contains(Self.broken[index].name) })
    }

    @Test func `a packet cannot be allowed to be larger than MQTT can describe`() {
        let limits = Limits {
            $0.packetBytesMax = Limits.protocolPacketBytesMax + 1
            $0.sessionUncommittedBytesMax = 1 << 30
            $0.uncommittedBytesMax = 1 << 30
            $0.mailboxBytesMax = 1 << 30
            $0.batchBytesMax = 1 << 30
        }
        #expect(limits.faults.count == 1)
    }
}

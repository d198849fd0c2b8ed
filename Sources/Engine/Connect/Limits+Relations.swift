// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

extension Limits {
    /// The largest packet that MQTT can describe: one byte of type, four of length, and 268,435,455 more.
    package static let protocolPacketBytesMax = 268_435_460

    /// What topic, properties and payload of a message may weigh together, so that a PUBLISH of it can be written for
    /// clients of every version.
    static let publicationBytesMax = protocolPacketBytesMax - 32

    /// How many bytes may wait for a client that does not take the answers to what it sends, before it is not read.
    var answerBytesMax: Int { outboundBytesMax > .max / 2 ? .max : outboundBytesMax * 2 }

    /// One sentence for each limit that is out of range or contradicts another; empty when all is well.
    package var faults: [String] { rangeFaults + relationFaults }

    private var rangeFaults: [String] {
        let positive = [
            ("receiveMaximum", Int(receiveMaximum)), ("inflightMax", Int(inflightMax)),
            ("clientsMax", clientsMax),
            ("connectSecondsMax", connectSecondsMax), ("topicLevelsMax", topicLevelsMax),
            ("filterLevelsMax", filterLevelsMax), ("subscriptionsPerSessionMax", subscriptionsPerSessionMax),
            ("queuedMessagesMax", queuedMessagesMax), ("tailMessagesMax", tailMessagesMax),
            ("tailBytesMax", tailBytesMax), ("windowMessagesMax", windowMessagesMax),
            ("windowBytesMax", windowBytesMax), ("outboundBytesMax", outboundBytesMax),
            ("tickBytesMax", tickBytesMax), ("deliveryBytesMin", deliveryBytesMin),
        ]
        let natural = [
            ("retainedBytesMax", retainedBytesMax), ("topicAliasBytesMax", topicAliasBytesMax),
            ("deliveryBytesMax", deliveryBytesMax),
            ("removalDelayMaxMilliseconds", removalDelayMaxMilliseconds),
            ("commitDelayMaxMilliseconds", commitDelayMaxMilliseconds),
            ("drainDelayMaxSeconds", drainDelayMaxSeconds),
        ]
        return positive.filter { $0.1 < 1 }.map { "\($0.0) must be at least 1." }
            + natural.filter { $0.1 < 0 }.map { "\($0.0) must not be negative." }
            + (serverKeepAliveSeconds == 0 ? ["serverKeepAliveSeconds must be at least 1."] : [])
    }

    private var relationFaults: [String] {
        var faults: [String] = []
        func require(_ holds: Bool, _ sentence: String) {
            if !holds { faults.append(sentence) }
        }
        require(packetBytesMax >= 128, "packetBytesMax must leave room for a CONNECT: at least 128.")
        require(
            packetBytesMax <= Self.protocolPacketBytesMax, "packetBytesMax is beyond what MQTT can describe.")
        require(
            packetBytesMax <= sessionUncommittedBytesMax, "One packet must fit in sessionUncommittedBytesMax."
        )
        require(packetBytesMax <= mailboxBytesMax, "One packet must fit in mailboxBytesMax.")
        require(packetBytesMax <= queuedBytesMax, "One packet must fit in queuedBytesMax.")
        require(packetBytesMax <= batchBytesMax, "One packet must fit in batchBytesMax.")
        require(
            sessionUncommittedBytesMax <= uncommittedBytesMax,
            "sessionUncommittedBytesMax must not exceed uncommittedBytesMax.")
        require(batchBytesMax <= uncommittedBytesMax, "batchBytesMax must not exceed uncommittedBytesMax.")
        require(
            topicAliasMaximum == 0 || topicAliasBytesMax > 0, "Topic aliases need topicAliasBytesMax above 0."
        )
        require(
            Int(inflightMax) <= queuedMessagesMax,
            "What is in flight is queued: queuedMessagesMax is too small.")
        require(
            waitingAnswersMax >= Int(receiveMaximum) + 2 * Int(inflightMax),
            "waitingAnswersMax must have room for receiveMaximum and twice inflightMax.")
        return faults
    }
}

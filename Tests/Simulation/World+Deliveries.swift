// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import Engine
import Packets
import Persistence

/// What must hold of each PUBLISH that the broker writes.
extension World {
    func tap(_ publish: Publish, _ link: Link) {
        guard let topic = topic(of: publish, link), let session = link.incarnation else { return }
        if publish.qos == .exactlyOnce { checkRecorded(publish, session, link) }
        guard let serial = Payload.serial(publish.payload) else { return }
        let message = ledger[serial]
        if message.topic != topic { fail("message \(serial) arrived with another topic") }
        if publish.qos > message.qos { fail("message \(serial) arrived with more QoS than it was sent with") }
        if !session.mayReceive(message) && !publish.retain {
            fail("client \(link.client) got \(serial) without a subscription")
        }
        guard publish.qos != .atMostOnce, !publish.retain else { return }
        if session.receipts[message.serial] == nil {
            checkOrder(publish, message, session, &session.lastWritten)
        }
        checkRepeat(publish, message, session)
    }

    private func topic(of publish: Publish, _ link: Link) -> Int? {
        var text = publish.topic
        if let alias = publish.properties.topicAlias {
            if text.isEmpty { text = link.aliases[alias] ?? "" } else { link.aliases[alias] = text }
        }
        guard let topic = Geography.topicsByText[text] else {
            fail("a message arrived with topic \"\(text)\"")
            return nil
        }
        return topic
    }

    /// QoS 2 leaves only when packet identifier and delivery are durable.
    private func checkRecorded(_ publish: Publish, _ session: Incarnation, _ link: Link) {
        guard session.isPersistent, let number = session.number else { return }
        let serial = Payload.serial(publish.payload)
        let rows = disk.mirror.deliveries[number] ?? [:]
        let isStored = rows.values.contains {
            $0.packetID == publish.packetID && $0.serial == serial && $0.state != .queued
        }
        if !isStored {
            fail("PUBLISH QoS 2 of \(serial ?? -1) to client \(link.client) before its id was durable")
        }
    }

    /// Of one publisher's session, topic and QoS: what arrives for the first time arrives in order.
    func checkOrder(
        _ publish: Publish, _ message: SentMessage, _ session: Incarnation,
        _ lastSerials: inout [Incarnation.OrderKey: Int]
    ) {
        guard !message.isWill, !message.isLarge, !session.hasShare(message.topic) else { return }
        // The first transmission may have been refused, have expired, or found no subscription or a full queue.
        if message.transmissions > 1
            && (message.mayExpire || message.isRefused || message.wasTurnedAway
                || !session.wasSubscribed(message))
        {
            return
        }
        let key = Incarnation.OrderKey(publisher: message.incarnation, topic: message.topic, qos: publish.qos)
        if let last = lastSerials[key], last > message.serial {
            if message.transmissions > 1, session.mayBeDropped(message.serial) { return }
            fail("client \(session.client) got \(message.serial) after \(last)")
        }
        lastSerials[key] = max(message.serial, lastSerials[key] ?? 0)
    }

    /// Without DUP once per transmission of its publisher; with DUP not after the broker knew better.
    private func checkRepeat(_ publish: Publish, _ message: SentMessage, _ session: Incarnation) {
        var receipt = session.receipts[message.serial] ?? Receipt()
        if publish.dup { receipt.repeatCount += 1 } else { receipt.freshCount += 1 }
        session.receipts[message.serial] = receipt
        let copies = session.copies(message.topic)
        // A share's message that was being moved when the broker died is moved again, under another number.
        let mayMove = session.hasShare(message.topic) && crashedAt > 0
        if publish.qos == .atLeastOnce, !mayMove, receipt.freshCount > copies * message.transmissions {
            fail("client \(session.client) got \(message.serial) again without DUP")
        }
        if receipt.knownInBoot == boot && message.transmissions == 1 && copies == 1 {
            fail("client \(session.client) got \(message.serial) again after its acknowledgement")
        }
    }
}

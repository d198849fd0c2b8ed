// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import Engine
import Packets

/// What clients do with what they receive.
extension World {
    /// The client looks at what has arrived.
    func hear(_ link: Link, all: Bool) {
        let client = clients[link.client]
        guard client.link === link, !link.isForgotten else {
            link.toClient.removeAll()
            return
        }
        guard !link.isStopped || !isHostile else { return }
        repeat {
            guard !link.toClient.isEmpty else { break }
            receive(link.toClient.removeFirst(), client, link)
        } while all
        if link.isClosed && link.toClient.isEmpty && client.link === link { leave(client) }
    }

    private func receive(_ packet: Packet, _ client: SimulatedClient, _ link: Link) {
        switch packet {
        case .connack(let connack): receive(connack, client, link)
        case .publish(let publish): receive(publish, client, link)
        case .puback(let acknowledgement):
            client.outgoing.removeAll { $0.packetID == acknowledgement.packetID }
        case .pubrec(let acknowledgement): receivePubrec(acknowledgement, client, link)
        case .pubcomp(let acknowledgement):
            client.outgoing.removeAll { $0.packetID == acknowledgement.packetID }
        case .pubrel(let acknowledgement):
            let serial = client.received.removeValue(forKey: acknowledgement.packetID)
            answer(.pubcomp(acknowledgement.packetID, serial: serial?.finished), client, link)
        case .suback, .unsuback, .pingresp, .disconnect: break
        case .connect, .subscribe, .unsubscribe, .pingreq, .auth:
            fail("the broker sent a packet that only clients send")
        }
    }

    /// The session is there, or new; what was not acknowledged is sent again.
    private func receive(_ connack: Connack, _ client: SimulatedClient, _ link: Link) {
        guard connack.reason == .success else { return }
        link.isOpen = true
        let isKnown = client.known === link.incarnation
        client.known = link.incarnation
        guard isPresent(connack, client, link), isKnown else {
            client.outgoing = []
            client.received = [:]
            if isHostile { for _ in 0..<dice.pick(0...3) { subscribe(client, link) } }
            return
        }
        for outgoing in client.outgoing {
            let message = ledger[outgoing.serial]
            if outgoing.isReleased {
                link.send(.pubrel(Acknowledgement(packetID: outgoing.packetID)))
            } else {
                resend(message, outgoing.packetID, link)
            }
        }
    }

    /// MQTT 3.1 has no flag for it: the ledger knows.
    private func isPresent(_ connack: Connack, _ client: SimulatedClient, _ link: Link) -> Bool {
        if link.version != .v31 { return connack.sessionPresent }
        return link.incarnation.map { $0.beganAt < link.connackAt } ?? false
    }

    private func resend(_ message: SentMessage, _ packetID: UInt16, _ link: Link) {
        ledger[message.serial].transmissions += 1
        ledger[message.serial].link = link.id
        ledger[message.serial].settledAt = nil
        link.published.append(message.serial)
        note("client \(link.client) sends \(message.serial) again, id \(packetID)")
        let payload =
            message.isClear
            ? [] : Payload.make(serial: message.serial, fill: message.isWide ? Plan.narrowBytes : 4)
        link.send(
            .publish(
                Publish(
                    dup: true, qos: message.qos, retain: message.retain,
                    topic: Geography.topics[message.topic].text, packetID: packetID, payload: payload)))
    }

    private func receivePubrec(_ pubrec: Acknowledgement, _ client: SimulatedClient, _ link: Link) {
        guard let index = client.outgoing.firstIndex(where: { $0.packetID == pubrec.packetID }) else {
            return
        }
        if pubrec.reason.isError {
            client.outgoing.remove(at: index)
        } else {
            client.outgoing[index].isReleased = true
            link.send(.pubrel(Acknowledgement(packetID: pubrec.packetID)))
        }
    }

    private func receive(_ publish: Publish, _ client: SimulatedClient, _ link: Link) {
        let serial = Payload.serial(publish.payload)
        if let serial, let session = link.incarnation, publish.qos != .atMostOnce, !publish.retain,
            session.receipts[serial]?.isHeard == false
        {
            session.receipts[serial]?.isHeard = true
            checkOrder(publish, ledger[serial], session, &session.lastHeard)
        }
        switch publish.qos {
        case .atMostOnce: break
        case .atLeastOnce:
            answer(.puback(publish.packetID, serial: publish.retain ? nil : serial), client, link)
        case .exactlyOnce:
            seeExactlyOnce(publish, serial, client, link)
            answer(.pubrec(publish.packetID), client, link)
        }
    }

    /// The application sees a QoS 2 message when its packet identifier is new.
    private func seeExactlyOnce(
        _ publish: Publish, _ serial: Int?, _ client: SimulatedClient, _ link: Link
    ) {
        if let known = client.received[publish.packetID] {
            if known.serial != serial ?? -1 {
                fail(
                    "client \(client.index) got id \(publish.packetID) for \(serial ?? -1),"
                        + " it stands for \(known.serial)")
            }
            return
        }
        client.received[publish.packetID] = SimulatedClient.Received(
            serial: serial ?? -1, isCopy: publish.retain)
        guard let serial, let session = link.incarnation else { return }
        session.receipts[serial, default: Receipt()].exactlyOnceCount += 1
        let count = session.receipts[serial]?.exactlyOnceCount ?? 0
        let limit = session.copies(ledger[serial].topic) + (publish.retain ? 1 : 0)
        if count > limit && !ledger[serial].retain {
            fail("client \(client.index) received QoS 2 message \(serial) \(count) times")
        }
    }

    // MARK: Acknowledging

    /// Acknowledges at once or later, as its manner is.
    private func answer(_ answer: Link.Answer, _ client: SimulatedClient, _ link: Link) {
        link.answers.append(answer)
        if !isHostile || client.character.manner == .prompt { acknowledge(client, link) }
    }

    /// One acknowledgement, or none.
    func acknowledge(_ client: SimulatedClient, _ link: Link) {
        guard !link.answers.isEmpty, !link.isClosed else { return }
        var index = 0
        if isHostile {
            switch client.character.manner {
            case .prompt: break
            case .late: if dice.chance(0.5) { return }
            case .disorderly: index = dice.pick(0...link.answers.count - 1)
            case .stopsAfterPubrec:
                guard
                    let first = link.answers.firstIndex(where: {
                        if case .pubcomp = $0 { false } else { true }
                    })
                else { return }
                index = first
            case .silent: return
            }
        }
        send(link.answers.remove(at: index), client, link)
    }

    private func send(_ answer: Link.Answer, _ client: SimulatedClient, _ link: Link) {
        switch answer {
        case .puback(let packetID, let serial):
            finish(serial, link)
            link.send(.puback(Acknowledgement(packetID: packetID)))
        case .pubrec(let packetID): link.send(.pubrec(Acknowledgement(packetID: packetID)))
        case .pubcomp(let packetID, let serial):
            finish(serial, link)
            link.send(.pubcomp(Acknowledgement(packetID: packetID)))
        }
    }

    private func finish(_ serial: Int?, _ link: Link) {
        guard let serial else { return }
        link.incarnation?.receipts[serial, default: Receipt()].isAcknowledged = true
        link.acknowledged.append(serial)
    }
}

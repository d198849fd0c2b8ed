// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import Engine
import Packets

/// What clients do of their own accord.
extension World {
    func act(_ client: SimulatedClient) {
        guard let link = client.link, !link.isClosed else {
            if dice.chance(0.7) { connect(client) }
            return
        }
        guard link.isOpen else {
            if dice.chance(0.03) { connect(client) }
            return
        }
        switch dice.pick(weights: [60, 12, 4, 30, 4, 2, 2, 2, 3]) {
        case 0: for _ in 0..<dice.pick(1...3) { publish(client, link) }
        case 1: subscribe(client, link)
        case 2: unsubscribe(client, link)
        case 3: acknowledge(client, link)
        case 4: ping(link)
        case 5: sayGoodbye(client, link)
        case 6: hangUp(client, link)
        case 7: connect(client)
        default: if client.character.stops { setStopped(link, !link.isStopped) }
        }
    }

    // MARK: Connecting

    /// A new connection; the old one, if there is one, is left as it is.
    func connect(_ client: SimulatedClient) {
        if let old = client.link {
            note("client \(client.index) leaves link \(old.id)")
            if dice.chance(0.5) { old.isEnding = true }
        }
        leave(client)
        let request = makeRequest(client)
        let link = open(client, on: dice.pick(0...plan.shardCount - 1), request: request)
        client.link = link
        if let session = client.incarnation {
            if request.isClean { session.mayBeGone = true }
            session.expirySeconds = min(session.expirySeconds, request.expirySeconds)
        }
        note(
            "client \(client.index) connects by link \(link.id) to shard \(link.shard), clean \(request.isClean),"
                + " expiry \(request.expirySeconds), will \(request.will.map(String.init) ?? "none")")
        link.send(.connect(packet(request, client)))
    }

    /// The client looks away from its connection.
    func leave(_ client: SimulatedClient) {
        if client.link?.isConnected == false { client.hasUnseenConnect = true }
        client.link?.isForgotten = true
        client.link = nil
    }

    private func makeRequest(_ client: SimulatedClient) -> Link.Request {
        let character = client.character
        let isV5 = character.version == .v5
        var request = Link.Request(isClean: !character.isPersistent, expirySeconds: 0)
        if character.isPersistent {
            request.isClean = isHostile && isV5 && dice.chance(0.12)
            request.expirySeconds = isV5 ? dice.pick([10, 60, 600, .max]) : .max
            if isHostile && dice.chance(0.05) {
                request.isClean = true
                request.expirySeconds = isV5 ? 600 : 0
            }
            if !isHostile { request.expirySeconds = .max }
        } else if isV5 {
            request.isClean = dice.chance(0.5)
        }
        if isHostile && dice.chance(0.3) { request.will = makeWill(client) }
        return request
    }

    private func makeWill(_ client: SimulatedClient) -> Int {
        let qos = dice.pick([QoS.atMostOnce, .atLeastOnce, .exactlyOnce])
        let isDelayed = client.character.version == .v5 && dice.chance(0.4)
        return ledger.add { serial in
            SentMessage(
                serial: serial, client: client.index, incarnation: -1, topic: Geography.willTopic, qos: qos,
                isWill: true, mayExpire: isDelayed, sentAt: moment)
        }
    }

    private func packet(_ request: Link.Request, _ client: SimulatedClient) -> Connect {
        var connect = Connect(
            version: client.character.version, clientID: client.name, cleanStart: request.isClean)
        if let serial = request.will {
            let message = ledger[serial]
            connect.will = Will(
                topic: Geography.topics[message.topic].text, payload: Payload.make(serial: serial, fill: 2),
                qos: message.qos)
            if message.mayExpire { connect.will?.properties.willDelay = UInt32(dice.pick([5, 60])) }
        }
        guard connect.version == .v5 else { return connect }
        if request.expirySeconds > 0 { connect.properties.sessionExpiry = request.expirySeconds }
        connect.properties.receiveMaximum = client.character.receiveMaximum
        connect.properties.topicAliasMaximum = client.character.aliasMaximum
        if client.isNarrow { connect.properties.maximumPacketSize = UInt32(Plan.narrowBytes) }
        return connect
    }

    private func ping(_ link: Link) {
        link.pings.append(link.acknowledged.count)
        link.send(.pingreq)
    }

    private func sayGoodbye(_ client: SimulatedClient, _ link: Link) {
        var disconnect = Disconnect()
        if link.version == .v5, let session = link.incarnation, session.expirySeconds > 0, dice.chance(0.3) {
            let expiry = dice.pick([UInt32(0), 10, 60])
            disconnect.properties.sessionExpiry = expiry
            session.expirySeconds = min(session.expirySeconds, expiry)
            if expiry == 0 { session.mayBeGone = true }
        }
        if link.version == .v5, dice.chance(0.2) {
            disconnect.reason = .disconnectWithWill
        } else {
            link.saidGoodbye = true
        }
        note("client \(client.index) says goodbye on link \(link.id)")
        link.send(.disconnect(disconnect))
        link.isEnding = true
        leave(client)
    }

    private func hangUp(_ client: SimulatedClient, _ link: Link) {
        note("client \(client.index) hangs up link \(link.id)")
        link.isEnding = true
        if dice.chance(0.5) { link.toBroker = [] }
        leave(client)
    }

    // MARK: Publishing

    private func publish(_ client: SimulatedClient, _ link: Link) {
        let topic = dice.pick(0...Geography.willTopic - 1)
        var qos = dice.pick([QoS.atMostOnce, .atLeastOnce, .atLeastOnce, .exactlyOnce, .exactlyOnce])
        if client.outgoing.count >= client.character.window { qos = .atMostOnce }
        let isRetained = Geography.topics[topic].isRetained
        let isClear = isRetained && dice.chance(0.3)
        let expires = !isRetained && link.version == .v5 && dice.chance(0.1)
        let isLarge = plan.refusals && !isClear && dice.chance(0.1)
        let isWide = plan.narrows && !isRetained && dice.chance(0.2)
        let serial = ledger.add { serial in
            SentMessage(
                serial: serial, client: client.index, incarnation: link.incarnation?.id ?? -1, topic: topic,
                qos: qos, retain: isRetained, isClear: isClear, isLarge: isLarge, isWide: isWide,
                mayExpire: expires,
                sentAt: moment,
                link: link.id)
        }
        link.published.append(serial)
        var packet = Publish(qos: qos, retain: isRetained, topic: Geography.topics[topic].text)
        let fill = isLarge ? 200 : isWide ? Plan.narrowBytes : dice.pick([0, 4, 30])
        packet.payload = isClear ? [] : Payload.make(serial: serial, fill: fill)
        if expires { packet.properties.messageExpiry = UInt32(dice.pick([1, 30])) }
        if qos != .atMostOnce {
            packet.packetID = client.nextPacketID()
            client.outgoing.append(SimulatedClient.Outgoing(serial: serial, packetID: packet.packetID))
        }
        note(
            "client \(client.index) publishes \(serial) to \(packet.topic), QoS \(qos.rawValue),"
                + " id \(packet.packetID)\(isClear ? ", clear" : "")\(expires ? ", expires" : "")")
        link.send(.publish(packet))
    }

    // MARK: Subscribing

    func subscribe(_ client: SimulatedClient, _ link: Link) {
        guard let session = link.incarnation else { return }
        let filter = dice.pick(0...Geography.filters.count - 1)
        var options = SubscriptionOptions(
            qos: dice.pick([.atMostOnce, .atLeastOnce, .exactlyOnce, .exactlyOnce]))
        if let group = Geography.filters[filter].group {
            options.qos = Geography.groupQoS(group)
        } else if link.version == .v5 {
            options.noLocal = dice.chance(0.1)
            options.retainHandling = dice.pick([.send, .send, .sendIfNew, .doNotSend])
        }
        let identifier = link.version == .v5 && dice.chance(0.3) ? UInt32(filter + 1) : 0
        weaken(session, filter, options)
        session.spans.append(
            SubscriptionSpan(filter: filter, options: options, identifier: identifier, sentAt: moment))
        let packetID = client.nextPacketID()
        link.questions[packetID] = .subscribe(spans: [session.spans.count - 1])
        var packet = Subscribe(
            packetID: packetID,
            subscriptions: [Subscription(filter: Geography.filters[filter].text, options: options)])
        if identifier != 0 { packet.properties.subscriptionIdentifiers = [identifier] }
        note(
            "client \(client.index) subscribes to \(Geography.filters[filter].text), QoS \(options.qos.rawValue)"
        )
        link.send(.subscribe(packet))
    }

    /// A subscription that is replaced by a weaker one owes nothing more.
    private func weaken(_ session: Incarnation, _ filter: Int, _ options: SubscriptionOptions) {
        guard options.qos == .atMostOnce || options.noLocal else { return }
        for index in session.spans.indices
        where session.spans[index].filter == filter && session.spans[index].leftAt == nil {
            session.spans[index].leftAt = moment
        }
    }

    private func unsubscribe(_ client: SimulatedClient, _ link: Link) {
        guard let session = link.incarnation else { return }
        let filter = dice.pick(0...Geography.filters.count - 1)
        for index in session.spans.indices where session.spans[index].filter == filter {
            session.spans[index].leftAt = session.spans[index].leftAt ?? moment
            session.spans[index].unsubscribedAt = session.spans[index].unsubscribedAt ?? moment
        }
        let packetID = client.nextPacketID()
        link.questions[packetID] = .unsubscribe(filters: [filter], sentAt: moment)
        note("client \(client.index) unsubscribes from \(Geography.filters[filter].text)")
        link.send(.unsubscribe(Unsubscribe(packetID: packetID, filters: [Geography.filters[filter].text])))
    }
}

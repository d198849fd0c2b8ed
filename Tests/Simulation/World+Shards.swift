// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import Engine
import NIOCore
import Packets
import Persistence

/// Inputs of shards, and their orders.
extension World {
    /// Something happens to a shard; its tick ends now or later.
    func input(_ loop: Loop, _ body: (Shard) -> Void) {
        body(loop.shard)
        loop.isInTick = true
        if dice.chance(0.6) { endTick(loop) }
    }

    func endTick(_ loop: Loop) {
        guard loop.isInTick else { return }
        loop.isInTick = false
        moment += 1
        loop.shard.endTick(now: now)
        settleLinks(of: loop)
        loop.shard.takeOrders(into: &loop.orders)
        let orders = loop.orders
        tapDrops(orders)
        for order in orders { perform(order, of: loop) }
    }

    private func perform(_ order: Order, of loop: Loop) {
        switch order {
        case .flush(let slot): if let link = loop.links[slot] { take(link, of: loop) }
        case .close(let slot):
            guard let link = loop.links[slot] else { return }
            take(link, of: loop)
            note("broker closes link \(link.id) of client \(link.client)")
            link.isOrderedClosed = true
            loop.closing.append(link)
        case .pause(let slot): loop.links[slot]?.isPaused = true
        case .resume(let slot): loop.links[slot]?.isPaused = false
        case .wake(let shard): loops[shard].collects += 1
        case .wakeCommitter: commit.isSignalled = true
        case .read(let request): loop.reads.append(request)
        case .wakeSelf(let milliseconds):
            if milliseconds == 0 {
                loop.collects += 1
            } else if loop.timers.count < 4 {
                loop.timers.append(now + Milliseconds(milliseconds))
            }
        case .completed(let ticket, let reason): tapCompletion(ticket, reason)
        case .report(let report): note("shard \(loop.shard.index): \(report)")
        }
    }

    /// What the shard has written leaves the broker: the moment at which promises must hold.
    private func take(_ link: Link, of loop: Loop) {
        loop.shard.withOutbound(link.slot) { buffer in
            link.written.writeBuffer(&buffer)
            buffer.clear()
        }
        do {
            while let packet = try link.nextWritten() {
                tap(packet, on: link)
                link.toClient.append(packet)
            }
        } catch {
            fail("the broker wrote what client \(link.client) cannot read: \(error)")
        }
    }

    // MARK: Jobs

    /// Something that waits for a shard is done.
    func work(_ loop: Loop) {
        switch dice.pick(0...2) {
        case 0 where !loop.replies.isEmpty: answerRead(loop, dice.pick(0...loop.replies.count - 1))
        case 1 where !loop.closing.isEmpty: close(loop.closing.removeFirst())
        default: if loop.collects > 0 { collect(loop) }
        }
    }

    func collect(_ loop: Loop) {
        loop.collects = 0
        input(loop) { $0.collect(now: now) }
    }

    func advance(_ loop: Loop) {
        input(loop) { $0.advance(now: now) }
    }

    /// A reader thread asks the store; the answer waits.
    func read(_ loop: Loop) {
        guard !loop.reads.isEmpty else { return }
        let request = loop.reads.remove(at: dice.pick(0...loop.reads.count - 1))
        loop.replies.append(request.run(on: disk))
    }

    func answerRead(_ loop: Loop, _ index: Int) {
        let reply = loop.replies.remove(at: index)
        note("shard \(loop.shard.index) gets an answer to \(reply.request)")
        input(loop) { $0.readFinished(reply, now: now) }
    }

    // MARK: Links

    /// A client opens a connection.
    func open(_ client: SimulatedClient, on shard: Int, request: Link.Request) -> Link {
        let loop = loops[shard]
        let slot = loop.shard.open(Origin(listener: "world", remote: client.name), now: now)
        loop.isInTick = true
        linkCount += 1
        let link = Link(
            id: linkCount, client: client.index, shard: shard, slot: slot,
            version: client.character.version, request: request, openedAt: moment)
        client.unseen.append(link)
        loop.links[slot] = link
        links.append(link)
        return link
    }

    /// Some of a client's bytes reach the broker, or the end of its connection does.
    func carry(_ link: Link) {
        guard !link.isOrderedClosed, !link.isClosed else { return }
        if link.toBroker.isEmpty {
            if link.isEnding { close(link) }
            return
        }
        guard !link.isPaused else {
            if link.isEnding && dice.chance(0.1) { close(link) }
            return
        }
        let count = dice.chance(0.7) ? link.toBroker.count : dice.pick(1...link.toBroker.count)
        let bytes = ByteBuffer(bytes: link.toBroker[..<count])
        link.toBroker.removeFirst(count)
        input(loops[link.shard]) { $0.received(link.slot, bytes, now: now) }
    }

    /// The shard learns that a connection is gone.
    func close(_ link: Link) {
        guard !link.isClosed else { return }
        let loop = loops[link.shard]
        moment += 1
        note("link \(link.id) of client \(link.client) is closed")
        input(loop) { $0.closed(link.slot, now: now) }
        forget(link, of: loop)
    }

    func forget(_ link: Link, of loop: Loop) {
        link.isClosed = true
        link.closedAt = moment
        loop.links[link.slot] = nil
        loop.closing.removeAll { $0 === link }
        links.removeAll { $0 === link }
        loop.settling.append(link)
        if !loop.isInTick { settleLinks(of: loop) }
        let client = clients[link.client]
        if client.link === link && link.toClient.isEmpty { leave(client) }
    }

    func settleLinks(of loop: Loop) {
        for link in loop.settling {
            settleUnacknowledged(of: link)
            settleWill(of: link)
        }
        loop.settling = []
    }

    /// Nothing on this connection can take effect any more.
    private func settleUnacknowledged(of link: Link) {
        for serial in link.published where ledger[serial].link == link.id && ledger[serial].settledAt == nil {
            ledger[serial].settledAt = moment
        }
    }

    /// A will without delay is due when its connection has ended without a word.
    private func settleWill(of link: Link) {
        guard let will = link.request.will else { return }
        ledger[will].settledAt = moment
        if link.isConnected && !link.saidGoodbye && !ledger[will].mayExpire {
            ledger[will].acknowledgedAt = moment
        }
    }

    func setStopped(_ link: Link, _ isStopped: Bool) {
        guard !link.isClosed, !link.isOrderedClosed, link.isStopped != isStopped else { return }
        link.isStopped = isStopped
        input(loops[link.shard]) { $0.writabilityChanged(link.slot, isWritable: !isStopped, now: now) }
    }
}

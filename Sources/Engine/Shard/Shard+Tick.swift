// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import DequeModule
import Packets
import Persistence
import Synchronization

/// The end of a tick: hand-over, then posting.
extension Shard {
    /// Whether the tick has gathered so much that what else has arrived must wait for the next one.
    var isTickFull: Bool { tick.bytes &+ lane.bytes > limits.tickBytesMax }

    /// Hands over and posts what the tick has gathered, and what comes of it.
    func passOn() {
        repeat {
            handOver()
            post()
            performAfterHandOver()
        } while !lane.isEmpty || !afterHandOver.isEmpty || !tick.isEmpty
    }

    /// Hands the lane over and does what had to wait for it.
    func handOver() {
        if !lane.isEmpty {
            let count = lane.entries.count
            let first = commons.handOver(&lane)
            ledger.handOver(count: count, firstPosition: first.position)
            numberTick(from: first.number)
            // Urgent or not: removals wait for company, but it is the committer who looks at the clock.
            orders.append(.wakeCommitter)
        }
        settleCatchups()
    }

    /// Does what had to wait for the hand-over and for posting.
    func performAfterHandOver() {
        guard !afterHandOver.isEmpty else { return }
        sendStaging()
        let work = afterHandOver
        afterHandOver.removeAll(keepingCapacity: true)
        for item in work { perform(item) }
    }

    /// The tick's posts now know their numbers.
    private func numberTick(from first: MessageNumber) {
        for index in tick.posts.indices where tick.posts[index].number != 0 {
            tick.posts[index].number += first - 1
        }
    }

    private func perform(_ item: AfterHandOver) {
        switch item {
        case .subscribe(let filter, let subscriber, let record):
            guard sessions[subscriber.session]?.subscriptions[filter.text] != nil else { return }
            _ = commons.subscriptions.insert(
                filter, subscriber, options: record.options, identifier: record.identifier)
        case .grant(let claim, let session, let ended):
            if let session { giveAway(session) }
            if claim.shard == index {
                granted(claim, session, ended: ended)
            } else {
                tell(claim.shard, .granted(claim, session, ended: ended))
            }
        case .forget(let session):
            commons.seats.giveBack(session.seat)
            commons.registry.withLock {
                $0.remove(session.record.clientID, session: session.number, isStored: session.isStored)
            }
        }
    }

    /// Makes retained values visible, then sends every publish on its way, unless it waits for a commit.
    func post() {
        guard !tick.isEmpty else { return }
        applyRetained()
        var mail = Mail()
        swap(&mail, &tick)
        let holds = tickHolds
        tickHolds.removeAll(keepingCapacity: true)
        var next = 0
        for index in mail.posts.indices {
            while next < holds.count && holds[next].posts.upperBound <= index { next += 1 }
            if next < holds.count && holds[next].posts.contains(index), waits(holds[next]) {
                hold(
                    mail.posts[index], of: mail, holds[next],
                    isLast: index == holds[next].posts.upperBound - 1)
            } else {
                dispatch(mail.posts[index], of: mail)
            }
        }
        mail.removeAll()
        if tick.isEmpty { swap(&mail, &tick) }
    }

    /// Whether there is still something to wait for: a commit, or another one of the session's before it, which may have
    /// been released in this very tick. Who releases holds looks only when commits come.
    private func waits(_ hold: TickHold) -> Bool { hold.ticket != nil || !hold.session.holds.isEmpty }

    private func hold(_ post: Post, of mail: Mail, _ hold: TickHold, isLast: Bool) {
        let extract = mail.extract(post)
        hold.session.holdBytes += extract.bytes
        let wait = hold.ticket.map { HoldWait.ticket($0) }
        hold.session.holds.append(
            Hold(wait: wait, packetID: isLast ? hold.packetID : 0, mail: extract))
        if hold.session.holds.count == 1 { holding.append(hold.session) }
    }

    /// Sends one message to its receivers: those of this shard at once, the others by way of `staging`.
    func dispatch(_ post: Post, of mail: borrowing Mail) {
        var lastShard = -1
        for index in post.receiverRange {
            let receiver = mail.receivers[index]
            let seat = commons.seats[receiver.place]
            guard receiver.isStored ? seat.isOnline : seat.isConnected else {
                redirect(post, receiver, of: mail)
                continue
            }
            if seat.shard == self.index {
                deliver(post, receiver, slot: seat.slot, of: mail)
            } else {
                if lastShard != seat.shard { staging[seat.shard].append(post, from: mail) }
                lastShard = seat.shard
                staging[seat.shard].append(receiver, place: seat.slot, from: mail)
            }
        }
    }

    /// Moves what is staged into the mailboxes; what finds no room there stays, and publishers wait.
    func sendStaging() {
        isStuck = false
        for shard in staging.indices where !staging[shard].isEmpty {
            let mustWake = commons.post(to: shard) {
                $0.take(&staging[shard], bytesMax: limits.mailboxBytesMax)
            }
            if mustWake { orders.append(.wake(shard: shard)) }
            if !staging[shard].isEmpty { isStuck = true }
        }
        if isStuck { orders.append(.wakeSelf(afterMilliseconds: 1)) }
    }

    func tell(_ shard: Int, _ control: Control) {
        if commons.post(to: shard, { $0.append(control) }) { orders.append(.wake(shard: shard)) }
    }

    /// Asks to be woken by commits while something waits for one.
    func setInterest() {
        let waits =
            !waiters.isEmpty || !holding.isEmpty || !catchingUp.isEmpty || !sweeps.isEmpty
            || !overloaded.isEmpty
        commons.setInterest(index, waits)
        if waits && commons.committedPosition > ledger.position { wantsSelfWake = true }
        if wantsSelfWake || !waitingForTick.isEmpty {
            wantsSelfWake = false
            orders.append(.wakeSelf(afterMilliseconds: 0))
        }
        if !retainedLines.ready.isEmpty || !overloaded.isEmpty || !sweeps.isEmpty || !congested.isEmpty {
            orders.append(.wakeSelf(afterMilliseconds: 2))
        }
    }
}

/// News from other shards and the committer.
extension Shard {
    func takeControls() {
        for control in mailbox.controls {
            switch control {
            case .surrender(let claim, let session): surrender(claim, session)
            case .granted(let claim, let session, let ended): granted(claim, session, ended: ended)
            case .proceed(let claim):
                follow(claim, commons.registry.withLock { $0.proceed(claim) })
            case .settled(let ranges):
                for positions in ranges { ledger.settle(positions) }
            case .refused(let position, let messages): ledger.refuse(position, messages: messages)
            case .takeBack(let topic, let number): takeBack(topic, number)
            case .nudge(let number):
                if let session = sessions[number] { fallBack(session) }
            }
        }
    }

    /// Delivers mail from other shards; its receivers name slots.
    func deliver(_ mail: borrowing Mail) {
        for index in mail.posts.indices {
            let post = mail.posts[index]
            for receiver in post.receiverRange {
                deliver(post, mail.receivers[receiver], slot: mail.receivers[receiver].place, of: mail)
            }
        }
    }

    /// Sessions that lost an item in a full mailbox resume from the store.
    func takeLosses() {
        for slot in mailbox.lost {
            guard let session = connections[Int(slot)]?.session else { continue }
            fallBack(session)
        }
        if mailbox.droppedCount > 0 { noteDrop(0, .mailboxFull, count: mailbox.droppedCount) }
    }

    /// Takes in how far the committer got, and releases what waited for it.
    func progress(to position: UInt64) {
        let hadAhead = ledger.hasAhead
        guard position > ledger.position || hadAhead else { return }
        ledger.advance(to: position)
        releaseHolds()
        releaseWaiters(hadAhead: hadAhead)
    }

    /// Looks again at everything that waits for something other than a commit of this shard's.
    func advanceWaiting() {
        advanceRetained()
        advanceSweeps()
        retryOverloaded()
    }
}

// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

package import Packets
package import Persistence

/// What other shards leave for one shard; a lock is around it.
///
/// It is bounded. Once it holds `bytesMax` it is *full* and stays so until it is emptied: QoS 0 is dropped,
/// persistent receivers lose the item and are remembered so that their shard makes them resume from the store,
/// and what goes to a volatile receiver with QoS 1 or 2 stays with the sender, who waits.
package struct Mailbox: Sendable {
    package private(set) var mail = Mail()
    package private(set) var controls: [Control] = []
    /// Slots whose sessions lost an item while the mailbox was full.
    package private(set) var lost: Set<UInt32> = []
    package private(set) var droppedCount = 0
    private var isFull = false

    package init() {}

    package var isEmpty: Bool { mail.isEmpty && controls.isEmpty && lost.isEmpty }

    /// Appends a control message; these are few and never refused.
    package mutating func append(_ control: Control) {
        controls.append(control)
    }

    /// Takes what there is room for out of `other`; what stays there must be offered again.
    package mutating func take(_ other: inout Mail, bytesMax: Int) {
        if mail.bytes >= bytesMax { isFull = true }
        guard isFull else { return mail.take(&other) }
        var kept = Mail()
        for post in other.posts {
            var isCopied = false
            for receiver in other.receivers[post.receiverRange] {
                if receiver.isPersistent && receiver.qos != .atMostOnce {
                    lost.insert(receiver.place)
                } else if receiver.qos == .atMostOnce {
                    droppedCount += 1
                } else {
                    if !isCopied { kept.append(post, from: other) }
                    isCopied = true
                    kept.append(receiver, place: receiver.place, from: other)
                }
            }
        }
        other = kept
    }

    /// Empties the mailbox into `contents`, whose memory it keeps.
    package mutating func empty(into contents: inout Mailbox) {
        contents.mail.removeAll()
        contents.controls.removeAll(keepingCapacity: true)
        contents.lost.removeAll(keepingCapacity: true)
        contents.isFull = false
        contents.droppedCount = 0
        swap(&self, &contents)
    }
}

/// What one shard, or the committer, tells another shard; rare.
package enum Control: Sendable {
    /// Give the session away: its client has connected elsewhere.
    case surrender(Claim, session: SessionNumber)
    /// The session you claimed, or none; `ended` is the number of one that a clean start has just ended.
    case granted(Claim, Session?, ended: SessionNumber?)
    /// Your turn to claim.
    case proceed(Claim)
    /// These positions are committed although the watermark has not reached them.
    case settled([ClosedRange<UInt64>])
    /// The store can never take the entry at this position, nor the messages in it.
    case refused(UInt64, messages: [MessageNumber])
    /// The store can never take this message, which you have made the retained one of its topic.
    case takeBack(Text, MessageNumber)
    /// A shared delivery was moved to a session of yours; it is in the store.
    case nudge(SessionNumber)
}

/// A connection that wants the session of its client identifier.
package struct Claim: Sendable, Hashable {
    package var clientID: Text
    package var shard: Int
    package var slot: SlotID
    /// Whether a session that is found is ended rather than given.
    package var cleanStart: Bool
}

/// Names a connection of one shard; the generation tells it from earlier users of the slot.
package struct SlotID: Sendable, Hashable {
    package var index: UInt32
    package var generation: UInt32

    package init(index: UInt32, generation: UInt32) {
        self.index = index
        self.generation = generation
    }
}

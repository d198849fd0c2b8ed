// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

package import Packets
package import Persistence

/// Messages on their way to online sessions: one arena, and trivial values that name ranges in it.
///
/// The same shape serves three places: what a tick has published (receivers name *seats*), what goes to another
/// shard's mailbox (receivers name *slots*), and what is held back until a commit. A message's bytes are there
/// once, followed by its receivers.
package struct Mail: Sendable {
    package var posts: [Post] = []
    package var receivers: [PostReceiver] = []
    package var identifiers: [UInt32] = []
    /// The shares of receivers that another member would have to stand in for.
    package var shares: [Text] = []
    package var arena: [UInt8] = []

    package init() {}

    package var isEmpty: Bool { posts.isEmpty }

    /// What it weighs against the limits on memory.
    package var bytes: Int {
        arena.count + receivers.count * MemoryLayout<PostReceiver>.stride
            + posts.count * MemoryLayout<Post>.stride
            + identifiers.count * MemoryLayout<UInt32>.stride
    }

    package mutating func append(bytes: UnsafeRawBufferPointer) -> Slice {
        let start = arena.count
        if !bytes.isEmpty { arena.append(contentsOf: bytes) }
        return Slice(start: start, count: bytes.count)
    }

    /// Appends a message; its receivers are appended next.
    package mutating func append(_ post: Post) {
        var post = post
        post.firstReceiver = Int32(receivers.count)
        post.receiverCount = 0
        posts.append(post)
    }

    /// Appends a receiver of the last message.
    package mutating func append(_ receiver: PostReceiver) {
        receivers.append(receiver)
        posts[posts.count - 1].receiverCount += 1
    }

    /// Copies a message of another mail without its receivers.
    package mutating func append(_ post: Post, from other: borrowing Mail) {
        var copy = post
        other.arena.withUnsafeBytes { bytes in
            copy.topic = append(bytes: UnsafeRawBufferPointer(rebasing: bytes[post.topic.range]))
            copy.properties = append(bytes: UnsafeRawBufferPointer(rebasing: bytes[post.properties.range]))
            copy.payload = append(bytes: UnsafeRawBufferPointer(rebasing: bytes[post.payload.range]))
        }
        append(copy)
    }

    /// Names the share that gives a receiver its message.
    package mutating func append(share: Text) -> Int32 {
        shares.append(share)
        return Int32(shares.count)
    }

    /// The share whose other members would get the message if this receiver ended.
    package func share(of receiver: PostReceiver) -> Text? {
        receiver.share == 0 ? nil : shares[Int(receiver.share) - 1]
    }

    /// Copies a receiver of another mail to the last message.
    package mutating func append(_ receiver: PostReceiver, place: UInt32, from other: borrowing Mail) {
        var copy = receiver
        copy.place = place
        copy.firstIdentifier = Int32(identifiers.count)
        if receiver.identifierCount > 0 {
            let first = Int(receiver.firstIdentifier)
            identifiers.append(contentsOf: other.identifiers[first..<first + Int(receiver.identifierCount)])
        }
        if let share = other.share(of: receiver) { copy.share = append(share: share) }
        append(copy)
    }

    /// A mail of its own with one message and its receivers, for what waits.
    package borrowing func extract(_ post: Post) -> Mail {
        var mail = Mail()
        mail.append(post, from: self)
        for receiver in receivers[post.receiverRange] {
            mail.append(receiver, place: receiver.place, from: self)
        }
        return mail
    }

    /// Appends everything in `other`, or trades places with it when there is nothing here.
    package mutating func take(_ other: inout Mail) {
        if posts.isEmpty {
            swap(&self, &other)
        } else {
            for post in other.posts {
                append(post, from: other)
                for receiver in other.receivers[post.receiverRange] {
                    append(receiver, place: receiver.place, from: other)
                }
            }
        }
        other.removeAll()
    }

    package mutating func removeAll() {
        let keeps = arena.capacity <= Mail.keptBytesMax && receivers.capacity <= Mail.keptReceiversMax
        // To empty an empty array takes as long as any other.
        if !posts.isEmpty { posts.removeAll(keepingCapacity: keeps) }
        if !receivers.isEmpty { receivers.removeAll(keepingCapacity: keeps) }
        if !identifiers.isEmpty { identifiers.removeAll(keepingCapacity: keeps) }
        if !shares.isEmpty { shares.removeAll() }
        if !arena.isEmpty { arena.removeAll(keepingCapacity: keeps) }
    }

    private static let keptBytesMax = 1 << 20
    private static let keptReceiversMax = 1 << 15
}

extension Slice {
    /// The indices in the arena.
    package var range: Range<Int> { start..<start + count }
}

/// A message and the range of its receivers. Trivial.
package struct Post: Sendable, Hashable {
    package var topic: Slice
    package var properties: Slice
    package var payload: Slice
    /// The message's number; zero when nothing of it is stored. During a tick: its index in the lane plus one.
    package var number: MessageNumber = 0
    package var expiresAt: Milliseconds = 0
    package var firstReceiver: Int32 = 0
    package var receiverCount: Int32 = 0

    package init(
        topic: Slice, properties: Slice, payload: Slice, number: MessageNumber = 0,
        expiresAt: Milliseconds = 0
    ) {
        self.topic = topic
        self.properties = properties
        self.payload = payload
        self.number = number
        self.expiresAt = expiresAt
    }

    package var receiverRange: Range<Int> { Int(firstReceiver)..<Int(firstReceiver + receiverCount) }
}

/// One receiver of a message. Trivial.
package struct PostReceiver: Sendable, Hashable {
    package var session: SessionNumber
    /// The seat, or the slot once the seat has been read.
    package var place: UInt32
    /// Which of the message's stored deliveries this is; `unstored` when it is not stored.
    package var ordinal: UInt32
    package var firstIdentifier: Int32 = 0
    package var identifierCount: Int32 = 0
    /// Which of the mail's shares it is a member of, plus one; zero when no other member would get the message,
    /// or the store says which.
    package var share: Int32 = 0
    package var qos: QoS
    package var retain: Bool
    package var isPersistent: Bool

    package static let unstored = UInt32.max

    package var isStored: Bool { ordinal != PostReceiver.unstored }
}

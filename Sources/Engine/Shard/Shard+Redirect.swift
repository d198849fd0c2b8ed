// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import Packets
import Persistence

/// Deliveries of a share without persistent members, of which nothing is stored: when the session of one ends, they
/// go to another member, like those that the sweep finds in the store `[MQTT-4.8.2-5]`.
///
/// QoS 1 goes on to somebody else, and QoS 2 if it was never sent. Messages that were sent are kept in memory for it
/// until they are acknowledged, up to `outboundBytesMax` per session; one beyond that ends with its session.
extension Shard {
    /// The receiver of a post is gone.
    func redirect(_ post: Post, _ receiver: PostReceiver, of mail: borrowing Mail) {
        guard receiver.share != 0 else { return }
        redirect(Parcel(post, receiver, from: mail))
    }

    func redirect(_ parcel: Parcel) {
        guard let share = parcel.share, parcel.expiresAt == 0 || parcel.expiresAt > now else { return }
        parcel.bytes.withUnsafeBytes { bytes in
            let payload = parcel.topicCount + parcel.propertyCount
            let publication = Publication(
                topic: UnsafeRawBufferPointer(rebasing: bytes[..<parcel.topicCount]),
                properties: UnsafeRawBufferPointer(rebasing: bytes[parcel.topicCount..<payload]),
                payload: UnsafeRawBufferPointer(rebasing: bytes[payload...]), qos: parcel.qos, retain: false,
                expiresAt: parcel.expiresAt, session: 0)
            publish(publication, toShare: share, isOpened: false)
        }
        // This may be the end of a tick.
        wantsSelfWake = true
    }
}

extension Session {
    /// What another member of a share gets when the session ends now, oldest first.
    var unfinishedShares: [Parcel] { inflight.kept + tail.filter { $0.share != nil } }
}

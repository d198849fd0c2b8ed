// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import Packets
import Persistence

/// Publishes that go to one session only.
extension Shard {
    /// A retained message for one subscription `[MQTT-3.3.1-8]`.
    func publish(_ publication: Publication, to session: Session, _ subscription: SubscriptionRecord) {
        var progress = PublishProgress()
        appendPost(publication)
        let qos = min(publication.qos, subscription.options.qos)
        var target = PostReceiver(
            session: session.number, place: session.seat, ordinal: PostReceiver.unstored, qos: qos,
            retain: true,
            isPersistent: session.isPersistent)
        let identifiers = subscription.identifier == 0 ? [] : [subscription.identifier][...]
        append(
            &target, identifiers, share: nil, stores: session.isPersistent, of: publication, &progress)
    }

    /// A delivery of a share whose member has ended, for another member; nobody left: it is discarded. If its
    /// removal is in the entry that is being filled (`isOpened`), so is its insertion.
    func publish(_ publication: Publication, toShare share: Text, isOpened: Bool) {
        let match = matchCache.match(publication.topic, in: commons.subscriptions)
        guard let group = match.groups.first(where: { $0.share == share }) else { return }
        var progress = PublishProgress(isOpened: isOpened)
        appendPost(publication)
        appendShare(group, of: publication, match, &progress)
    }
}

// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

package import Packets

/// What becomes of one line of a SUBSCRIBE, before anybody is asked whether the client may.
package enum SubscribeDecision: Hashable, Sendable {
    /// Subscribe with these options: the QoS is what is granted `[MQTT-3.8.4-7]`.
    case grant(TopicFilter, SubscriptionOptions)
    /// Answer the line with this reason.
    case refuse(ReasonCode)
    /// Close the connection with this reason.
    case disconnect(ReasonCode)

    /// Decides on a line of a SUBSCRIBE.
    ///
    /// `identifier` is that of the packet, `others` how many subscriptions the session has to other filters,
    /// those granted earlier in the same packet included.
    package init(_ line: Subscription, identifier: UInt32?, others: Int, limits: Limits) {
        guard let filter = TopicFilter(line.filter) else {
            self = .refuse(.topicFilterInvalid)
            return
        }
        if filter.share != nil, line.options.noLocal {
            self = .disconnect(.protocolError)
        } else if let reason = Self.refusal(
            of: filter, identifier: identifier, others: others, limits: limits)
        {
            self = .refuse(reason)
        } else {
            var options = line.options
            options.qos = min(options.qos, limits.maximumQoS)
            self = .grant(filter, options)
        }
    }

    /// The code that the SUBACK has for the line; before MQTT 5 all failures are written as one.
    package var reason: ReasonCode {
        switch self {
        case .grant(_, let options): .granted(options.qos)
        case .refuse(let reason), .disconnect(let reason): reason
        }
    }

    private static func refusal(
        of filter: TopicFilter, identifier: UInt32?, others: Int, limits: Limits
    ) -> ReasonCode? {
        if filter.share != nil, !limits.sharedSubscriptionsAvailable {
            return .sharedSubscriptionsNotSupported
        }
        if identifier != nil, !limits.subscriptionIdentifiersAvailable {
            return .subscriptionIdentifiersNotSupported
        }
        if !limits.wildcardSubscriptionsAvailable, filter.hasWildcard {
            return .wildcardSubscriptionsNotSupported
        }
        let levels = filter.filter.withBytes { $0.levelCount }
        if levels > limits.filterLevelsMax { return .topicFilterInvalid }
        return others >= limits.subscriptionsPerSessionMax ? .quotaExceeded : nil
    }
}

extension TopicFilter {
    fileprivate var hasWildcard: Bool {
        filter.bytes.contains { $0 == UInt8(ascii: "+") || $0 == UInt8(ascii: "#") }
    }
}

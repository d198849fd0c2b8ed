// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import Packets
import Testing

@testable import Engine

@Suite struct SubscribeDecisionTests {
    private func decide(
        _ filter: Text, options: SubscriptionOptions = .init(qos: .exactlyOnce), identifier: UInt32? = nil,
        others: Int = 0, limits: Limits = Limits()
    ) -> SubscribeDecision {
        let line = Subscription(filter: filter, options: options)
        return SubscribeDecision(line, identifier: identifier, others: others, limits: limits)
    }

    @Test(arguments: QoS.allCases, QoS.allCases)
    func `the QoS granted is the one asked for, up to the maximum [MQTT-3.8.4-7]`(asked: QoS, maximum: QoS)
        throws
    {
        let options = SubscriptionOptions(
            qos: asked, noLocal: true, retainAsPublished: true, retainHandling: .sendIfNew)
        let decision = decide("a/+", options: options, limits: Limits { $0.maximumQoS = maximum })
        var granted = options
        granted.qos = min(asked, maximum)
        #expect(decision == .grant(try #require(TopicFilter("a/+")), granted))
        #expect(decision.reason.rawValue == min(asked.rawValue, maximum.rawValue))
    }

    @Test(
        arguments: ["", "a#", "a/#/b", "a+", "$share/g", "$share//a", "$share/g+/a", "$share/g/"] as [Text])
    func `what is no topic filter is refused [MQTT-4.7.1-1] [MQTT-4.8.2-1]`(filter: Text) {
        #expect(decide(filter) == .refuse(.topicFilterInvalid))
    }

    @Test func `a filter may have so many levels and no more, its group not counted`() {
        let limits = Limits { $0.filterLevelsMax = 3 }
        #expect(decide("a/b/#", limits: limits).reason == .grantedQoS2)
        #expect(decide("$share/g/a/b/#", limits: limits).reason == .grantedQoS2)
        #expect(decide("a/b/c/#", limits: limits) == .refuse(.topicFilterInvalid))
        #expect(decide("///", limits: limits) == .refuse(.topicFilterInvalid))
    }

    @Test func `each thing that is not available has its own reason`() {
        let limits = Limits {
            $0.sharedSubscriptionsAvailable = false
            $0.wildcardSubscriptionsAvailable = false
            $0.subscriptionIdentifiersAvailable = false
        }
        #expect(decide("$share/g/a", limits: limits) == .refuse(.sharedSubscriptionsNotSupported))
        #expect(decide("a/+", limits: limits) == .refuse(.wildcardSubscriptionsNotSupported))
        #expect(decide("#", limits: limits) == .refuse(.wildcardSubscriptionsNotSupported))
        #expect(decide("a", identifier: 1, limits: limits) == .refuse(.subscriptionIdentifiersNotSupported))
        #expect(decide("a", limits: limits).reason == .grantedQoS2)
    }

    @Test func `with everything available everything is granted`() {
        #expect(decide("$share/g/a/+/#", identifier: 1).reason == .grantedQoS2)
    }

    @Test func `No Local on a shared subscription is a protocol error [MQTT-3.8.3-4]`() {
        let options = SubscriptionOptions(qos: .atMostOnce, noLocal: true)
        #expect(decide("$share/g/a", options: options) == .disconnect(.protocolError))
        #expect(decide("a", options: options).reason == .grantedQoS0)
    }

    @Test func `a session has so many subscriptions and no more`() {
        let limits = Limits { $0.subscriptionsPerSessionMax = 2 }
        #expect(decide("a", others: 1, limits: limits).reason == .grantedQoS2)
        #expect(decide("a", others: 2, limits: limits) == .refuse(.quotaExceeded))
    }
}

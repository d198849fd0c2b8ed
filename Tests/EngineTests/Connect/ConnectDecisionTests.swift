// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import Packets
import Persistence
import Testing

@testable import Engine

@Suite struct ConnectDecisionTests {
    private func decide(_ connect: Connect, limits: Limits = Limits(), clients: Int = 0) -> ConnectDecision {
        var random = SeededGenerator(seed: 1)
        return ConnectDecision(connect, limits: limits, clients: clients, using: &random)
    }

    private func accepted(_ connect: Connect, limits: Limits = Limits()) throws -> SessionParameters {
        guard case .accept(let parameters) = decide(connect, limits: limits) else {
            throw Refused()
        }
        return parameters
    }

    private struct Refused: Error {}

    private func v5(_ configure: (inout Properties) -> Void) -> Connect {
        Connect(clientID: "c", properties: Properties(configure))
    }

    // MARK: The client identifier

    @Test(arguments: [(ProtocolVersion.v31, true), (.v31, false), (.v311, false)])
    func `an empty client identifier is refused where nobody could come back with it [MQTT-3.1.3-8]`(
        version: ProtocolVersion, cleanStart: Bool
    ) {
        let decision = decide(Connect(version: version, clientID: "", cleanStart: cleanStart))
        #expect(decision == .refuse(.clientIdentifierNotValid))
        #expect(ReasonCode.clientIdentifierNotValid.connackReturnCode == 2)
    }

    @Test(arguments: [(ProtocolVersion.v311, true), (.v5, true), (.v5, false)])
    func `an empty client identifier is replaced by one that is the broker's and new [MQTT-3.1.3-6]`(
        version: ProtocolVersion, cleanStart: Bool
    ) throws {
        var random = SeededGenerator(seed: 2)
        var seen: Set<Text> = []
        for _ in 0..<100 {
            let connect = Connect(version: version, clientID: "", cleanStart: cleanStart)
            let decision = ConnectDecision(connect, limits: Limits(), clients: 0, using: &random)
            guard case .accept(let parameters) = decision else { throw Refused() }
            #expect(parameters.isAssigned && parameters.clientID.bytes.count == 31)
            #expect(seen.insert(parameters.clientID).inserted)
            let told = parameters.connackProperties(Limits()).assignedClientID
            #expect(told == (version == .v5 ? parameters.clientID : nil))
        }
    }

    @Test func `a client's own identifier stays as it is`() throws {
        let parameters = try accepted(Connect(clientID: "sensor 7"))
        #expect(parameters.clientID == "sensor 7" && !parameters.isAssigned)
        #expect(parameters.connackProperties(Limits()).assignedClientID == nil)
    }

    // MARK: Refusals

    @Test func `a client too many is refused`() {
        let limits = Limits { $0.clientsMax = 2 }
        #expect(decide(Connect(clientID: "c"), limits: limits, clients: 2) == .refuse(.quotaExceeded))
        #expect(decide(Connect(clientID: "c"), limits: limits, clients: 1) != .refuse(.quotaExceeded))
    }

    @Test func `an authentication method is refused while there is none [MQTT-4.12.0-1]`() {
        let connect = v5 { $0.authenticationMethod = "SCRAM-SHA-256" }
        #expect(decide(connect) == .refuse(.badAuthenticationMethod))
    }

    @Test func `a will beyond the maximum QoS is refused [MQTT-3.2.2-12]`() {
        let limits = Limits { $0.maximumQoS = .atLeastOnce }
        var connect = Connect(clientID: "c", will: Will(topic: "w", qos: .exactlyOnce))
        #expect(decide(connect, limits: limits) == .refuse(.qosNotSupported))
        connect.will?.qos = .atLeastOnce
        #expect(decide(connect, limits: limits) != .refuse(.qosNotSupported))
    }

    @Test func `a retained will is refused where nothing is retained [MQTT-3.2.2-13]`() {
        let limits = Limits { $0.retainAvailable = false }
        let connect = Connect(clientID: "c", will: Will(topic: "w", retain: true))
        #expect(decide(connect, limits: limits) == .refuse(.retainNotSupported))
        #expect(decide(connect) != .refuse(.retainNotSupported))
    }

    @Test(arguments: [
        ("$SYS/broker/uptime", true), ("$SYS", true), ("a/b/c/d", true), ("a/b/c", false),
        ("$SYSTEM/a", false),
    ])
    func `a will to the broker's own topics, or with too many levels, is refused`(
        topic: String, isRefused: Bool
    ) {
        let limits = Limits { $0.topicLevelsMax = 3 }
        let connect = Connect(clientID: "c", will: Will(topic: Text(topic)))
        #expect((decide(connect, limits: limits) == .refuse(.topicNameInvalid)) == isRefused)
    }

    // MARK: The session

    @Test(arguments: [
        (ProtocolVersion.v31, true, 0), (.v31, false, UInt32.max), (.v311, true, 0), (.v311, false, .max),
    ])
    func `before MQTT 5 a session is kept for ever or not at all [MQTT-3.1.2-6]`(
        version: ProtocolVersion, clean: Bool, expiry: UInt32
    ) throws {
        let parameters = try accepted(Connect(version: version, clientID: "c", cleanStart: clean))
        #expect(parameters.expirySeconds == expiry)
        #expect(parameters.isPersistent == !clean && parameters.cleanStart == clean)
        let limits = Limits { $0.sessionExpirySecondsMax = 60 }
        let capped = try accepted(Connect(version: version, clientID: "c", cleanStart: clean), limits: limits)
        #expect(capped.expirySeconds == min(expiry, 60))
        #expect(capped.connackProperties(limits) == Properties())
    }

    @Test(arguments: [
        (nil, 0, false), (0, 0, false), (30, 30, false), (60, 60, false), (61, 60, true), (.max, 60, true),
    ])
    func `the session expiry is what the client asks for, up to the maximum, and it is told of that`(
        asked: UInt32?, expected: UInt32, isTold: Bool
    ) throws {
        let limits = Limits { $0.sessionExpirySecondsMax = 60 }
        let parameters = try accepted(v5 { $0.sessionExpiry = asked }, limits: limits)
        #expect(parameters.expirySeconds == expected && parameters.isPersistent == (expected > 0))
        #expect(parameters.connackProperties(limits).sessionExpiry == (isTold ? expected : nil))
    }

    @Test(arguments: [
        (ProtocolVersion.v5, 0, 30, true), (.v5, 31, 30, true), (.v5, .max, 30, true), (.v5, 30, 30, false),
        (.v5, 10, 10, false), (.v311, 0, 0, false), (.v311, 600, 600, false),
    ])
    func `a longer keep-alive is shortened for who can be told [MQTT-3.1.2-21]`(
        version: ProtocolVersion, asked: UInt16, expected: UInt16, isTold: Bool
    ) throws {
        let limits = Limits { $0.serverKeepAliveSeconds = 30 }
        let connect = Connect(version: version, clientID: "c", keepAlive: asked)
        let parameters = try accepted(connect, limits: limits)
        #expect(parameters.keepAliveSeconds == expected)
        #expect(parameters.connackProperties(limits).serverKeepAlive == (isTold ? 30 : nil))
        #expect(try accepted(connect).keepAliveSeconds == asked)
    }

    @Test func `what the client takes is within the broker's own limits [MQTT-3.1.2-24] [MQTT-3.1.2-26]`()
        throws
    {
        let limits = Limits {
            $0.inflightMax = 100
            $0.topicAliasMaximum = 8
        }
        let plain = try accepted(Connect(clientID: "c"), limits: limits)
        #expect(
            plain.receiveMaximum == 100 && plain.packetBytesMax == Limits.protocolPacketBytesMax
                && plain.topicAliasMaximum == 0)
        #expect(plain.requestsProblemInformation)
        let modest = v5 {
            $0.receiveMaximum = 10
            $0.maximumPacketSize = 500
            $0.topicAliasMaximum = 3
            $0.requestProblemInformation = false
        }
        let less = try accepted(modest, limits: limits)
        #expect(less.receiveMaximum == 10 && less.packetBytesMax == 500 && less.topicAliasMaximum == 3)
        #expect(!less.requestsProblemInformation)
        let greedy = try accepted(v5 { $0.topicAliasMaximum = .max }, limits: limits)
        #expect(greedy.topicAliasMaximum == 8)
        let old = try accepted(Connect(version: .v311, clientID: "c"), limits: limits)
        #expect(old.receiveMaximum == 100 && old.topicAliasMaximum == 0)
    }

    @Test func `the will keeps its properties, those that are forwarded and those that are times`() throws {
        let properties = Properties {
            $0.willDelay = 5
            $0.messageExpiry = 60
            $0.contentType = "text/plain"
            $0.user = [UserProperty(name: "a", value: "b")]
        }
        let will = Will(topic: "w", payload: [1, 2], qos: .atLeastOnce, retain: true, properties: properties)
        let record = try #require(try accepted(Connect(clientID: "c", will: will)).will)
        #expect(
            record
                == WillRecord(
                    topic: "w", payload: [1, 2], qos: .atLeastOnce, retain: true,
                    properties: properties.forwarded(), delaySeconds: 5, expirySeconds: 60))
        #expect(!record.properties.isEmpty)
        let plain = try accepted(Connect(version: .v311, clientID: "c", will: Will(topic: "w"))).will
        #expect(plain == WillRecord(topic: "w", payload: []))
    }

    // MARK: CONNACK

    @Test func `CONNACK is silent about what MQTT assumes anyway`() throws {
        let limits = Limits {
            $0.receiveMaximum = .max
            $0.packetBytesMax = Limits.protocolPacketBytesMax
            $0.topicAliasMaximum = 0
        }
        #expect(
            try accepted(Connect(clientID: "c"), limits: limits).connackProperties(limits) == Properties())
    }

    @Test func `CONNACK tells everything that is less`() throws {
        let limits = Limits {
            $0.receiveMaximum = 5
            $0.packetBytesMax = 1_000
            $0.topicAliasMaximum = 6
            $0.maximumQoS = .atMostOnce
            $0.retainAvailable = false
            $0.wildcardSubscriptionsAvailable = false
            $0.subscriptionIdentifiersAvailable = false
            $0.sharedSubscriptionsAvailable = false
        }
        let expected = Properties {
            $0.receiveMaximum = 5
            $0.maximumPacketSize = 1_000
            $0.topicAliasMaximum = 6
            $0.maximumQoS = .atMostOnce
            $0.retainAvailable = false
            $0.wildcardSubscriptionAvailable = false
            $0.subscriptionIdentifiersAvailable = false
            $0.sharedSubscriptionAvailable = false
        }
        #expect(try accepted(Connect(clientID: "c"), limits: limits).connackProperties(limits) == expected)
        let old = try accepted(Connect(version: .v311, clientID: "c"), limits: limits)
        #expect(old.connackProperties(limits) == Properties())
    }
}

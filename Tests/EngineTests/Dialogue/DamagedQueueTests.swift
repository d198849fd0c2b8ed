// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import Packets
import Persistence
import Testing

@testable import Engine

/// Whatever a damaged store gives back: the broker goes on, and sends no identifier twice.
@Suite struct DamagedQueueTests {
    /// What a page is turned into.
    struct Damage: CustomTestStringConvertible, Sendable {
        let testDescription: String
        let body: @Sendable (inout DeliveryPage) -> Void

        init(_ name: String, _ body: @escaping @Sendable (inout DeliveryPage) -> Void) {
            testDescription = name
            self.body = body
        }

        static let harmless = [
            Damage("a delivery twice") { page in
                if let first = page.deliveries.first { page.deliveries.insert(first, at: 0) }
            },
            Damage("deliveries before the first one") { page in
                if var first = page.deliveries.first {
                    first.number = 0
                    page.deliveries.append(first)
                }
            },
            Damage("a page that is not the last, again and again") { page in page.isLast = false },
            Damage("in flight without a packet identifier") { page in
                for index in page.deliveries.indices { page.deliveries[index].state = .sent }
            },
            Damage("released with QoS 1") { page in
                for index in page.deliveries.indices {
                    page.deliveries[index].state = .released
                    page.deliveries[index].packetID = UInt16(index + 1)
                }
            },
            Damage("in flight, all with one packet identifier") { page in
                for index in page.deliveries.indices {
                    page.deliveries[index].state = .sent
                    page.deliveries[index].packetID = 7
                }
            },
            Damage("QoS 0, identifiers and times that there are not") { page in
                for index in page.deliveries.indices {
                    page.deliveries[index].qos = .atMostOnce
                    page.deliveries[index].identifiers = [0, .max]
                    page.deliveries[index].message.expiresAt = .max
                }
            },
        ]
    }

    private func queued(_ count: Int) throws -> World {
        let world = try World()
        let client = world.joinPersistent("a")
        client.subscribe("t", qos: .atLeastOnce)
        client.cut()
        let publisher = world.join("p")
        for text in 1...count { publisher.exchange(.publish("t", Text("\(text)"), qos: .atLeastOnce, id: 1)) }
        publisher.exchange(.disconnect())
        return world
    }

    @Test(arguments: Damage.harmless)
    func `all that is queued arrives once, in order, each under an identifier of its own`(damage: Damage)
        throws
    {
        let world = try queued(5)
        world.store.damages(damage.body)
        let second = try world.restarted()
        let client = second.joinPersistent("a", present: true)
        let received = client.takePublishes()
        #expect(received.texts == ["1", "2", "3", "4", "5"])
        #expect(Set(received.map(\.packetID)).count == 5 && !received.contains { $0.packetID == 0 })
        client.send(received.map { .puback($0.packetID) })
        #expect(client.acknowledgeAll().texts == [])
        second.rest()
        #expect(try second.store.sysInfo().deliveryCount == 0)
        second.join("q").exchange(.publish("t", "6", qos: .atLeastOnce, id: 1))
        #expect(client.acknowledgeAll().texts == ["6"])
    }

    @Test(arguments: [1, 1000, UInt64(1) << 63, UInt64.max - 10])
    func `a number that was never given out ends nothing`(beyond: UInt64) throws {
        let world = try queued(3)
        world.store.damages { page in
            guard var last = page.deliveries.last else { return }
            last.number = max(last.number, last.number &+ beyond)
            page.deliveries[page.deliveries.count - 1] = last
        }
        let second = try world.restarted()
        let client = second.joinPersistent("a", present: true)
        let received = client.takePublishes()
        #expect(received.texts == ["1", "2"])
        // Acknowledged in the tick in which the number is given to another message.
        second.isStalled = true
        second.join("q").send(.publish("t", "4", qos: .atLeastOnce, id: 1))
        client.send(received.map { .puback($0.packetID) })
        second.isStalled = false
        second.settle()
        #expect(client.acknowledgeAll().texts == ["4"])
    }

    @Test func `a sweep of what a damaged store gives ends`() throws {
        let world = try queued(3)
        world.store.damages { page in
            if let first = page.deliveries.first { page.deliveries.append(first) }
        }
        let second = try world.restarted()
        second.joinPersistent("a", present: true).exchange(.disconnect(expiry: 0))
        second.rest()
        #expect(try second.store.sysInfo().deliveryCount == 0)
    }
}

// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import Packets
import Persistence
import Testing

@testable import Engine

@Suite struct InflightTests {
    private func entry(_ packetID: UInt16, number: MessageNumber = 1) -> Inflight.Entry {
        Inflight.Entry(
            number: number, ordinal: 0, packetID: packetID, qos: .atLeastOnce, state: .sent, isRecorded: false
        )
    }

    @Test func `identifiers begin at 1 and count on, though they are free again`() {
        var inflight = Inflight()
        var ids: [UInt16] = []
        for _ in 0..<5 {
            guard let id = inflight.nextPacketID() else { break }
            inflight.set(entry(id))
            _ = inflight.remove(id)
            ids.append(id)
        }
        #expect(ids == [1, 2, 3, 4, 5] && inflight.count == 0)
    }

    @Test func `all 65,535 identifiers can be in use, each once, and then there is none [MQTT-2.2.1-3]`() {
        var inflight = Inflight()
        var ids: Set<UInt16> = []
        while let id = inflight.nextPacketID() {
            inflight.set(entry(id, number: UInt64(id)))
            ids.insert(id)
        }
        #expect(ids.count == 65_535 && !ids.contains(0) && inflight.count == 65_535)
        #expect(inflight[300]?.number == 300 && inflight[65_535]?.number == 65_535)
        let removed = inflight.remove(777)
        #expect(removed?.number == 777 && inflight.nextPacketID() == 777)
    }

    @Test
    func `an identifier that is kept for a stored delivery is not chosen before that has come and gone`() {
        var inflight = Inflight()
        inflight.set(entry(1))
        inflight.reserve([1, 2, 3])
        inflight.releaseReserved(except: [2])
        #expect(inflight.nextPacketID() == 3, "what is not stored any more is free")
        inflight.set(entry(2))
        _ = inflight.remove(2)
        inflight.removeAll()
        inflight.reserve(Array(3...65_534))
        #expect(inflight.nextPacketID() == 65_535)
        inflight.set(entry(65_535))
        #expect(inflight.nextPacketID() == 2)
        inflight.set(entry(2))
        #expect(
            inflight.nextPacketID() == nil, "1 is kept, too: the table had it when the connection was lost")
    }

    @Test func `identifiers that share their low bits live side by side`() {
        var inflight = Inflight()
        for id in [1, 9, 17, 1025, 33_793] as [UInt16] { inflight.set(entry(id, number: UInt64(id))) }
        #expect(inflight.count == 5 && inflight[9]?.number == 9 && inflight[33_793]?.number == 33_793)
        #expect(inflight[25] == nil && inflight[0] == nil)
        #expect(Set(inflight.entries.map(\.packetID)) == [1, 9, 17, 1025, 33_793])
    }

    @Test func `an entry is replaced under its identifier, and removed once`() {
        var inflight = Inflight()
        inflight.set(entry(4, number: 1))
        inflight.set(entry(4, number: 2))
        #expect(inflight.count == 1 && inflight[4]?.number == 2)
        let (first, second) = (inflight.remove(4), inflight.remove(4))
        #expect(first?.number == 2 && second == nil && inflight.count == 0)
    }

    @Test func `random use agrees with a dictionary`() {
        var (inflight, model) = (Inflight(), [UInt16: MessageNumber]())
        var random = SplitMix64(seed: 5)
        for step in 1...20_000 as ClosedRange<UInt64> {
            switch Int.random(in: 0..<4, using: &random) {
            case 0, 1:
                guard model.count < 500, let id = inflight.nextPacketID() else { continue }
                #expect(model[id] == nil)
                inflight.set(entry(id, number: step))
                model[id] = step
            case 2:
                guard let id = model.keys.randomElement(using: &random) else { continue }
                #expect(inflight.remove(id)?.number == model.removeValue(forKey: id))
            default:
                let id = UInt16.random(in: 1...2_000, using: &random)
                #expect(inflight[id]?.number == model[id])
            }
        }
        #expect(inflight.count == model.count)
    }
}

// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import NIOCore
import Testing

@testable import Server

struct AcknowledgementGatheringTests {
    /// Reads of acknowledgements, one in each of so many milliseconds; the steps that were not to stay.
    private func read(
        _ count: Int, every milliseconds: Int64, _ gathering: inout AcknowledgementGathering,
        from start: Int64 = 0
    ) -> [AcknowledgementGathering.Step] {
        (0..<Int64(count)).map { gathering.read(true, now: start + $0 * milliseconds) }.filter { $0 != .stay }
    }

    @Test func `it begins when nothing but acknowledgements comes, and often`() {
        var gathering = AcknowledgementGathering()
        #expect(read(31, every: 2, &gathering) == [] && !gathering.isOn)
        #expect(gathering.read(true, now: 62) == .begin && gathering.isOn)
        #expect(read(100, every: 1, &gathering, from: 63) == [] && gathering.isOn)
    }

    @Test func `a client that is not busy is read at once`() {
        var gathering = AcknowledgementGathering()
        #expect(read(1_000, every: 3, &gathering) == [] && !gathering.isOn)
        #expect(read(64, every: 0, &gathering, from: 3_000) == [.begin], "it has become busy")
    }

    @Test func `a client that sends anything else is read at once, and for a while after`() {
        var gathering = AcknowledgementGathering()
        for round in 0..<100 as Range<Int64> {
            #expect(read(20, every: 0, &gathering, from: round) == [])
            #expect(gathering.read(false, now: round) == .stay)
        }
        #expect(read(40, every: 0, &gathering, from: 100) == [.begin])
        #expect(gathering.read(false, now: 101) == .end && !gathering.isOn)
        #expect(read(256, every: 0, &gathering, from: 101) == [])
        #expect(read(32, every: 0, &gathering, from: 101) == [.begin])
    }

    @Test func `it ends when nothing comes any more`() {
        var gathering = AcknowledgementGathering()
        _ = read(32, every: 0, &gathering)
        for _ in 0..<7 { #expect(gathering.lookedInVain() == .stay) }
        #expect(gathering.read(true, now: 1) == .stay)
        for _ in 0..<7 { #expect(gathering.lookedInVain() == .stay) }
        #expect(gathering.lookedInVain() == .end && !gathering.isOn)
        #expect(gathering.end() == .stay, "it is over")
    }

    @Test(
        arguments: [
            ([0x40, 2, 0, 1], true), ([0x40, 2, 0, 1, 0x40, 2, 0, 2], true),
            ([0x40, 2, 0, 1, 0x50, 2, 0, 2], false), ([0x50, 2, 0, 1], false), ([0xC0, 0], false),
            ([], false),
            ([0x40, 2, 0, 1, 0xC0, 0], false), ([0x40, 3, 0, 1, 0], false), ([0x40, 2, 0], false),
            ([0x30, 2, 0, 0], false),
        ] as [([UInt8], Bool)])
    func `only PUBACK packets without a reason count`(bytes: [UInt8], areAcknowledgements: Bool) {
        #expect(
            AcknowledgementGathering.areAcknowledgements(ByteBuffer(bytes: bytes)) == areAcknowledgements)
        var moved = ByteBuffer(bytes: [0x40] + bytes)
        moved.moveReaderIndex(forwardBy: 1)
        #expect(AcknowledgementGathering.areAcknowledgements(moved) == areAcknowledgements)
    }

    @Test func `what may be unread is a fraction of the smallest window`() {
        let unread = Int(AcknowledgementGathering.bytesMin - 1) / 4
        #expect(unread * 4 < AcknowledgementGathering.windowMin)
    }
}

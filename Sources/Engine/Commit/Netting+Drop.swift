// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

extension Netting {
    /// Takes out of the lanes what is settled and named, wherever it stands, and returns the lanes that are needed
    /// no more; where it stood there is a gap. So a head that waits for room keeps the memory of nothing but itself.
    ///
    /// A lane of which a part is left is copied once that halves it: it is never copied for little, nor ever larger
    /// than twice what it must keep.
    static func dropNamed(_ lanes: inout [Lane]) -> [Lane] {
        var kept: [Lane] = []
        var dropped: [Lane] = []
        for lane in lanes {
            let weight = lane.entries.indices.reduce(0) {
                lane.entries[$1].isNamed ? $0 : $0 + lane.weight(of: $1)
            }
            if 2 * weight > lane.bytes {
                kept.append(lane)
            } else {
                kept += excerpts(of: lane)
                dropped.append(lane)
            }
        }
        lanes = kept
        return dropped
    }

    /// Each run of entries that are not named, as a lane of its own.
    private static func excerpts(of lane: Lane) -> [Lane] {
        var excerpts: [Lane] = []
        var start = 0
        for end in 0...lane.entries.count where end == lane.entries.count || lane.entries[end].isNamed {
            if start < end { excerpts.append(lane.excerpt(start..<end)) }
            start = end + 1
        }
        return excerpts
    }
}

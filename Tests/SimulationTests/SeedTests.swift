// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import Foundation
import Simulation
import Testing

/// Random worlds: 2,000 seeds, or as many as `ROOST_SIMULATION_SEEDS` says, from `ROOST_SIMULATION_FIRST` on.
@Suite struct SeedTests {
    static let parts: UInt64 = 20

    private static func number(_ name: String, or standard: UInt64) -> UInt64 {
        ProcessInfo.processInfo.environment[name].flatMap { UInt64($0) } ?? standard
    }

    @Test(arguments: 0..<parts)
    func `no seed breaks a promise`(part: UInt64) {
        let first = Self.number("ROOST_SIMULATION_FIRST", or: 1)
        let count = Self.number("ROOST_SIMULATION_SEEDS", or: 2000)
        let size = (count + Self.parts - 1) / Self.parts
        let start = first + part * size
        for finding in Seeds.run(start..<max(start, min(start + size, first + count))) {
            Issue.record("\(finding)")
        }
    }
}

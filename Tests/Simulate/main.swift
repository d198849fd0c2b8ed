// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import Glibc
import Simulation

// simulate SEED          replays one seed and prints what happened
// simulate FIRST COUNT   runs consecutive seeds and prints those that fail

let numbers = CommandLine.arguments.dropFirst().compactMap { UInt64($0) }
switch numbers.count {
case 1:
    // Written at once: the process may die before a buffer is full.
    let world = World(seed: numbers[0]) { line in
        let bytes = Array(line.utf8) + [10]
        _ = bytes.withUnsafeBytes { write(1, $0.baseAddress, $0.count) }
    }
    let failure = world.run()
    print(failure.map { "Seed \(numbers[0]) fails: \($0)" } ?? "Seed \(numbers[0]) passes.")
    exit(failure == nil ? 0 : 1)
case 2:
    let findings = Seeds.run(numbers[0]..<numbers[0] + numbers[1], failuresMax: 20)
    for finding in findings { print(finding) }
    print("\(findings.count) of \(numbers[1]) seeds fail.")
    exit(findings.isEmpty ? 0 : 1)
default:
    print("usage: simulate SEED | simulate FIRST COUNT")
    exit(2)
}

// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

/// What a commit that has returned will survive.
public enum Durability: UInt8, Hashable, Sendable, Comparable, CaseIterable, CustomStringConvertible {
    /// Nothing: the contents may end with the process, and a file may be damaged by a loss of power.
    case memory = 0
    /// The death of the broker's process (`kill -9`); after power loss an older but intact state.
    case process = 1
    /// Power loss: the commit was synced to the disk before it returned.
    case disk = 2

    /// The weaker promise is the smaller one.
    public static func < (left: Durability, right: Durability) -> Bool { left.rawValue < right.rawValue }

    /// The name as it is written on the command line: `memory`, `process` or `disk`.
    public var description: String {
        switch self {
        case .memory: "memory"
        case .process: "process"
        case .disk: "disk"
        }
    }
}

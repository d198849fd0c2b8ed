// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

/// How hard a message is delivered.
public enum QoS: UInt8, Hashable, Sendable, Comparable, CaseIterable {
    /// At most once: sent and forgotten.
    case atMostOnce = 0
    /// At least once: repeated until a PUBACK arrives.
    case atLeastOnce = 1
    /// Exactly once: PUBLISH, PUBREC, PUBREL, PUBCOMP.
    case exactlyOnce = 2

    /// The weaker level is the smaller one.
    @inlinable public static func < (left: QoS, right: QoS) -> Bool { left.rawValue < right.rawValue }
}

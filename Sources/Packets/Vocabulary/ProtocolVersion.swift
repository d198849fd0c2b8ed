// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

/// The version of MQTT that a connection speaks, fixed by its CONNECT.
public enum ProtocolVersion: UInt8, Hashable, Sendable, CaseIterable {
    /// MQTT 3.1: protocol name `MQIsdp`, level 3.
    case v31 = 3
    /// MQTT 3.1.1: protocol name `MQTT`, level 4.
    case v311 = 4
    /// MQTT 5.0: protocol name `MQTT`, level 5.
    case v5 = 5
}

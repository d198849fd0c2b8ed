// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

/// Bytes that are no packet, or a packet that the protocol forbids.
///
/// The connection ends: with `reason` in a CONNACK or DISCONNECT for MQTT 5, without a word before that.
package struct DecodeError: Error, Hashable {
    /// What a client of MQTT 5 is told.
    package var reason: ReasonCode
    /// Whether the bytes cannot be parsed; otherwise they can, and say what is not allowed.
    package var isMalformed: Bool
    /// The statement that is violated (`MQTT-3.1.2-3`), or the section where the rule has no number.
    package var statement: String
    /// What is wrong, for the log.
    package var message: String
    /// The protocol level in the CONNECT that was refused, if it was read: it decides how a CONNACK looks.
    package var clientLevel: UInt8?

    /// An error of any kind.
    package init(
        reason: ReasonCode, isMalformed: Bool, statement: String, message: String, clientLevel: UInt8? = nil
    ) {
        self.reason = reason
        self.isMalformed = isMalformed
        self.statement = statement
        self.message = message
        self.clientLevel = clientLevel
    }
}

extension DecodeError: CustomStringConvertible {
    /// One sentence for the log.
    package var description: String {
        "\(isMalformed ? "malformed packet" : "protocol error"): \(message) [\(statement)]"
    }
}

// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

/// The largest value of a variable byte integer: four bytes of seven bits.
package let variableByteIntegerMax = 268_435_455

/// How many bytes `value` takes as a variable byte integer.
@inlinable
package func variableByteCount(_ value: Int) -> Int {
    value < 128 ? 1 : value < 16_384 ? 2 : value < 2_097_152 ? 3 : 4
}

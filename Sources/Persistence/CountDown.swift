// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

extension UInt64 {
    /// Counts down, to zero at most: a store that is damaged may have more rows than it counts, and `verify` says so;
    /// to remove them must not end the broker.
    package mutating func countDown(by count: Int = 1) {
        let count = UInt64(clamping: count)
        self = self > count ? self - count : 0
    }
}

// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import Persistence

/// Notices when the wall clock jumps, which broker time ignores.
struct ClockWatch {
    private var drift: Milliseconds

    /// A smaller step is the work of a time service and not worth a line.
    static let jumpMilliseconds: Milliseconds = 2000

    /// `drift` is how far the wall clock is ahead of broker time now.
    init(drift: Milliseconds) {
        self.drift = drift
    }

    /// How far the wall clock has jumped since the last jump, if it has.
    mutating func jump(to drift: Milliseconds) -> Milliseconds? {
        let step = drift - self.drift
        guard abs(step) >= ClockWatch.jumpMilliseconds else { return nil }
        self.drift = drift
        return step
    }
}

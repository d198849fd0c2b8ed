// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import Persistence

/// Counting, in the background after a start, the queues that were stored before.
extension Shard {
    /// Asks for the next count; one at a time, so that readers stay free for clients.
    func countNext() {
        guard !isCounting, let session = uncounted.popLast() else { return }
        isCounting = true
        ask(ReadRequest(session: session, kind: .count))
    }

    func takeCount(_ count: Int, of number: SessionNumber) {
        isCounting = false
        if let session = sessions[number] {
            commons.post(QueueCount(session: number, seat: session.seat, count: count))
        }
        countNext()
    }
}

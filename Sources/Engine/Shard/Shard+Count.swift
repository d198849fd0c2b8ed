// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import Persistence

/// Counting, in the background after a start, the queues that were stored before.
extension Shard {
    /// Asks for the next count; one at a time, so that readers stay free for clients.
    func countNext() {
        guard !isCounting, let session = uncounted.popLast() else { return }
        isCounting = true
        commons.beginCount(of: session)
        ask(ReadRequest(session: session, kind: .count))
    }

    func takeCount(_ count: Int, bytes: Int, of number: SessionNumber) {
        isCounting = false
        // A session that has moved meanwhile goes without: it is counted from its next delivery on.
        let seat = sessions[number]?.seat
        commons.endCount(
            seat.map { QueueCount(session: number, seat: $0, count: count, bytes: bytes) }, of: number)
        countNext()
    }
}

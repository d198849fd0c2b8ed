// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import Persistence

/// By how many bytes of unshared messages each session's queue grows with one batch.
///
/// A queue that grows by a good part of a page at once fills pages of `settled` by itself: its messages need not
/// wait in `recent` for others of their session.
struct QueueGrowth {
    private let bytesMin: Int
    private var bytes: [SessionNumber: Int] = [:]
    private var isBulky = false

    init(bytesMin: Int) {
        self.bytesMin = bytesMin
    }

    /// Looks at another batch.
    mutating func count(_ batch: borrowing ChangeBatch) {
        if isBulky || !bytes.isEmpty { bytes.removeAll(keepingCapacity: bytes.count < Self.idleCountMax) }
        // A batch that is smaller as a whole makes nobody's queue grow by as much.
        isBulky = batch.arenaBytes >= bytesMin
        guard isBulky else { return }
        var body: Slice?
        for change in batch.changes {
            switch change {
            case .message(_, let record, let references): body = references == 1 ? record : nil
            case .delivery(let session, _, _):
                if let body { bytes[session, default: 0] += body.count }
                body = nil
            default: body = nil
            }
        }
    }

    /// Whether the unshared messages of a session are enough to be put in their place at once.
    func isBulk(_ session: SessionNumber) -> Bool {
        isBulky && bytes[session, default: 0] >= bytesMin
    }

    /// Beyond as many sessions, memory is given back.
    private static let idleCountMax = 65_536
}

// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import Engine
import NIOPosix
import Persistence

/// The threads on which windows of stored messages are read, so that no event loop ever waits for a disk.
struct ReaderPool: Sendable {
    private let pool: NIOThreadPool
    private let store: any Store

    init(store: any Store, threads: Int) {
        self.store = store
        pool = NIOThreadPool(numberOfThreads: threads)
        pool.start()
    }

    /// Reads on some thread and calls `reply` there; not at all once the pool has been shut down.
    func submit(_ request: ReadRequest, reply: @escaping @Sendable (ReadReply) -> Void) {
        pool.submit { [store] state in
            guard case .active = state else { return }
            reply(request.run(on: store))
        }
    }

    /// Returns when the reads under way have ended.
    func shutDown() async {
        await withCheckedContinuation { (continuation: CheckedContinuation<Void, Never>) in
            pool.shutdownGracefully { _ in continuation.resume() }
        }
    }
}

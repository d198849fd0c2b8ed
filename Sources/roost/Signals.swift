// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import Glibc
import Synchronization

/// SIGTERM and SIGINT end the broker gracefully; the second of them ends it at once.
///
/// The handler does only what may be done in one: it counts, and writes one byte into a pipe. A thread waits at
/// the other end of the pipe and does the rest. (Blocking the signals and waiting for them would not do: the
/// runtime keeps a thread of its own that blocks none.)
enum Signals {
    private final class Watch: Sendable {
        let first: @Sendable (CInt) -> Void
        let pipe: CInt

        init(pipe: CInt, first: @escaping @Sendable (CInt) -> Void) {
            self.pipe = pipe
            self.first = first
        }
    }

    private static let count = Atomic<Int>(0)
    private static let pipe = Atomic<CInt>(-1)

    /// A write to a closed socket or pipe is an error of that write only.
    static func ignoreClosedPipes() { signal(SIGPIPE, SIG_IGN) }

    /// Calls `first` on a thread of its own with the first signal, and ends the process with the second.
    static func watch(first: @escaping @Sendable (CInt) -> Void) {
        var ends: [CInt] = [-1, -1]
        precondition(Glibc.pipe(&ends) == 0, "the pipe for signals could not be made")
        pipe.store(ends[1], ordering: .releasing)
        precondition(count.load(ordering: .relaxed) == 0, "signals are watched once")
        startThread(Watch(pipe: ends[0], first: first))
        signal(SIGTERM, received)
        signal(SIGINT, received)
    }

    private static let received: @convention(c) (CInt) -> Void = { number in
        guard Signals.count.add(1, ordering: .relaxed).oldValue == 0 else { _exit(128 + number) }
        var byte = UInt8(truncatingIfNeeded: number)
        _ = write(Signals.pipe.load(ordering: .acquiring), &byte, 1)
    }

    private static func startThread(_ watch: Watch) {
        let watch = Unmanaged.passRetained(watch)
        var thread = pthread_t()
        // The retain above is the thread's, which takes it over.
        let result = pthread_create(
            &thread, nil,
            { context in
                guard let context else { return nil }
                Signals.wait(Unmanaged<Watch>.fromOpaque(context).takeRetainedValue())
                return nil
            }, watch.toOpaque())
        precondition(result == 0, "the thread that waits for signals could not be started")
        pthread_detach(thread)
    }

    private static func wait(_ watch: Watch) {
        var byte: UInt8 = 0
        while read(watch.pipe, &byte, 1) < 0, errno == EINTR {}
        watch.first(CInt(byte))
    }
}

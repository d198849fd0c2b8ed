// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import Glibc
import Persistence

/// The thread that keeps the lease alive while nothing is committed. It writes nothing else.
///
/// It sleeps in `poll` on a pipe that ends it. `stop` does not wait for it: a renewal that is under way when
/// the prefix is given back finds that it has no owner any more.
final class Heartbeat: Sendable {
    private let end: Int32
    private let signal: Int32
    private let milliseconds: Int32
    private let beat: @Sendable () -> Void

    /// Starts to call `beat` each time `milliseconds` have passed.
    init(milliseconds: Int64, _ beat: @escaping @Sendable () -> Void) {
        var ends: [Int32] = [-1, -1]
        _ = pipe(&ends)
        for descriptor in ends { _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC) }
        (end, signal) = (ends[0], ends[1])
        self.milliseconds = Int32(clamping: milliseconds)
        self.beat = beat
        guard end >= 0 else { return }
        // Unmanaged: the thread owns one reference to this object, taken here and given back when it ends.
        let context = Unmanaged.passRetained(self)
        var thread = pthread_t()
        let status = pthread_create(&thread, nil, heartbeatThread, context.toOpaque())
        guard status == 0 else {
            context.release()
            return
        }
        pthread_detach(thread)
    }

    deinit {
        for descriptor in [end, signal] where descriptor >= 0 { Glibc.close(descriptor) }
    }

    /// Ends the thread soon.
    func stop() {
        var byte: UInt8 = 1
        _ = write(signal, &byte, 1)
    }

    fileprivate func run() {
        while true {
            var wait = pollfd(fd: end, events: Int16(POLLIN), revents: 0)
            let count = poll(&wait, 1, milliseconds)
            if count > 0 { return }
            if count == 0 { beat() }
        }
    }
}

// The pointer is the reference that the thread owns.
private func heartbeatThread(_ context: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
    if let context { Unmanaged<Heartbeat>.fromOpaque(context).takeRetainedValue().run() }
    return nil
}

// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import Packets
import Synchronization

/// Packets that have arrived and that nobody has asked for yet.
final class Inbox: Sendable {
    enum Failure: Error, Hashable {
        case closed
        case late
        case malformed(String)
    }

    private struct State {
        var packets: [Packet] = []
        var end: Failure?
        var waiter: CheckedContinuation<Packet, any Error>?
        var turn = 0
    }

    private let state = Mutex(State())

    var isEmpty: Bool { state.withLock { $0.packets.isEmpty && $0.end == nil } }

    func append(_ packet: Packet) {
        let waiter = state.withLock { state in
            let waiter = state.waiter
            state.waiter = nil
            if waiter == nil { state.packets.append(packet) }
            return waiter
        }
        waiter?.resume(returning: packet)
    }

    func end(_ failure: Failure) {
        let waiter = state.withLock { state in
            if state.end == nil { state.end = failure }
            let waiter = state.waiter
            state.waiter = nil
            return waiter
        }
        waiter?.resume(throwing: failure)
    }

    /// The oldest packet; one caller at a time.
    func next(within time: Duration) async throws -> Packet {
        let turn = state.withLock { state in
            state.turn += 1
            return state.turn
        }
        let clock = Task {
            try await Task.sleep(for: time)
            give(up: turn)
        }
        defer { clock.cancel() }
        return try await withCheckedThrowingContinuation { continuation in
            let result: Result<Packet, any Error>? = state.withLock { state in
                if !state.packets.isEmpty { return .success(state.packets.removeFirst()) }
                if let end = state.end { return .failure(end) }
                state.waiter = continuation
                return nil
            }
            if let result { continuation.resume(with: result) }
        }
    }

    private func give(up turn: Int) {
        let waiter: CheckedContinuation<Packet, any Error>? = state.withLock { state in
            guard state.turn == turn else { return nil }
            let waiter = state.waiter
            state.waiter = nil
            return waiter
        }
        waiter?.resume(throwing: Failure.late)
    }
}

// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import Foundation
import Glibc
import Packets
import Persistence
import Synchronization

@testable import StoreRedis

/// Batches for tests: what each does is one line.
extension ChangeBatch {
    init(_ number: UInt64, makesRoom: Bool = false) {
        self.init()
        self.number = number
        self.makesRoom = makesRoom
        session = 1_000
        message = 1_000_000
    }

    mutating func add(client session: SessionNumber) {
        add(ClientRecord(session: session, clientID: Text("client-\(session)")))
    }

    mutating func add(message number: MessageNumber, to sessions: [SessionNumber], bytes: Int = 100) {
        let message = MessageRecord(topic: "topic", payload: [UInt8](repeating: 7, count: bytes))
        let body = append(message)
        append(.message(number: number, record: body, references: UInt32(sessions.count)))
        for session in sessions {
            let record = append(DeliveryRecord(session: session, number: number, message: message))
            append(.delivery(session: session, number: number, record: record))
        }
    }
}

extension RedisStore {
    /// Commits as the committer does: again after `retry`, and after `reopen` once the store is open again.
    func commitPatiently(_ batch: borrowing ChangeBatch) throws {
        let deadline = now() + 120_000
        while true {
            do throws(StoreError) {
                return try commit(batch)
            } catch {
                guard now() < deadline, error.code == .retry || error.code == .reopen else { throw error }
                if error.code == .reopen { try reopenPatiently(until: deadline) }
            }
        }
    }

    func reopenPatiently(until deadline: Int64) throws {
        close()
        while true {
            do throws(StoreError) {
                return try open()
            } catch {
                guard now() < deadline, error.code == .unavailable else { throw error }
            }
        }
    }

    /// Reads as a broker does: again after `retry`.
    func readPatiently<Result>(_ page: (RedisStore) throws(StoreError) -> Result) throws -> Result {
        let deadline = now() + 120_000
        while true {
            do throws(StoreError) {
                return try page(self)
            } catch {
                guard now() < deadline, error.code == .retry else { throw error }
                usleep(2_000)
            }
        }
    }

    /// The code of the error that a batch meets; `nil` when it is applied.
    func failure(of batch: borrowing ChangeBatch) -> StoreError? {
        do throws(StoreError) {
            try commit(batch)
            return nil
        } catch {
            return error
        }
    }

    /// The error that opening meets.
    func openingFailure() -> StoreError? {
        do throws(StoreError) {
            try open()
            return nil
        } catch {
            return error
        }
    }

    /// The numbers in a queue.
    func queue(_ session: SessionNumber) throws -> [MessageNumber] {
        try deliveries(of: session, after: 0, limit: 1_000_000, bytesMax: .max).deliveries.map(\.number)
    }
}

/// A number that rises and a stop that another thread asks for, shared by two threads of a test.
final class Reached: Sendable {
    private let value = Atomic<UInt64>(0)

    var last: UInt64 {
        get { value.load(ordering: .acquiring) }
        set { value.store(newValue, ordering: .releasing) }
    }
}

/// Runs `body` on a thread of its own; `join` gives back what it threw.
final class Background: Sendable {
    private let failure = Mutex<(any Error)?>(nil)
    private let isDone = Atomic<Bool>(false)

    init(_ body: @escaping @Sendable () throws -> Void) {
        Thread.detachNewThread { [self] in
            do {
                try body()
            } catch {
                failure.withLock { $0 = error }
            }
            isDone.store(true, ordering: .releasing)
        }
    }

    func join(_ complaint: String, seconds: Int64 = 60) throws {
        try poll(complaint, seconds: seconds) { isDone.load(ordering: .acquiring) }
        if let error = failure.withLock({ $0 }) { throw error }
    }
}

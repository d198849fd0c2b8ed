// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import Glibc
import Packets
import Persistence
import Synchronization

extension StoreConformance {
    private static let queueCount = 20
    private static let rounds = 200

    static let readerChecks: [Check] = [
        Check("Readers on other threads see whole batches only, while batches are committed") { trial in
            try trial.commit(.client(Sample.client(1)), .client(Sample.client(2)))
            try trial.commit(replacement(after: 0))
            let readers = Readers(trial.store, count: 4) { store in try look(store) }
            for round in 1...rounds {
                try trial.commit(replacement(after: MessageNumber(round * queueCount)))
            }
            try trial.expect(readers.stop(), [], "what the readers saw")
        },
        Check("Readers find every record that was committed before they asked") { trial in
            let committed = Committed()
            let readers = Readers(trial.store, count: 3) { store in
                let session = committed.last
                guard session > 0 else { return nil }
                let record = try store.client(Text("client-\(session)"))
                return record?.session == session ? nil : "client \(session) was committed and is not found"
            }
            for session in 1...UInt64(200) {
                try trial.commit(.client(Sample.client(session)), Sample.shared(session, [session]))
                committed.last = session
            }
            try trial.expect(readers.stop(), [], "what the readers saw")
        },
    ]

    /// A whole new queue for session 1, and for session 2 the same, in one batch with the removal of the old.
    private static func replacement(after number: MessageNumber) -> [Operation] {
        let count = MessageNumber(queueCount)
        let old = number < count ? [] : Array(number - count + 1...number)
        return (number + 1...number + count).map { Sample.shared($0, 1...2) }
            + old.flatMap { [.removal(1, $0), .removal(2, $0)] }
    }

    /// What is wrong with one look at the store; `nil` for nothing.
    private static func look(_ store: any Store) throws -> String? {
        let count = MessageNumber(queueCount)
        for session in [SessionNumber(1), 2] {
            let page = try store.deliveries(of: session, after: 0, limit: 100, bytesMax: .max)
            let numbers = page.deliveries.map(\.number)
            guard let first = numbers.first else { return "the queue is empty" }
            if first % count != 1 || numbers != Array(first..<first + count) {
                return "the queue is \(numbers)"
            }
        }
        let info = try store.sysInfo()
        let isWhole =
            info.deliveryCount == 2 * count && info.messageCount == count && info.message % count == 0
        return isWhole ? nil : "the counters are \(info)"
    }
}

/// The last session whose record has been committed.
private final class Committed: Sendable {
    private let value = Atomic<UInt64>(0)

    var last: SessionNumber {
        get { value.load(ordering: .acquiring) }
        set { value.store(newValue, ordering: .releasing) }
    }
}

/// Threads that look at a store over and over until they are stopped.
private final class Readers: Sendable {
    private let store: any Store
    private let look: @Sendable (any Store) throws -> String?
    private let isStopped = Atomic<Bool>(false)
    private let sights = Mutex<Set<String>>([])
    private let threads = Mutex<[pthread_t]>([])

    init(_ store: any Store, count: Int, _ look: @escaping @Sendable (any Store) throws -> String?) {
        self.store = store
        self.look = look
        for _ in 0..<count { start() }
    }

    /// Waits for all threads and gives back whatever they found wrong.
    func stop() -> [String] {
        isStopped.store(true, ordering: .releasing)
        for thread in threads.withLock({ $0 }) { pthread_join(thread, nil) }
        return sights.withLock { $0.sorted() }
    }

    private func start() {
        // Safe, because the unmanaged pointer carries one reference, taken here, which the thread gives back when
        // it ends; the object outlives the thread.
        let context = Unmanaged.passRetained(self).toOpaque()
        var thread = pthread_t()
        let status = pthread_create(
            &thread, nil,
            { context in
                if let context { Unmanaged<Readers>.fromOpaque(context).takeRetainedValue().run() }
                return nil
            }, context)
        precondition(status == 0, "a thread can be started")
        threads.withLock { [thread] threads in threads.append(thread) }
    }

    private func run() {
        while !isStopped.load(ordering: .acquiring) {
            do {
                if let sight = try look(store) { sights.withLock { _ = $0.insert(sight) } }
            } catch {
                sights.withLock { _ = $0.insert("\(error)") }
            }
        }
    }
}

// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

public import Logging
public import Persistence
public import ServiceLifecycle
import Synchronization

/// An MQTT broker that keeps what it has acknowledged.
///
/// Add a store and a listener, then `run`:
///
/// ```swift
/// let broker = Broker()
/// broker.add(SQLiteStore(path: "data/roost.db"))
/// broker.add(.tcp(port: 1883))
/// try await broker.run()
/// ```
///
/// A broker is a `Service`: in a `ServiceGroup` it ends gracefully on the group's signals. It runs once; to start
/// again, make another. All methods may be called on any thread.
public final class Broker: Service {
    struct Plan: Sendable {
        var store: (any Store)?
        var hooks: [any Hook] = []
        var listeners: [Listener] = []
    }

    enum Phase: Sendable {
        case planning(Plan)
        case starting
        case running(Machinery)
        case ended
    }

    let options: BrokerOptions
    let logger: Logger
    let phase = Mutex<Phase>(.planning(Plan()))
    let started = Latch<StartReport>()
    let ending = Latch<Void>()

    /// A broker that serves nothing yet.
    public init(options: BrokerOptions = BrokerOptions(), logger: Logger = Logger(label: "roost")) {
        self.options = options
        self.logger = logger
    }

    /// Adds a hook; before `run`.
    ///
    /// A hook that is a whole `Store` is the broker's store; there is one. A hook that implements only some of the five `Stored*` protocols
    /// is read once, when the broker starts: what the store lacks is committed to it before any client connects.
    public func add(_ hook: any Hook) {
        plan { plan in
            if let store = hook as? any Store {
                precondition(plan.store == nil, "a broker has one store")
                plan.store = store
            } else {
                plan.hooks.append(hook)
            }
        }
    }

    /// Adds a listener; before `run`.
    public func add(_ listener: Listener) {
        plan { $0.listeners.append(listener) }
    }

    /// Returns when the broker accepts connections; throws what `run` throws if it ends before.
    public func startup() async throws -> StartReport {
        try await started.value()
    }

    /// Begins a graceful shutdown, as a signal does in a `ServiceGroup`; `run` returns when it is done.
    public func shutDown() {
        ending.set(.success(()))
    }

    /// What runs, if it runs.
    var machinery: Machinery? {
        phase.withLock { phase in
            guard case .running(let machinery) = phase else { return nil }
            return machinery
        }
    }

    private func plan(_ change: (inout Plan) -> Void) {
        phase.withLock { phase in
            guard case .planning(var plan) = phase else {
                preconditionFailure("hooks and listeners are added before the broker runs")
            }
            change(&plan)
            phase = .planning(plan)
        }
    }
}

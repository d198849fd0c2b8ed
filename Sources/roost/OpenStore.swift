// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import Persistence
import Server
import StoreTools
import Synchronization

/// A store that a command has opened, and the first record in it that could not be read.
final class OpenStore: Sendable {
    let store: any Store
    private let fault: Fault

    private final class Fault: Sendable {
        let sentence = Mutex<String?>(nil)
    }

    /// How it is opened.
    enum Use {
        /// Beside a running broker.
        case inspecting
        case reading, writing
    }

    /// `owner` is what others are told who want a prefix of Redis that this has; `nil` for host and process.
    init(_ text: String, _ use: Use, owner: String? = nil) throws {
        let address = try StoreAddress(parsing: text)
        let fault = Fault()
        self.fault = fault
        switch use {
        case .inspecting, .reading: try address.requireFile()
        case .writing:
            guard address.scheme != .memory else {
                throw ToolError("A memory store ends with this command: name another target.")
            }
            try address.makeParent()
        }
        // Longer than the lease of an owner that died, shorter than anybody's patience.
        store = try address.makeStore(.disk, standby: .seconds(5), owner: owner) { sentence in
            fault.sentence.withLock { first in first = first ?? sentence }
        }
        if case .inspecting = use, let store = store as? any ReadableStore {
            try store.openForReading()
        } else {
            try store.open()
        }
    }

    /// A sentence about the first record that could not be read.
    var firstFault: String? { fault.sentence.withLock { $0 } }

    /// Runs `body` and closes the store, whatever happens.
    func closing<Result>(_ body: (any Store) throws -> Result) throws -> Result {
        defer { store.close() }
        return try body(store)
    }

    /// See `ReadableStore`; `nil` also for a store that cannot tell.
    func recordedDurability() throws(StoreError) -> Durability? {
        try (store as? any ReadableStore)?.recordedDurability()
    }
}

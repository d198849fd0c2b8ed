// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

public import Persistence

/// What a broker has found and opened when it starts to serve.
public struct StartReport: Hashable, Sendable {
    /// Where clients may connect: a listener's name, and the address with the port that the system chose.
    public struct Endpoint: Hashable, Sendable {
        /// The listener's name.
        public var name: String
        /// The address as `HOST:PORT`.
        public var address: String
        /// The port.
        public var port: Int
    }

    /// In the order in which the listeners were added.
    public var endpoints: [Endpoint]
    /// The store's engine.
    public var store: String
    /// Where the data is.
    public var location: String
    /// What an acknowledgement really promises.
    public var durability: Durability
    /// Sessions restored.
    public var sessions: Int
    /// Subscriptions restored.
    public var subscriptions: Int
    /// Retained messages restored.
    public var retainedMessages: Int
    /// Messages queued for the restored sessions.
    public var queuedMessages: Int
    /// Records that other hooks had and the store lacked.
    public var importedRecords: Int
    /// How long opening and restoring took.
    public var restoreMilliseconds: Int
}

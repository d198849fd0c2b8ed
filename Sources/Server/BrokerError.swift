// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

/// Why a broker did not start, did not end well, or refused a publication.
///
/// `message` is one sentence for a person: what was wrong, where, and what to do.
public struct BrokerError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The kind of an error.
    public struct Code: Hashable, Sendable, CustomStringConvertible {
        enum Base: String, Hashable, Sendable {
            case noStore, invalidOption, invalidAddress, addressInUse, addressUnavailable, notLoopback, store
            case drainFailed, notRunning, publishRefused
        }

        let base: Base

        /// No `Store` was added to the broker.
        public static let noStore = Code(base: .noStore)
        /// An option has a value that cannot work.
        public static let invalidOption = Code(base: .invalidOption)
        /// An address cannot be read or resolved.
        public static let invalidAddress = Code(base: .invalidAddress)
        /// Another process listens on the port.
        public static let addressInUse = Code(base: .addressInUse)
        /// The machine has no such address, or the port needs a privilege.
        public static let addressUnavailable = Code(base: .addressUnavailable)
        /// Anonymous clients were not allowed on an address that other machines can reach.
        public static let notLoopback = Code(base: .notLoopback)
        /// The store could not be opened or read, or the broker cannot go on with it: another broker has it, or it is
        /// not what it was.
        public static let store = Code(base: .store)
        /// The broker has stopped before everything it had received was committed.
        public static let drainFailed = Code(base: .drainFailed)
        /// The broker has not started or has stopped.
        public static let notRunning = Code(base: .notRunning)
        /// A publication was not accepted; the message names the reason code.
        public static let publishRefused = Code(base: .publishRefused)

        /// The name of the code.
        public var description: String { base.rawValue }
    }

    /// What kind of error it is.
    public var code: Code
    /// One sentence: what was wrong, where, and what to do.
    public var message: String

    /// An error with its kind and its sentence.
    public init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    /// The sentence.
    public var description: String { message }
}

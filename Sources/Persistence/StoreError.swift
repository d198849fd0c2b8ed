// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

/// Why a store could not do what was asked, and what that means for the caller.
///
/// `code` decides what the broker does next; `message` is one sentence for a person that says what was wrong,
/// where, and what to do.
public struct StoreError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The consequence of an error.
    public struct Code: Hashable, Sendable, CustomStringConvertible {
        enum Base: String, Hashable, Sendable {
            case retry, reopen, refused, corrupt, newerFormat, inUse, unavailable
        }

        let base: Base

        /// The batch is known not to be applied, by this attempt or an earlier one under its number, and may
        /// succeed later: the disk is full, the server is away.
        public static let retry = Code(base: .retry)
        /// The outcome of the batch is unknown and the handle must not be used again: close, open, and repeat
        /// the batch unchanged under its number.
        public static let reopen = Code(base: .reopen)
        /// This engine can never take the batch as it is (a record beyond its size limit); nothing of it was
        /// applied.
        public static let refused = Code(base: .refused)
        /// What is stored cannot be read: the file, the record and the command that helps are in the message.
        public static let corrupt = Code(base: .corrupt)
        /// The store was written by a newer Roost; it was not touched.
        public static let newerFormat = Code(base: .newerFormat)
        /// Another process has the store open.
        public static let inUse = Code(base: .inUse)
        /// The store cannot be opened: missing directory, no permission, wrong address.
        public static let unavailable = Code(base: .unavailable)

        /// The name of the code.
        public var description: String { base.rawValue }
    }

    /// What follows from the error.
    public var code: Code
    /// One sentence: what was wrong, where, and what to do.
    public var message: String

    /// An error with its consequence and its sentence.
    public init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    /// The sentence.
    public var description: String { message }
}

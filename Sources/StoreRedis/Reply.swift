// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import CHiredis
import Persistence

/// An answer of Redis: a tree of values that lives as long as this object.
///
/// The pointer is the one hiredis gave; it is freed once, here, and values that point into the tree are used
/// only while somebody holds the reply.
struct Reply: ~Copyable {
    private let root: UnsafeMutablePointer<redisReply>

    init(_ root: UnsafeMutablePointer<redisReply>) {
        self.root = root
    }

    deinit {
        freeReplyObject(root)
    }

    /// Calls `body` with the whole tree.
    func read<Result, Failure: Error>(_ body: (Value) throws(Failure) -> Result) throws(Failure) -> Result {
        try body(Value(root))
    }

    /// A place in a reply; valid inside `read` only.
    struct Value {
        private let pointer: UnsafeMutablePointer<redisReply>

        fileprivate init(_ pointer: UnsafeMutablePointer<redisReply>) {
            self.pointer = pointer
        }

        /// The words of an error; `nil` when it is none.
        var error: String? { pointer.pointee.type == REDIS_REPLY_ERROR ? text : nil }

        /// Whether Redis had nothing to give.
        var isNil: Bool { pointer.pointee.type == REDIS_REPLY_NIL }

        /// The number of an integer reply; zero for others.
        var integer: Int64 {
            pointer.pointee.type == REDIS_REPLY_INTEGER ? Int64(pointer.pointee.integer) : 0
        }

        /// The bytes of a string or status; none for others.
        var bytes: UnsafeRawBufferPointer {
            UnsafeRawBufferPointer(start: pointer.pointee.str, count: Int(pointer.pointee.len))
        }

        /// The string as text.
        var text: String { String(decoding: bytes, as: UTF8.self) }

        /// The digits of a string as a number; `nil` for anything else.
        var number: UInt64? { UInt64(text) }

        /// How many elements an array has; zero for others.
        var count: Int { Int(pointer.pointee.elements) }

        /// The elements of an array.
        var elements: [Value] { (0..<count).map { self[$0] } }

        /// An element of an array; the index is below `count`.
        subscript(index: Int) -> Value {
            guard index < count, let element = pointer.pointee.element[index] else {
                preconditionFailure("an element of a reply is asked for that it does not have")
            }
            return Value(element)
        }
    }
}

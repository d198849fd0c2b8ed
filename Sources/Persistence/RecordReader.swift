// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import Packets

/// Reads the fields of a record one after another and never beyond its end.
struct RecordReader {
    // The pointer is that of the caller, who owns the bytes for the whole call that decodes them; a reader
    // is made, used and forgotten within it.
    private let bytes: UnsafeRawBufferPointer
    private var offset: Int
    private let name: String

    init(_ bytes: UnsafeRawBufferPointer, from offset: Int, name: String) {
        self.bytes = bytes
        self.offset = offset
        self.name = name
    }

    /// How many bytes have not been read.
    var remaining: Int { bytes.count - offset }

    mutating func integer<Integer: FixedWidthInteger & BitwiseCopyable>(
        _ type: Integer.Type = Integer.self
    ) throws(StoreError) -> Integer {
        let field = try take(MemoryLayout<Integer>.size)
        return Integer(littleEndian: field.loadUnaligned(as: Integer.self))
    }

    mutating func array(_ count: Int) throws(StoreError) -> [UInt8] {
        Array(try take(count))
    }

    mutating func text(_ count: Int) throws(StoreError) -> Text {
        Text(bytes: try array(count))
    }

    /// A text behind its length.
    mutating func text() throws(StoreError) -> Text {
        try text(Int(integer(UInt16.self)))
    }

    /// Bytes behind their length.
    mutating func string() throws(StoreError) -> [UInt8] {
        try array(Int(integer(UInt32.self)))
    }

    /// A byte that stands for a case.
    mutating func value<Value: RawRepresentable<UInt8>>(
        _ type: Value.Type = Value.self
    ) throws(StoreError) -> Value {
        try known(Value(rawValue: integer(UInt8.self)))
    }

    /// The value, or the error for a field that has none.
    func known<Value>(_ value: Value?) throws(StoreError) -> Value {
        guard let value else { throw StoreError(.corrupt, "A \(name) record holds an unknown value.") }
        return value
    }

    /// Nothing may be left when all fields are read.
    func finish() throws(StoreError) {
        guard remaining == 0 else {
            throw StoreError(.corrupt, "A \(name) record has \(remaining) bytes too many.")
        }
    }

    private mutating func take(_ count: Int) throws(StoreError) -> UnsafeRawBufferPointer {
        guard count <= remaining else { throw StoreError(.corrupt, "A \(name) record ends too early.") }
        defer { offset += count }
        return UnsafeRawBufferPointer(rebasing: bytes[offset..<offset + count])
    }
}

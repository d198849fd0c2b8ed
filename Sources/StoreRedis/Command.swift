// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

/// Commands in the protocol of Redis, in one buffer that is used again and again.
///
/// A command is an array of byte strings, each behind its length; the count of them comes first and is only
/// known last, so it is written right before the strings, into room that was left for it.
struct Command {
    private(set) var bytes: [UInt8] = []
    /// Arguments of the command that is being written.
    private(set) var count = 0
    private var start = 0

    /// Room for `*`, a number of up to 13 digits, and the end of the line.
    private static let headBytesMax = 16
    /// Beyond this, memory is given back when the buffer is emptied.
    private static let idleBytesMax = 8 << 20

    init() {}

    /// One command of these arguments.
    init(_ arguments: [String]) {
        begin()
        for argument in arguments { append(argument) }
        end()
    }

    /// Forgets everything.
    mutating func removeAll() {
        bytes.removeAll(keepingCapacity: bytes.capacity <= Self.idleBytesMax)
    }

    /// Begins the next command of a pipeline.
    mutating func begin() {
        start = bytes.count
        count = 0
        bytes.append(contentsOf: repeatElement(0, count: Self.headBytesMax))
    }

    /// Writes the head of the command; what is left of the room for it is taken out.
    mutating func end() {
        var head = [UInt8(ascii: "*")]
        head.append(decimal: UInt64(count))
        head.append(contentsOf: [13, 10])
        let unused = Self.headBytesMax - head.count
        bytes.replaceSubrange(start + unused..<start + Self.headBytesMax, with: head)
        if start == 0 {
            skipped = unused
        } else {
            bytes.removeSubrange(start..<start + unused)
        }
    }

    /// Bytes at the front of the buffer that are not part of it: moving all that follows would cost more.
    private(set) var skipped = 0

    /// Appends an argument.
    mutating func append(_ argument: UnsafeRawBufferPointer) {
        open(argument.count)
        bytes.append(contentsOf: argument)
        close()
    }

    mutating func append(_ argument: [UInt8]) {
        open(argument.count)
        bytes.append(contentsOf: argument)
        close()
    }

    mutating func append(_ argument: String) {
        open(argument.utf8.count)
        bytes.append(contentsOf: argument.utf8)
        close()
    }

    /// Appends a number in digits.
    mutating func append(_ number: UInt64) {
        open(number.digits)
        bytes.append(decimal: number)
        close()
    }

    /// Appends an argument of two pieces.
    mutating func append(_ first: UnsafeRawBufferPointer, after head: [UInt8]) {
        open(head.count + first.count)
        bytes.append(contentsOf: head)
        bytes.append(contentsOf: first)
        close()
    }

    /// Begins an argument of `count` bytes that are appended by `piece`, and ended by `close`.
    mutating func open(_ count: Int) {
        self.count += 1
        bytes.append(UInt8(ascii: "$"))
        bytes.append(decimal: UInt64(count))
        bytes.append(13)
        bytes.append(10)
    }

    mutating func piece(_ part: UnsafeRawBufferPointer) {
        bytes.append(contentsOf: part)
    }

    mutating func piece(bigEndian number: some FixedWidthInteger) {
        bytes.append(bigEndian: number)
    }

    mutating func piece(byte: UInt8) {
        bytes.append(byte)
    }

    mutating func close() {
        bytes.append(13)
        bytes.append(10)
    }
}

extension UInt64 {
    /// How many decimal digits the number has.
    var digits: Int {
        var digits = 1
        var rest = self
        while rest >= 10 {
            rest /= 10
            digits += 1
        }
        return digits
    }

    /// Twenty digits, so that numbers are in order when their texts are.
    var padded: String {
        let text = String(self)
        return String(repeating: "0", count: 20 - text.utf8.count) + text
    }

    /// Eight bytes, the high one first, so that numbers are in order when their bytes are.
    var key: [UInt8] { withUnsafeBytes(of: bigEndian) { Array($0) } }

    /// The number of eight such bytes; `nil` for anything else.
    init?(key: some Collection<UInt8>) {
        guard key.count == 8 else { return nil }
        self = key.reduce(0) { $0 << 8 | UInt64($1) }
    }
}

extension [UInt8] {
    /// Appends the digits of a number.
    mutating func append(decimal number: UInt64) {
        if number < 10 {
            append(UInt8(ascii: "0") + UInt8(truncatingIfNeeded: number))
            return
        }
        let start = count
        var rest = number
        while rest > 0 {
            append(UInt8(ascii: "0") + UInt8(truncatingIfNeeded: rest % 10))
            rest /= 10
        }
        self[start...].reverse()
    }

    /// Appends the bytes of a number, the high one first.
    mutating func append(bigEndian number: some FixedWidthInteger) {
        Swift.withUnsafeBytes(of: number.bigEndian) { append(contentsOf: $0) }
    }
}

// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

/// Numbers and byte strings in a row.
struct FrameBytes {
    private(set) var bytes: [UInt8] = []
    private var position = 0

    init(_ bytes: [UInt8] = []) {
        self.bytes = bytes
    }

    var isAtEnd: Bool { position >= bytes.count }

    mutating func append(_ number: UInt64) {
        for shift in stride(from: 0, to: 64, by: 8) {
            bytes.append(UInt8(truncatingIfNeeded: number >> shift))
        }
    }

    /// One change.
    mutating func append(_ tag: UInt64, _ first: UInt64, _ second: UInt64 = 0, _ rest: [UInt8] = []) {
        append(tag)
        append(first)
        append(second)
        append(UInt64(rest.count))
        bytes += rest
    }

    /// The checksum of a frame has told that what is asked for is there.
    mutating func next() -> UInt64 {
        defer { position += 8 }
        return bytes[position..<position + 8].reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }

    mutating func nextBytes() -> [UInt8] {
        let count = Int(next())
        defer { position += count }
        return Array(bytes[position..<position + count])
    }
}

// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import Glibc
import Packets
import Persistence
import Testing

@testable import StoreLMDB

/// LMDB believes what its pages say, and a damaged number may end the process. So each of these would end this one.
struct PageWalkTests {
    private static let pageSize = 4_096

    /// Trees with branches, values with pages of their own, and free pages.
    private func filled() throws -> Lab {
        let lab = try Lab()
        try lab.fill()
        try lab.with { store in
            for start in stride(from: MessageNumber(10), to: 1_010, by: 100) {
                try lab.commit(store) { batch in
                    for number in start..<start + 100 {
                        batch.add(number: number, to: [1 + number % 3], payload: 300)
                    }
                    batch.add(number: start + 10_000, to: [1, 2], payload: 9_000)
                }
            }
            try lab.drain(store, through: 300)
        }
        return lab
    }

    private func number<Number: FixedWidthInteger & BitwiseCopyable>(
        _ bytes: [UInt8], _ page: Int, _ offset: Int, _ type: Number.Type
    ) -> Number {
        bytes.number(at: page * Self.pageSize + offset, type)
    }

    /// Faults with these bytes at a place of the file, or the error with which it is refused; `whole` is there again
    /// afterwards.
    private func faults(
        _ lab: Lab, _ whole: [UInt8], _ start: Int, _ bytes: [UInt8]
    ) throws -> [String] {
        let descriptor = open(lab.file, O_RDWR)
        defer { close(descriptor) }
        #expect(pwrite(descriptor, bytes, bytes.count, off_t(start)) == bytes.count)
        defer { pwrite(descriptor, Array(whole[start..<start + bytes.count]), bytes.count, off_t(start)) }
        let store = lab.store()
        do throws(StoreError) {
            try store.openForReading()
        } catch {
            #expect(error.code == .corrupt)
            return [error.message]
        }
        defer { store.close() }
        return try store.verify()
    }

    @Test func `A sound file has no faults, whatever is in it`() throws {
        let lab = try filled()
        #expect(try faults(lab, lab.bytes(), 0, []) == [])
    }

    @Test(arguments: [0, 7, 10, 11, 12, 13, 14, 15, 17])
    func `A damaged head of any page of a tree is found before LMDB sees it`(offset: Int) throws {
        let lab = try filled()
        let whole = lab.bytes()
        var found = 0
        for page in 2..<whole.count / Self.pageSize {
            let kind = number(whole, page, 10, UInt16.self)
            guard number(whole, page, 0, UInt64.self) == page, kind == 1 || kind == 2 else { continue }
            let start = page * Self.pageSize + offset
            if try !faults(lab, whole, start, [whole[start] ^ 0x41]).isEmpty { found += 1 }
        }
        // Pages that are free keep what they were, and nobody minds.
        #expect(found > 40, "\(found)")
    }

    @Test func `A branch that leads astray, or twice to one page, is found`() throws {
        let lab = try filled()
        let whole = lab.bytes()
        let branches = (2..<whole.count / Self.pageSize).filter { number(whole, $0, 10, UInt16.self) == 1 }
        #expect(!branches.isEmpty)
        var found = 0
        for page in branches {
            let node = Int(number(whole, page, 16, UInt16.self))
            let other = Int(number(whole, page, 18, UInt16.self))
            for target: [UInt8] in [
                [0xff, 0xff, 0xff, 0x7f], [0, 0, 0, 0],
                Array(whole[(page * Self.pageSize + other)...].prefix(4)),
                withUnsafeBytes(of: UInt32(page).littleEndian) { Array($0) },
            ] {
                let start = page * Self.pageSize + node
                if try !faults(lab, whole, start, target).isEmpty { found += 1 }
            }
        }
        #expect(found >= 4)
    }

    @Test func `Pages of a long value are counted`() throws {
        let lab = try filled()
        let whole = lab.bytes()
        let heads = (2..<whole.count / Self.pageSize).filter {
            number(whole, $0, 10, UInt16.self) == 4 && number(whole, $0, 0, UInt64.self) == $0
        }
        #expect(!heads.isEmpty)
        var found = 0
        for page in heads {
            for offset in [0, 10, 12, 15] {
                let start = page * Self.pageSize + offset
                if try !faults(lab, whole, start, [whole[start] ^ 0x13]).isEmpty { found += 1 }
            }
        }
        #expect(found > 4)
    }
}

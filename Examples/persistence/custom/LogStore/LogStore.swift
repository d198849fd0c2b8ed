// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import Glibc
public import Persistence
import Synchronization

/// A store in one file that is only appended to, written against the public protocols alone.
///
/// A batch is one frame: its length, a checksum, and its changes. `commit` appends the frame, syncs it, and then applies
/// it to dictionaries in memory, from which the pages are read; `open` reads the file and applies every whole frame
/// again. A frame that a crash has cut off is at the end and was never acknowledged, so it is cut away.
///
/// It shows the contract, not how to be fast: the file only grows, and all contents are in memory. Two things the
/// contract asks for it leaves out: `open` takes the longer the more is stored, and a frame that was damaged, rather than
/// cut off, is taken for the end as well.
public final class LogStore: Store {
    private struct Log {
        var descriptor: Int32
        var length: Int
    }

    private struct State {
        var log: Log?
        var contents = Contents()
    }

    /// The path of the file.
    public let location: String
    private let state = Mutex(State())

    /// A store in the file `path`, which `open` makes when there is none.
    public init(path: String) {
        location = path
    }

    /// Always `log`.
    public var name: String { "log" }
    /// Always `disk`: a commit is synced.
    public var durability: Durability { .disk }

    /// Locks the file and applies every whole frame in it.
    public func open() throws(StoreError) {
        try state.withLock { (state) throws(StoreError) in
            precondition(state.log == nil, "a store is closed before it is opened again")
            let descriptor = Glibc.open(location, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
            guard descriptor >= 0 else { throw StoreError(.unavailable, failure("cannot be opened")) }
            do throws(StoreError) {
                guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
                    throw StoreError(.inUse, "\(location) is in use by another broker.")
                }
                state.contents = Contents()
                let length = try replay(descriptor, into: &state.contents)
                guard ftruncate(descriptor, length) == 0, fsync(descriptor) == 0 else {
                    throw StoreError(.unavailable, failure("cannot be written"))
                }
                state.log = Log(descriptor: descriptor, length: length)
            } catch {
                Glibc.close(descriptor)
                throw error
            }
        }
    }

    /// One frame; synced before it returns.
    public func commit(_ batch: borrowing ChangeBatch) throws(StoreError) {
        try state.withLock { (state) throws(StoreError) in
            guard let log = state.log else { throw StoreError(.unavailable, "\(location) is not open.") }
            guard batch.number > state.contents.info.batch else { return }
            let frame = Frame.encode(batch)
            // Before anything is written: what cannot be read back is not taken.
            let decoded = try Frame(decoding: frame)
            try append(Frame.sealed(frame), to: log)
            state.log?.length += frame.count + Frame.headBytes
            state.contents.apply(decoded)
        }
    }

    /// Closes the file and gives up its lock.
    public func close() {
        state.withLock { state in
            if let log = state.log { Glibc.close(log.descriptor) }
            state.log = nil
        }
    }

    /// One sentence for each fault.
    public func verify() throws(StoreError) -> [String] {
        try read { contents in contents.faults() }
    }

    /// Lends the contents as of the last whole batch.
    func read<Result: Sendable>(_ body: (Contents) -> Result) throws(StoreError) -> Result {
        try state.withLock { (state) throws(StoreError) in
            guard state.log != nil else { throw StoreError(.unavailable, "\(location) is not open.") }
            return body(state.contents)
        }
    }

    /// All of it, synced; or nothing, and `retry`; or, when that is not certain, `reopen`.
    private func append(_ bytes: [UInt8], to log: Log) throws(StoreError) {
        var written = 0
        while written < bytes.count {
            let count = bytes[written...].withUnsafeBytes { bytes in
                pwrite(log.descriptor, bytes.baseAddress, bytes.count, log.length + written)
            }
            guard count > 0 else {
                let error = StoreError(.retry, failure("cannot be written"))
                guard ftruncate(log.descriptor, log.length) == 0 else {
                    throw StoreError(.reopen, error.message)
                }
                throw error
            }
            written += count
        }
        // Nobody knows what a failed sync has left on the disk.
        guard fdatasync(log.descriptor) == 0 else { throw StoreError(.reopen, failure("cannot be synced")) }
    }

    /// Applies the whole frames of the file; the length up to the end of the last.
    private func replay(_ descriptor: Int32, into contents: inout Contents) throws(StoreError) -> Int {
        var position = 0
        while let frame = Frame.read(descriptor, at: position) {
            contents.apply(try Frame(decoding: frame))
            position += frame.count + Frame.headBytes
        }
        return position
    }

    private func failure(_ what: String) -> String {
        "\(location) \(what) (\(String(cString: strerror(errno))))."
    }
}

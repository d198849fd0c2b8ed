// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import Glibc
import Persistence

/// The lock file beside a database: one Roost at a time.
///
/// The lock is `flock`'s, so it ends with the process however that ends; the file stays. It is not the
/// database itself, whose locks belong to SQLite and its readers.
struct FileLock: ~Copyable {
    private let descriptor: Int32

    /// Takes the lock or throws `inUse`; `unavailable` when the file cannot be made.
    init(_ database: String) throws(StoreError) {
        let path = database + ".lock"
        descriptor = Glibc.open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else {
            throw StoreError(
                .unavailable,
                "\(path) cannot be made (\(String(cString: strerror(errno)))): check that the directory "
                    + "exists and can be written.")
        }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            throw StoreError(
                .inUse, "The database \(database) is in use by another Roost, which holds \(path).")
        }
    }

    deinit {
        guard descriptor >= 0 else { return }
        // A process that is just being started may hold a copy of the descriptor for a moment.
        flock(descriptor, LOCK_UN)
        Glibc.close(descriptor)
    }
}

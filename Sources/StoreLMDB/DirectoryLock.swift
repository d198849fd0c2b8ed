// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import Glibc
import Persistence

/// The lock file in the directory: one Roost at a time.
///
/// The lock is `flock`'s, so it ends with the process however that ends; the file stays. LMDB's own lock file
/// admits several processes, and opening an environment twice in one process would silently drop its locks, so
/// this one comes first.
struct DirectoryLock: ~Copyable {
    private let descriptor: Int32

    /// Takes the lock or throws `inUse`; `unavailable` when the file cannot be made.
    init(_ directory: String) throws(StoreError) {
        let path = directory + "/roost.lock"
        descriptor = Glibc.open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else {
            throw StoreError(
                .unavailable,
                "\(path) cannot be made (\(String(cString: strerror(errno)))): check that the directory can be written."
            )
        }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            throw StoreError(
                .inUse, "The database \(directory) is in use by another Roost, which holds \(path).")
        }
    }

    /// Shares the lock with other readers, or throws `inUse`. Without a file there is nobody to keep out.
    init?(sharing directory: String) throws(StoreError) {
        let path = directory + "/roost.lock"
        descriptor = Glibc.open(path, O_RDONLY | O_CLOEXEC)
        if descriptor < 0, errno == ENOENT { return nil }
        guard descriptor >= 0, flock(descriptor, LOCK_SH | LOCK_NB) == 0 else {
            throw StoreError(
                .inUse,
                "\(directory) may be in use by another Roost, and LMDB's lock file in it cannot be written: read it "
                    + "as the user who serves it.")
        }
    }

    deinit {
        guard descriptor >= 0 else { return }
        // A process that is just being started may hold a copy of the descriptor for a moment.
        flock(descriptor, LOCK_UN)
        Glibc.close(descriptor)
    }

    /// Makes the directory if its parent is there; throws when there is something else in its place.
    static func makeDirectory(_ path: String) throws(StoreError) {
        if mkdir(path, 0o700) == 0 {
            syncDirectory(path + "/..")
            return
        }
        guard errno == EEXIST else {
            throw StoreError(
                .unavailable, "The directory \(path) cannot be made (\(String(cString: strerror(errno)))).")
        }
        var status = stat()
        guard stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFDIR else {
            throw StoreError(
                .unavailable, "\(path) is not a directory: LMDB keeps its files in one; name another.")
        }
    }

    /// The name of a new file is durable when its directory is.
    static func syncDirectory(_ path: String) {
        let descriptor = Glibc.open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { return }
        fsync(descriptor)
        Glibc.close(descriptor)
    }
}

// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import Glibc
import Persistence

/// What `data.mdb` has to be before anything is done to its directory.
///
/// The lock files lie in the directory, so they are seen by everybody who comes through it, whatever links lead there.
/// A data file that is itself a link, or has a second name, can be reached through two directories, and the two brokers
/// that do would not see each other: it is refused.
enum DataFile {
    /// Throws when there is something else than a file of one name; passes when there is nothing.
    static func check(_ directory: String) throws(StoreError) {
        let path = directory + "/data.mdb"
        var status = stat()
        guard lstat(path, &status) == 0 else { return }
        guard status.st_mode & S_IFMT != S_IFLNK else {
            throw StoreError(
                .unavailable,
                "\(path) is a symbolic link, and who uses the file elsewhere could not be seen: name the directory that "
                    + "it is in.")
        }
        guard status.st_mode & S_IFMT == S_IFREG else {
            throw StoreError(.unavailable, "\(path) is not a file: name another directory.")
        }
        guard status.st_nlink == 1 else {
            throw StoreError(
                .unavailable,
                "\(path) has \(status.st_nlink) names (hard links), and who uses it under another one could not be "
                    + "seen: remove the others, or use a copy.")
        }
    }
}

// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import Glibc
import Persistence

/// Where a database really is.
///
/// SQLite follows symbolic links and keeps the log beside the file they lead to. Lock and reserve have to lie there
/// too: two brokers that were given two paths to one file would otherwise not see each other and write over what the
/// other has acknowledged. So everything is done under the one path without links that this gives. Hard links cannot
/// be followed, and each name would have a log of its own: a file with a second name is refused.
enum DatabaseFile {
    private static let linksMax = 40

    /// The path, without links, of the file that `name` leads to or will lead to. Makes nothing. Throws when that is no
    /// file, or has more than one name.
    static func path(of name: String) throws(StoreError) -> String {
        guard name != ":memory:" else {
            throw StoreError(.unavailable, ":memory: is not a file, and what is kept there would be lost.")
        }
        var path = name
        for _ in 0..<linksMax {
            var status = stat()
            if stat(path, &status) == 0 {
                try require(name, status)
                return try realPath(path, of: name)
            }
            guard errno == ENOENT else { throw unreachable(name, errno) }
            // Nothing is there; where a link leads to nothing, the file will be made at its end.
            guard let next = target(of: path) else { return try newPath(path, of: name) }
            path = next
        }
        throw unreachable(name, ELOOP)
    }

    /// Makes an empty file that only its owner may read, unless one is there; SQLite gives its log the same permissions.
    /// What goes wrong SQLite will say when it opens the file.
    static func make(_ path: String) {
        let descriptor = Glibc.open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        if descriptor >= 0 { Glibc.close(descriptor) }
    }

    private static func require(_ name: String, _ status: stat) throws(StoreError) {
        guard status.st_mode & S_IFMT == S_IFREG else {
            throw StoreError(
                .unavailable, "\(name) is not a file: name a file that holds a database, or a new one.")
        }
        guard status.st_nlink == 1 else {
            throw StoreError(
                .unavailable,
                "\(name) has \(status.st_nlink) names (hard links), and who uses it under another one could not be "
                    + "seen: remove the others, or use a copy.")
        }
    }

    /// The directory has to be there, the file is not.
    private static func newPath(_ path: String, of name: String) throws(StoreError) -> String {
        let parts = split(path)
        guard !["", ".", ".."].contains(parts.name) else {
            throw StoreError(.unavailable, "\(name) is not a file: name one in a directory that exists.")
        }
        let directory = try realPath(parts.directory, of: name)
        return directory == "/" ? "/\(parts.name)" : "\(directory)/\(parts.name)"
    }

    private static func realPath(_ path: String, of name: String) throws(StoreError) -> String {
        guard let resolved = realpath(path, nil) else { throw unreachable(name, errno) }
        defer { free(resolved) }
        guard let text = String(validatingCString: resolved) else {
            throw StoreError(.unavailable, "The real path of \(name) is not UTF-8: name another place.")
        }
        return text
    }

    /// Where a symbolic link leads; `nil` when there is none.
    private static func target(of path: String) -> String? {
        var bytes = [CChar](repeating: 0, count: Int(PATH_MAX))
        let count = readlink(path, &bytes, bytes.count)
        guard count > 0 else { return nil }
        let target = String(decoding: bytes[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self)
        return target.hasPrefix("/") ? target : split(path).directory + "/" + target
    }

    private static func split(_ path: String) -> (directory: String, name: String) {
        guard let slash = path.lastIndex(of: "/") else { return (".", path) }
        let directory = slash == path.startIndex ? "/" : String(path[..<slash])
        return (directory, String(path[path.index(after: slash)...]))
    }

    private static func unreachable(_ name: String, _ number: Int32) -> StoreError {
        StoreError(
            .unavailable,
            "\(name) cannot be opened (\(String(cString: strerror(number)))): check that its directory exists and can "
                + "be used.")
    }
}

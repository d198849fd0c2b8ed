// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import Glibc

/// Directories that tests leave nothing in.
enum Directory {
    struct Failure: Error {
        var errorNumber: Int32
    }

    /// A new one; its path.
    static func make() throws -> String {
        var template = Array("/tmp/roost-store-XXXXXX".utf8CString)
        guard let path = mkdtemp(&template) else { throw Failure(errorNumber: errno) }
        return String(cString: path)
    }

    /// Removes a directory and the files in it.
    static func remove(_ path: String) {
        guard let directory = opendir(path) else { return }
        while let entry = readdir(directory) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name != "." && name != ".." { unlink(path + "/" + name) }
        }
        closedir(directory)
        rmdir(path)
    }

    static func remove(parentOf path: String) {
        guard let slash = path.lastIndex(of: "/") else { return }
        remove(String(path[..<slash]))
    }
}

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
        do {
            for name in try names(path) { unlink(path + "/" + name) }
        } catch {
            return
        }
        rmdir(path)
    }

    /// What is in a directory, sorted.
    static func names(_ path: String) throws -> [String] {
        guard let directory = opendir(path) else { throw Failure(errorNumber: errno) }
        defer { closedir(directory) }
        var names: [String] = []
        while let entry = readdir(directory) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name != "." && name != ".." { names.append(name) }
        }
        return names.sorted()
    }

    static func remove(parentOf path: String) {
        guard let slash = path.lastIndex(of: "/") else { return }
        remove(String(path[..<slash]))
    }
}

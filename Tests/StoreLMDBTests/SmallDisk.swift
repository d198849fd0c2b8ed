// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import Glibc

/// A small disk in memory, mounted for as long as the object lives.
final class SmallDisk {
    struct NotMounted: Error {}

    let directory: String

    /// Only root can mount; the tests that need it are skipped otherwise, and say so.
    static let canMount: Bool = {
        do {
            _ = try SmallDisk(megabytes: 1)
            return true
        } catch {
            return false
        }
    }()

    init(megabytes: Int, isReadOnly: Bool = false) throws {
        let directory = try Directory.make()
        let flags = isReadOnly ? UInt(MS_RDONLY) : 0
        guard mount("tmpfs", directory, "tmpfs", flags, "size=\(megabytes)m") == 0 else {
            rmdir(directory)
            throw NotMounted()
        }
        self.directory = directory
    }

    deinit {
        umount2(directory, Int32(MNT_DETACH))
        rmdir(directory)
    }

    /// Takes all the room that is left.
    func fill() {
        let descriptor = open(directory + "/ballast", O_WRONLY | O_CREAT, 0o600)
        defer { close(descriptor) }
        let bytes = [UInt8](repeating: 1, count: 4_096)
        while write(descriptor, bytes, bytes.count) > 0 {}
    }

    /// Gives it back.
    func free() {
        unlink(directory + "/ballast")
    }
}

// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import Glibc
import StoreTools

/// What a command has found, on standard output: a command that cannot say it has not done what was asked.
enum Output {
    /// Writes lines, or throws a sentence. Whoever has closed the pipe has read enough: that is no error.
    static func write(_ text: String) throws(ToolError) {
        let number = Descriptor.write(STDOUT_FILENO, text + "\n")
        guard number != 0, number != EPIPE else { return }
        throw ToolError("Standard output cannot be written (\(String(cString: strerror(number)))).")
    }
}

/// Writing to what the process was started with.
enum Descriptor {
    /// Writes everything; the number of the error, or zero.
    static func write(_ descriptor: CInt, _ text: String) -> CInt {
        let bytes = Array(text.utf8)
        var written = 0
        while written < bytes.count {
            let count = bytes[written...].withUnsafeBytes {
                Glibc.write(descriptor, $0.baseAddress, $0.count)
            }
            if count >= 0 {
                written += count
            } else if errno != EINTR {
                return errno
            }
        }
        return 0
    }

    /// Takes the numbers of standard input, output and error where the process was started without them, so that no file
    /// of a store gets one; writing to them fails, as it should.
    static func reserveStandard() {
        while true {
            let descriptor = open("/dev/null", O_RDONLY)
            guard descriptor > STDERR_FILENO || descriptor < 0 else { continue }
            if descriptor >= 0 { close(descriptor) }
            return
        }
    }
}

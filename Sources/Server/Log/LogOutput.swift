// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import Glibc

/// Where log lines go: standard error, each in one write, so that lines of several threads never mix.
package struct LogOutput: Sendable {
    private let put: @Sendable (String) -> Void

    package init(_ put: @escaping @Sendable (String) -> Void) {
        self.put = put
    }

    /// Standard error; a line that cannot be written is lost, because there is nowhere left to say so.
    package static let standardError = LogOutput { line in
        var line = line
        line.withUTF8 { bytes in _ = Glibc.write(STDERR_FILENO, bytes.baseAddress, bytes.count) }
    }

    func write(_ line: String) {
        put(line + "\n")
    }
}

// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import Glibc
import Persistence
import Server
import StoreTools

/// How a command ends that could not do what was asked.
enum Failure {
    /// Runs a command; what it throws is one sentence on standard error and exit code 1.
    static func explained(_ command: () async throws -> Void) async throws {
        do {
            try await command()
        } catch let error as BrokerError {
            end(error.message)
        } catch let error as StoreError {
            end(error.message)
        } catch let error as ToolError {
            end(error.sentence)
        }
    }

    private static func end(_ sentence: String) -> Never {
        var line = "roost: \(sentence)\n"
        line.withUTF8 { bytes in _ = write(STDERR_FILENO, bytes.baseAddress, bytes.count) }
        Glibc.exit(1)
    }
}

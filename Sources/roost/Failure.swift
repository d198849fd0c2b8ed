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
        // Where even that cannot be said, the exit code is left.
        _ = Descriptor.write(STDERR_FILENO, "roost: \(OneLine.text(sentence))\n")
        Glibc.exit(1)
    }
}

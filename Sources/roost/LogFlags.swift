// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import ArgumentParser
import Logging
import Server

/// What is logged and how.
struct LogFlags: ParsableArguments {
    /// `Logger.Level` as the command line spells it.
    enum Level: String, ExpressibleByArgument, CaseIterable {
        case trace, debug, info, notice, warning, error, critical
    }

    enum Format: String, ExpressibleByArgument, CaseIterable {
        case text, json
    }

    @Option(help: "The least important lines to log.")
    var logLevel = Level.info

    @Option(help: "Lines for people or for programs.")
    var logFormat = Format.text

    func logger() -> Logger {
        let level = Logger.Level(rawValue: logLevel.rawValue) ?? .info
        return Logger(label: "roost") { label in
            switch logFormat {
            case .text: TextLogHandler(level: level)
            case .json: JSONLogHandler(label: label, level: level)
            }
        }
    }
}

// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

package import Logging

/// Log lines for people: time, level, sentence, then `key=value` in the order of the keys.
///
/// Control characters in the sentence or a value are escaped: a client chooses some of these texts, and a line
/// must stay one line.
package struct TextLogHandler: LogHandler {
    package var metadata: Logger.Metadata = [:]
    package var logLevel: Logger.Level
    private let output: LogOutput

    package init(level: Logger.Level, output: LogOutput = .standardError) {
        logLevel = level
        self.output = output
    }

    package subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    package func log(event: LogEvent) {
        var line = "\(LogTime.now()) \(event.level.rawValue) "
        TextLogHandler.append(escaping: event.message.description, quotesSpaces: false, to: &line)
        let all = metadata.merging(event.metadata ?? [:]) { _, new in new }
        for (key, value) in all.sorted(by: { $0.key < $1.key }) {
            line += " \(key)="
            TextLogHandler.append(escaping: value.description, quotesSpaces: true, to: &line)
        }
        output.write(line)
    }

    private static func append(escaping text: String, quotesSpaces: Bool, to line: inout String) {
        let isQuoted = quotesSpaces && (text.isEmpty || text.contains { $0 == " " || $0 == "\"" })
        if isQuoted { line += "\"" }
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"" where isQuoted: line += "\\\""
            case "\\" where isQuoted: line += "\\\\"
            case _
            where scalar.properties.generalCategory == .control || scalar == "\u{2028}"
                || scalar == "\u{2029}":
                line += "\\u{\(String(scalar.value, radix: 16))}"
            default: line.unicodeScalars.append(scalar)
            }
        }
        if isQuoted { line += "\"" }
    }
}

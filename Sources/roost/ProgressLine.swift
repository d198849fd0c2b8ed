// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import Glibc

/// How much is done, how fast, and how long it will take: one line on a terminal that is written over again, or an
/// object of JSON now and then.
final class ProgressLine {
    /// Where it is shown.
    enum Form {
        /// On standard error, five times a second, and only if that is a terminal.
        case terminal
        /// On standard output, once a second.
        case json

        fileprivate var interval: Duration { self == .json ? .seconds(1) : .milliseconds(200) }
    }

    private let form: Form
    private let isShown: Bool
    private let clock = ContinuousClock()
    private let start: ContinuousClock.Instant
    private var shown: ContinuousClock.Instant
    private var count = 0

    /// Time counts from now.
    init(_ form: Form) {
        self.form = form
        isShown = form == .json || isatty(STDERR_FILENO) == 1
        start = clock.now
        shown = start
    }

    /// Seconds since the beginning.
    var seconds: Double { (clock.now - start) / .seconds(1) }

    /// Cheap enough to be called for each record: it looks at the clock only now and then.
    func show(_ done: Int, of total: Int) {
        count += 1
        guard isShown, count % 16 == 0, clock.now - shown > form.interval else { return }
        shown = clock.now
        let rate = Double(done) / max(seconds, 0.001)
        let left = Int(Double(total - done) / max(rate, 1))
        switch form {
        case .terminal: write(STDERR_FILENO, Self.bar(done, total, rate, left))
        case .json: write(STDOUT_FILENO, "\(Self.object(done, total, rate, left))\n")
        }
    }

    /// Leaves an empty line on a terminal.
    func end() {
        if isShown, form == .terminal { write(STDERR_FILENO, "\r\u{1b}[K") }
    }

    private static func bar(_ done: Int, _ total: Int, _ rate: Double, _ left: Int) -> String {
        let percent = total == 0 ? 100 : done * 100 / total
        let filled = percent / 5
        let bar = String(repeating: "#", count: filled) + String(repeating: ".", count: 20 - filled)
        return
            "\r[\(bar)] \(percent) %  \(Int(rate)) records/s  \(left / 60) min \(left % 60) s left \u{1b}[K"
    }

    private static func object(_ done: Int, _ total: Int, _ rate: Double, _ left: Int) -> JSON {
        .object([
            (
                "progress",
                .object([
                    ("done", .number(UInt64(done))), ("total", .number(UInt64(total))),
                    ("records_per_second", .decimal(rate)), ("seconds_left", .number(UInt64(left))),
                ])
            )
        ])
    }

    /// Whether it can be shown is nothing that the work depends on; the result is written by `Output`.
    private func write(_ descriptor: CInt, _ text: String) {
        _ = Descriptor.write(descriptor, text)
    }
}

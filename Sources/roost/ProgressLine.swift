// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import Glibc

/// One line on a terminal that is written over again: how much is done, how fast, how long it will take.
final class ProgressLine {
    private let isShown: Bool
    private let clock = ContinuousClock()
    private let start: ContinuousClock.Instant
    private var shown: ContinuousClock.Instant

    /// Shows nothing unless standard error is a terminal.
    init(isWanted: Bool) {
        isShown = isWanted && isatty(STDERR_FILENO) == 1
        start = clock.now
        shown = start
    }

    /// Seconds since the beginning.
    var seconds: Double { (clock.now - start) / .seconds(1) }

    /// At most five times a second.
    func show(_ done: Int, of total: Int) {
        guard isShown, clock.now - shown > .milliseconds(200) else { return }
        shown = clock.now
        let rate = Double(done) / max(seconds, 0.001)
        let left = Int(Double(total - done) / max(rate, 1))
        let percent = total == 0 ? 100 : done * 100 / total
        let filled = percent / 5
        let bar = String(repeating: "#", count: filled) + String(repeating: ".", count: 20 - filled)
        write(
            "\r[\(bar)] \(percent) %  \(Int(rate)) records/s  \(left / 60) min \(left % 60) s left \u{1b}[K")
    }

    /// Leaves an empty line.
    func end() {
        if isShown { write("\r\u{1b}[K") }
    }

    private func write(_ text: String) {
        var text = text
        text.withUTF8 { bytes in _ = Glibc.write(STDERR_FILENO, bytes.baseAddress, bytes.count) }
    }
}

// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

/// How far a migration has come.
///
/// Deliveries that have been read and not been given out yet count by half, so that it does not stand still while a
/// window is filled. What is reported never goes back.
/// A record is half done when it is written, and done when it is read back.
final class Meter {
    private let report: (_ done: Int, _ of: Int) throws -> Void
    private var total: Int
    private var done = 0
    private var shown = 0

    init(total: Int, _ report: @escaping (_ done: Int, _ of: Int) throws -> Void) {
        self.total = total
        self.report = report
    }

    /// So many deliveries have been read and wait.
    func gathered(_ count: Int) throws { try show(done + count / 2) }

    /// So many more records are done; none when time has only passed.
    func given(_ count: Int) throws {
        done += count
        try show(done)
    }

    private func show(_ count: Int) throws {
        shown = max(shown, count)
        total = max(total, shown)
        try report(shown / 2, total / 2)
    }
}

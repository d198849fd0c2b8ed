// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import Glibc
import Persistence

/// Deliveries of messages whose bodies are kept apart, packed so that a message for a million sessions is a few
/// megabytes and a few arguments.
///
/// A *run* is some members and the sessions whose queues take all of them. A message has a run for each kind of
/// delivery record it comes with, mostly one; its sessions are their numbers in digits, for Lua would round
/// numbers above 2⁵³. When the sessions are exactly those of an earlier run, as with messages of one topic, the
/// members join that run, so that each queue takes them in one command.
///
/// In an argument lie runs, one behind the other: how many members there are, each behind its length, then the
/// sessions behind theirs; lengths have four bytes, the high one first.
struct FanOut {
    private struct Run {
        /// What the members of the message that is being added have in common.
        var record: Slice
        /// Each behind its length.
        var members: [UInt8]
        var count = 1
        var sessions: [UInt8] = []

        var takesMembers: Bool { count < membersMax && members.count < memberBytesMax }
        var takesSessions: Bool { sessions.count < sessionBytesMax }
    }

    /// Members of one run, which the script holds at once.
    private static let membersMax = 200
    /// Beyond this a run takes no more members.
    private static let memberBytesMax = 64 << 10
    /// Beyond this a run takes no more sessions; the message begins another one. An argument stays below 1 MiB, which
    /// is the least that `proto-max-bulk-len` can be.
    private static let sessionBytesMax = 256 << 10
    /// An argument is ended by the run that makes it this long.
    private static let pieceBytes = 256 << 10
    /// Runs of one message that a delivery is compared with, the latest: more kinds than that are repeated.
    private static let kindsMax = 8

    private var runs: [Run] = []
    private var messageCount = 0
    /// Where the runs of the message that is being added begin.
    private var first = 0
    private var number: MessageNumber = 0
    private var runBySessions: [[UInt8]: Int] = [:]

    /// Forgets everything.
    mutating func removeAll() {
        runs.removeAll()
        runBySessions.removeAll()
        messageCount = 0
        first = 0
    }

    /// Begins a message; the deliveries that are added next are of it.
    mutating func begin(_ number: MessageNumber) {
        join()
        self.number = number
        messageCount += 1
    }

    /// Puts the message that was begun into a queue; a session comes once.
    mutating func add(_ session: SessionNumber, _ record: Slice, of batch: borrowing ChangeBatch) {
        let index = run(record, of: batch) ?? begin(record, of: batch)
        runs[index].sessions.append(decimal: session)
        runs[index].sessions.append(UInt8(ascii: " "))
    }

    /// Appends all of it.
    mutating func append(to command: inout Command) {
        if runs.isEmpty { return }
        if messageCount > 1 { join() }
        let pieces = pieces()
        command.append("F")
        // Nothing comes to a queue twice from one message, nor from one run.
        command.append(messageCount == 1 || runs.count == 1 ? "1" : "0")
        command.append(UInt64(pieces.count))
        for piece in pieces { command.append(piece) }
    }

    private func pieces() -> [[UInt8]] {
        var pieces: [[UInt8]] = []
        var isOpen = false
        for run in runs {
            if !isOpen { pieces.append([]) }
            let last = pieces.count - 1
            pieces[last].append(bigEndian: UInt32(run.count))
            pieces[last].append(contentsOf: run.members)
            pieces[last].append(bigEndian: UInt32(run.sessions.count))
            pieces[last].append(contentsOf: run.sessions)
            isOpen = pieces[last].count < Self.pieceBytes
        }
        return pieces
    }

    /// The run of the message for a delivery record.
    private func run(_ record: Slice, of batch: borrowing ChangeBatch) -> Int? {
        var index = runs.count - 1
        let end = max(first, runs.count - Self.kindsMax)
        while index >= end {
            if runs[index].takesSessions, Self.areEqual(runs[index].record, record, of: batch) {
                return index
            }
            index -= 1
        }
        return nil
    }

    private static func areEqual(_ one: Slice, _ other: Slice, of batch: borrowing ChangeBatch) -> Bool {
        guard one.count == other.count else { return false }
        return batch.withBytes(one) { (one) -> Bool in
            batch.withBytes(other) { (other) -> Bool in
                guard let one = one.baseAddress, let end = other.baseAddress else { return true }
                return memcmp(one, end, other.count) == 0
            }
        }
    }

    private mutating func begin(_ record: Slice, of batch: borrowing ChangeBatch) -> Int {
        var member: [UInt8] = []
        member.append(bigEndian: UInt32(QueueMember.headBytes + record.count))
        member.append(bigEndian: number)
        member.append(0)
        member.append(bigEndian: UInt32(record.count))
        batch.withBytes(record) { member.append(contentsOf: $0) }
        runs.append(Run(record: record, members: member))
        return runs.count - 1
    }

    /// Ends a message: its runs join earlier ones with the same sessions.
    private mutating func join() {
        var kept = first
        for index in first..<runs.count {
            let sessions = runs[index].sessions
            if let earlier = runBySessions[sessions], runs[earlier].takesMembers {
                runs[earlier].members.append(contentsOf: runs[index].members)
                runs[earlier].count += 1
            } else {
                runBySessions[sessions] = kept
                if kept < index { runs[kept] = runs[index] }
                kept += 1
            }
        }
        runs.removeLast(runs.count - kept)
        first = kept
    }
}

// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import Packets
import Persistence
import StoreTools

/// What `roost inspect` prints.
struct InspectScreen {
    var engine: String
    var location: String
    /// `nil` when it is not known.
    var durability: Durability?
    var overview: Overview

    /// A kind of record, or something else that takes bytes.
    private struct Row {
        var name: String
        var count: UInt64?
        var bytes: Int?
    }

    private var sizes: StoreSizes? {
        guard case .known(let sizes) = overview.sizes else { return nil }
        return sizes
    }

    /// What there is to say about the bytes in a sentence.
    private var note: String? {
        switch overview.sizes {
        case .known(let sizes): sizes.estimate
        case .unknown(let reason): "What the records take is not known. \(reason)"
        }
    }

    private var kinds: [Row] {
        let info = overview.info
        return [
            Row(name: "clients", count: info.clientCount, bytes: sizes?.clients),
            Row(name: "subscriptions", count: info.subscriptionCount, bytes: sizes?.subscriptions),
            Row(name: "messages", count: info.messageCount, bytes: sizes?.messages),
            Row(name: "deliveries", count: info.deliveryCount, bytes: sizes?.deliveries),
            Row(name: "receptions", count: info.receptionCount, bytes: sizes?.receptions),
            Row(name: "retained messages", count: info.retainedCount, bytes: sizes?.retained),
        ]
    }

    private var others: [Row] {
        guard let sizes else { return [] }
        return [
            Row(name: "other", bytes: sizes.other), Row(name: "free", bytes: sizes.free),
            Row(name: "log", bytes: sizes.log), Row(name: "total", bytes: sizes.total),
        ]
    }

    /// A client chose its identifier: on a terminal no control character of it may be one.
    private func name(of queue: Overview.Queue) -> String {
        guard let clientID = queue.clientID else { return "session \(queue.session), which has ended" }
        return OneLine.text(clientID.description)
    }
}

/// For people.
extension InspectScreen {
    var text: String {
        let info = overview.info
        var lines = [
            line("engine", engine), line("location", OneLine.text(location)),
            line("format version", "\(info.formatVersion)"),
            line("durability", durabilityText),
            line("last batch", "\(info.batch), \(UTC.text(info.time))"), line("boots", "\(overview.boots)"),
        ]
        if overview.isMigrationTarget {
            lines.append(
                "This is the target of a migration that did not end: run `roost migrate` into it again.")
        }
        let place = sizes.map { $0.medium == .disk ? "bytes" : "memory" } ?? ""
        lines += ["", row("", "records", place)] + (kinds + others).map(row)
        if let note { lines.append(note) }
        return (lines + queueLines).joined(separator: "\n")
    }

    /// A file says what was asked for, a Redis what it does.
    private var durabilityText: String {
        guard let durability else { return "unknown: last written by an earlier Roost" }
        return engine == "redis" ? "\(durability)" : "\(durability), as the last writer asked"
    }

    private var queueLines: [String] {
        var lines: [String] = []
        if let oldest = overview.oldest {
            let time = UTC.text(oldest.publishedAt)
            lines += ["", line("oldest waiting", "message \(oldest.number), published \(time)")]
        }
        if !overview.longest.isEmpty {
            lines.append("longest queues of \(overview.queueCount)")
        }
        for queue in overview.longest {
            let count = (queue.isAtLeast ? "at least " : "") + "\(queue.count)"
            lines.append("  " + line(count, name(of: queue)))
        }
        if overview.isPartial {
            lines.append("Not all queues were counted to their end; others may be longer.")
        }
        return lines
    }

    private func row(_ row: Row) -> String {
        self.row(row.name, row.count.map { "\($0)" } ?? "", row.bytes.map(ByteCount.text) ?? "")
    }

    private func row(_ name: String, _ count: String, _ bytes: String) -> String {
        line(name, padded(count, 14) + padded(bytes, 14))
    }

    private func padded(_ text: String, _ width: Int) -> String {
        String(repeating: " ", count: max(1, width - text.count)) + text
    }

    private func line(_ name: String, _ value: String) -> String {
        name + String(repeating: " ", count: max(1, 20 - name.count)) + value
    }
}

/// For programs.
extension InspectScreen {
    var json: JSON {
        let info = overview.info
        let counts = kinds + [Row(name: "boots", count: UInt64(overview.boots))]
        return .object([
            ("engine", .string(engine)), ("location", .string(location)),
            ("format_version", .number(UInt64(info.formatVersion))),
            ("durability", durability.map { .string($0.description) } ?? .null),
            ("batch", .number(info.batch)),
            ("time", .number(UInt64(clamping: info.time))),
            ("is_migration_target", .bool(overview.isMigrationTarget)),
            ("counts", members(counts) { $0.count.map { .number($0) } }), ("bytes", bytes),
            ("oldest_waiting", oldest), ("longest_queues", .array(overview.longest.map(queue))),
            ("queues", .number(UInt64(overview.queueCount))), ("is_partial", .bool(overview.isPartial)),
        ])
    }

    private var bytes: JSON {
        guard let sizes else { return .null }
        guard case .object(let bytes) = members(kinds + others, { $0.bytes.map { .number(UInt64($0)) } })
        else { return .null }
        return .object(
            bytes + [
                ("medium", .string(sizes.medium.rawValue)),
                ("estimate", sizes.estimate.map { .string($0) } ?? .null),
            ])
    }

    private func members(_ rows: [Row], _ value: (Row) -> JSON?) -> JSON {
        .object(rows.map { ($0.name.replacing(" ", with: "_"), value($0) ?? .null) })
    }

    private var oldest: JSON {
        guard let oldest = overview.oldest else { return .null }
        return .object([
            ("message", .number(oldest.number)),
            ("published_at", .number(UInt64(clamping: oldest.publishedAt))),
        ])
    }

    private func queue(_ queue: Overview.Queue) -> JSON {
        .object([
            ("session", .number(queue.session)),
            ("client_id", queue.clientID.map { .string($0.description) } ?? .null),
            ("deliveries", .number(queue.count)), ("is_at_least", .bool(queue.isAtLeast)),
        ])
    }
}

// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import Packets
import Persistence
import StoreTools

/// What `roost inspect` prints.
struct InspectScreen {
    var engine: String
    var location: String
    /// `nil` when the broker that has the store decides.
    var durability: String?
    var overview: Overview

    private var counts: [(String, UInt64)] {
        let info = overview.info
        return [
            ("clients", info.clientCount), ("subscriptions", info.subscriptionCount),
            ("messages", info.messageCount), ("deliveries", info.deliveryCount),
            ("receptions", info.receptionCount), ("retained messages", info.retainedCount),
            ("boots", UInt64(overview.boots)),
        ]
    }

    var text: String {
        let info = overview.info
        var lines = [
            line("engine", engine), line("location", location),
            line("format version", "\(info.formatVersion)"),
            line("durability", durability ?? "as in `roost serve --durability`"),
            line("last batch", "\(info.batch)"), line("latest time", UTC.text(info.time)),
        ]
        lines += counts.map { line($0.0, "\($0.1)") }
        if let oldest = overview.oldest {
            lines.append(
                line("oldest waiting", "message \(oldest.number), published \(UTC.text(oldest.publishedAt))"))
        }
        if !overview.longest.isEmpty { lines.append("longest queues") }
        for queue in overview.longest {
            lines.append("  " + line("\(queue.count)", name(of: queue)))
        }
        if overview.isPartial {
            lines.append("Only the queues of the first \(overview.sessionsSeen) sessions were looked at.")
        }
        return lines.joined(separator: "\n")
    }

    var json: JSON {
        let info = overview.info
        return .object([
            ("engine", .string(engine)), ("location", .string(location)),
            ("format_version", .number(UInt64(info.formatVersion))),
            ("durability", durability.map { .string($0) } ?? .null), ("batch", .number(info.batch)),
            ("time", .number(UInt64(clamping: info.time))),
            ("counts", .object(counts.map { ($0.0.replacing(" ", with: "_"), .number($0.1)) })),
            ("oldest_waiting", oldest), ("longest_queues", .array(overview.longest.map(queue))),
            ("sessions_seen", .number(UInt64(overview.sessionsSeen))),
            ("is_partial", .bool(overview.isPartial)),
        ])
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
            ("deliveries", .number(UInt64(queue.count))),
        ])
    }

    /// A client chose its identifier: on a terminal no control character of it may be one.
    private func name(of queue: Overview.Queue) -> String {
        guard let clientID = queue.clientID else { return "session \(queue.session), which has ended" }
        let isHarmless = { (scalar: Unicode.Scalar) in scalar.properties.generalCategory != .control }
        return String(
            String.UnicodeScalarView(clientID.description.unicodeScalars.map { isHarmless($0) ? $0 : "?" }))
    }

    private func line(_ name: String, _ value: String) -> String {
        name + String(repeating: " ", count: max(1, 20 - name.count)) + value
    }
}

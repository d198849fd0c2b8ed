// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import Packets
import Persistence

/// Empties a store through its own changes. The greatest numbers it has given out stay: no change takes them back, and
/// they do no harm. Its boots go: one of them after the last one of the source would be taken for the moment at which
/// the source's clients were gone.
struct Clearing {
    private static let page = 500
    private let store: any Store

    init(_ store: any Store) {
        self.store = store
    }

    /// Removes everything but the mark of a migration; `seen` is called again and again meanwhile.
    func run(_ writer: inout TargetWriter, _ seen: () throws -> Void) throws {
        writer.makesRoom = true
        defer { writer.makesRoom = false }
        let walk = Walk(store)
        // What is gone is never asked for again: pages go on above the last session.
        try walk.forEachSession { session, client in
            try seen()
            try removeQueue(of: session, &writer)
            if client != nil { try writer.append(.sessionEnd(session: session)) }
            try writer.append(.sessionSwept(session: session))
        }
        try removeRetained(&writer, seen)
        for boot in try store.boots() { try writer.append(.bootRemoval(number: boot.number)) }
        try writer.commit()
    }

    private func removeQueue(of session: SessionNumber, _ writer: inout TargetWriter) throws {
        var last: MessageNumber = 0
        while true {
            let page = try store.deliveries(of: session, after: last, limit: Self.page, bytesMax: 1 << 20)
            for delivery in page.deliveries {
                try writer.append(.removal(session: session, number: delivery.number))
            }
            guard let final = page.deliveries.last, !page.isLast else { return }
            last = final.number
        }
    }

    private func removeRetained(_ writer: inout TargetWriter, _ seen: () throws -> Void) throws {
        if let first = try store.retainedMessage("") { try writer.removeRetained("", first.number) }
        var last: Text = ""
        while true {
            try seen()
            let page = try store.retainedMessages(after: last, limit: 16)
            for record in page where record.message.topic != Migration.marker {
                try writer.removeRetained(record.message.topic, record.number)
            }
            guard page.count == 16, let final = page.last else { return }
            last = final.message.topic
        }
    }
}

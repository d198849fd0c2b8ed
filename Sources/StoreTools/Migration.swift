// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

package import Packets
package import Persistence

/// Moves everything from one open store to another, record by record, with memory that does not depend on how much
/// there is, except eight bytes for each session with a queue.
///
/// Sessions, messages and boots keep their numbers; batches get new ones. A message that several sessions wait for is
/// stored once in the target as well (`Walk` says how). At the end the target is read back and compared with what was
/// read from the source.
///
/// The strange case is an interruption. From its first batch to its last the target holds a retained message under
/// `marker`: a target that has it was never finished, is emptied and begun anew, and is no source.
package struct Migration {
    /// The topic of the mark in a target that is not complete.
    package static let marker = MigrationMark.topic

    private let source: any Store
    private let target: any Store
    private let overwrites: Bool
    private let firstFault: () -> String?

    /// Both stores are open. `firstFault` gives a sentence about a record of the source that could not be read.
    package init(
        from source: any Store, to target: any Store, overwrites: Bool = false,
        firstFault: @escaping () -> String? = { nil }
    ) {
        self.source = source
        self.target = target
        self.overwrites = overwrites
        self.firstFault = firstFault
    }

    /// Does it all and gives what both stores hold then. `progress` is told how many records of how many are done,
    /// each counted once when it is written and once when it is read back.
    @discardableResult
    package func run(_ progress: (_ done: Int, _ of: Int) -> Void = { _, _ in }) throws -> Census {
        let info = try source.sysInfo()
        try requireSource(info)
        try requireTarget()
        let total = 2 * Self.records(info)
        var done = 0
        var writer = try TargetWriter(target, info)
        try mark(&writer)
        if try target.sysInfo().batch > 1 { try Clearing(target).run(&writer) }
        let read = try copy(&writer) {
            done += $0
            progress(done, max(total, done))
        }
        try requireComplete(read, info)
        let written = try readBack {
            done += $0
            progress(done, max(total, done))
        }
        try requireEqual(read, written, info)
        try writer.removeRetained(Self.marker, 1)
        try writer.commit()
        return read
    }

    private func requireSource(_ info: SysInfoRecord) throws {
        guard info.batch > 0 else {
            throw ToolError("There is nothing in \(source.location): no broker has ever written to it.")
        }
        guard try source.retainedMessage(Self.marker) == nil else {
            throw ToolError(
                "\(source.location) is the target of a migration that did not end: migrate into it again first."
            )
        }
    }

    private func requireTarget() throws {
        guard try target.sysInfo().batch > 0, !overwrites else { return }
        guard try target.retainedMessage(Self.marker) == nil else { return }
        throw ToolError(
            "\(target.location) is not empty: name another target, or use --overwrite to empty it first.")
    }

    private func mark(_ writer: inout TargetWriter) throws {
        let message = MessageRecord(
            topic: Self.marker, payload: Array("a migration into this store did not end".utf8))
        writer.append(RetainedRecord(number: 1, message: message))
        try writer.commit()
    }

    private func copy(_ writer: inout TargetWriter, _ progress: (Int) -> Void) throws -> Census {
        var census = Census()
        try Walk(source).run { record in
            census.add(record)
            try writer.append(record)
            progress(record.count)
        }
        try writer.commit()
        return census
    }

    /// The boots of an emptied target cannot be removed; only those of the source are compared.
    private func readBack(_ progress: (Int) -> Void) throws -> Census {
        let boots = Set(try source.boots().map(\.number))
        var census = Census()
        try Walk(target).run { record in
            progress(record.count)
            if case .boot(let boot) = record, !boots.contains(boot.number) { return }
            if case .retained(let retained) = record, retained.message.topic == Self.marker { return }
            census.add(record)
        }
        return census
    }

    /// What was read must be what the source's own counters say.
    private func requireComplete(_ census: Census, _ info: SysInfoRecord) throws {
        if let fault = firstFault() {
            throw ToolError("Not everything can be read, so \(target.location) is not complete. \(fault)")
        }
        let pairs = [
            ("clients", census.clients.count, info.clientCount),
            ("subscriptions", census.subscriptions.count, info.subscriptionCount),
            ("messages", census.messages.count, info.messageCount),
            ("deliveries", census.deliveries.count, info.deliveryCount),
            ("receptions", census.receptions.count, info.receptionCount),
            ("retained messages", census.retained.count, info.retainedCount),
        ]
        for (name, found, counted) in pairs where found != counted {
            throw ToolError(
                "\(source.location) counts \(counted) \(name) and has \(found), so \(target.location) is not "
                    + "complete: run `roost verify` on the source.")
        }
    }

    private func requireEqual(_ read: Census, _ written: Census, _ info: SysInfoRecord) throws {
        for (source, target) in zip(read.kinds, written.kinds) where source.digest != target.digest {
            throw ToolError(
                "The \(source.name) in \(self.target.location) are not those of the source (\(target.digest.count) "
                    + "and \(source.digest.count)): the target is not complete, migrate again.")
        }
        let bodies = try target.sysInfo().messageCount
        guard bodies == info.messageCount else {
            throw ToolError(
                "\(target.location) keeps \(bodies) messages and the source \(info.messageCount): migrate again."
            )
        }
    }

    private static func records(_ info: SysInfoRecord) -> Int {
        Int(
            clamping: info.clientCount + info.subscriptionCount + info.deliveryCount + info.receptionCount
                + info.retainedCount)
    }
}

// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

package import Packets
package import Persistence

/// Moves everything from one open store to another, record by record, with memory that does not depend on how much
/// there is, except sixteen bytes for each session.
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
    private let changesMax: Int
    private let firstFault: () -> String?

    /// Both stores are open. Batches have about `changesMax` changes. `firstFault` gives a sentence about a record that
    /// could not be read.
    package init(
        from source: any Store, to target: any Store, overwrites: Bool = false, changesMax: Int = 10_000,
        firstFault: @escaping () -> String? = { nil }
    ) {
        self.source = source
        self.target = target
        self.overwrites = overwrites
        self.changesMax = changesMax
        self.firstFault = firstFault
    }

    /// Does it all and gives what both stores hold then. `progress` is told how many records of how many are done;
    /// it may throw to end the migration.
    @discardableResult
    package func run(
        _ progress: @escaping (_ done: Int, _ of: Int) throws -> Void = { _, _ in }
    ) throws -> Census {
        try Self.requireSource(source)
        let info = try source.sysInfo()
        try requireTarget()
        do {
            return try copyAndCompare(info, Meter(total: 2 * Self.records(info), progress))
        } catch let error as StoreError {
            throw StoreError(
                error.code, "\(error.message) The migration is not complete: run the same command again.")
        }
    }

    /// Throws when there is nothing to read, or not everything.
    package static func requireSource(_ source: any Store) throws {
        guard try source.sysInfo().batch > 0 else {
            throw ToolError("There is nothing in \(source.location): no broker has ever written to it.")
        }
        guard try source.retainedMessage(marker) == nil else {
            throw ToolError(
                "\(source.location) is the target of a migration that did not end: migrate into it again first."
            )
        }
    }

    private func copyAndCompare(_ info: SysInfoRecord, _ meter: Meter) throws -> Census {
        var writer = try TargetWriter(target, info, changesMax: changesMax)
        if try !isMarked { try mark(&writer) }
        if try target.sysInfo().batch > 1 { try Clearing(target).run(&writer) { try meter.given(0) } }
        let read = try copy(&writer, meter)
        try requireComplete(read, info)
        let written = try readBack(meter)
        try requireEqual(read, written, info)
        try writer.removeRetained(Self.marker, 1)
        try writer.commit()
        return read
    }

    private func requireTarget() throws {
        guard try target.sysInfo().batch > 0, !overwrites else { return }
        guard try !isMarked else { return }
        throw ToolError(
            "\(target.location) is not empty: name another target, or use --overwrite to empty it first.")
    }

    private var isMarked: Bool {
        get throws { try target.retainedMessage(Self.marker) != nil }
    }

    private func mark(_ writer: inout TargetWriter) throws {
        let message = MessageRecord(
            topic: Self.marker, payload: Array("a migration into this store did not end".utf8))
        try writer.append(RetainedRecord(number: 1, message: message))
        try writer.commit()
    }

    private func copy(_ writer: inout TargetWriter, _ meter: Meter) throws -> Census {
        var census = Census()
        try Walk(source).run(gathered: meter.gathered) { record in
            census.add(record)
            try writer.append(record)
            try meter.given(record.count)
        }
        try writer.commit()
        return census
    }

    private func readBack(_ meter: Meter) throws -> Census {
        var census = Census()
        try Walk(target).run(gathered: meter.gathered) { record in
            try meter.given(record.count)
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

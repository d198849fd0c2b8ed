// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import Packets
import Persistence

/// Looks for everything that does not fit together: scans all keys of the prefix, and all that is in them.
///
/// Elements that are scanned while a hash is made larger may come twice; that does no harm here, because all
/// that is gathered is keyed.
final class Inspection {
    /// Sentences of one kind; more of the same help nobody.
    private static let faultsMax = 100

    let store: RedisStore
    let info: SysInfoRecord
    private(set) var faults: [String] = []

    var clients: [SessionNumber: TextKey] = [:]
    var ended: Set<SessionNumber> = []
    /// Sessions that have rows, by the kind of rows.
    var owners: [String: Set<SessionNumber>] = [:]
    /// Deliveries that need a body which is kept apart.
    var references: [MessageNumber: UInt64] = [:]
    var counted = SysInfoRecord()
    /// Whether a batch was applied meanwhile, so that what was found may never have been there at one time.
    private(set) var isOutdated = false
    private var sliceCount = 0
    private static let slicesPerLook = 20

    init(_ store: RedisStore, _ info: SysInfoRecord) {
        self.store = store
        self.info = info
    }

    /// One sentence per fault.
    func allFaults() throws(StoreError) -> [String] {
        let keys = try keys()
        try inspectClients()
        try inspectSubscriptions()
        try inspectRetained()
        for key in keys.sorted() { try inspect(key) }
        try inspectMessages()
        inspectOwners()
        inspectCounts()
        return faults
    }

    func found(_ fault: String) {
        if faults.count < Self.faultsMax { faults.append(fault) }
    }

    /// Adds the error of `body` as a fault of `what`.
    func expecting(_ what: @autoclosure () -> String, _ body: () throws(StoreError) -> Void) {
        do throws(StoreError) {
            try body()
        } catch {
            found("\(what()): \(error.message)")
        }
    }

    /// Keys of single sessions, the rest of their names behind the prefix; others are known or a fault.
    private func keys() throws(StoreError) -> Set<String> {
        let known: Set<String> = [
            "info", "lease", "client", "clients", "identifiers", "ended", "subscription", "subscriptions",
            "message", "references", "retained", "topics", "boots",
        ]
        let prefix = store.options.keyPrefix
        var keys: Set<String> = []
        try scan(["SCAN"], ["MATCH", Self.escaped(prefix) + "*"]) { elements in
            for element in elements {
                let name = String(element.text.dropFirst(prefix.count))
                if !known.contains(name) { keys.insert(name) }
            }
        }
        return keys
    }

    private static func escaped(_ prefix: String) -> String {
        prefix.reduce(into: "") { pattern, character in
            if "*?[]\\^".contains(character) { pattern += "\\" }
            pattern.append(character)
        }
    }

    private func inspect(_ key: String) throws(StoreError) {
        let parts = key.split(separator: ":", maxSplits: 1).map(String.init)
        guard parts.count == 2, let session = SessionNumber(parts[1]) else {
            found("The key \(key) is not one of Roost's.")
            return
        }
        switch parts[0] {
        case "queue": try inspectQueue(session)
        case "states": try inspectStates(session)
        case "received": try inspectReceptions(session)
        default: found("The key \(key) is not one of Roost's.")
        }
    }

    private func inspectOwners() {
        for (kind, sessions) in owners.sorted(by: { $0.key < $1.key }) {
            for session in sessions.sorted() where clients[session] == nil && !ended.contains(session) {
                found(
                    "Session \(session) has \(kind), but no client record, and is not on the list of ended ones."
                )
            }
        }
        for session in Set(clients.keys).union(ended).sorted() where session > info.session {
            found("Session \(session) is above the greatest number given out, \(info.session).")
        }
        for session in ended.sorted() where clients[session] != nil {
            found("Session \(session) has a client record and is on the list of ended ones.")
        }
    }

    private func inspectCounts() {
        let pairs = [
            ("clients", info.clientCount, counted.clientCount),
            ("subscriptions", info.subscriptionCount, counted.subscriptionCount),
            ("deliveries", info.deliveryCount, counted.deliveryCount),
            ("messages", info.messageCount, counted.messageCount),
            ("receptions", info.receptionCount, counted.receptionCount),
            ("retained messages", info.retainedCount, counted.retainedCount),
        ]
        for (name, stored, rows) in pairs where stored != rows {
            found("The store counts \(stored) \(name) and has \(rows).")
        }
    }
}

/// Reading in slices.
extension Inspection {
    /// Calls `body` with the elements of each slice of a scan.
    func scan(
        _ command: [String], _ options: [String] = [], _ body: ([Reply.Value]) throws(StoreError) -> Void
    ) throws(StoreError) {
        var cursor = "0"
        repeat {
            try requireUnchanged()
            let slice = try store.readers.exchange { (connection) throws(RedisFailure) in
                try connection.send(command + [cursor] + options + ["COUNT", "500"])
            }
            try slice.read { (reply) throws(StoreError) in
                cursor = reply[0].text
                try body(reply[1].elements)
            }
        } while cursor != "0"
    }

    private func requireUnchanged() throws(StoreError) {
        sliceCount += 1
        guard sliceCount % Self.slicesPerLook == 0, try store.sysInfo().batch != info.batch else { return }
        isOutdated = true
        throw StoreError(.retry, "\(store.location) has changed.")
    }

    /// Calls `body` with the fields and values of a hash, or the members of a sorted set and their scores.
    func pairs(
        _ command: String, _ key: String,
        _ body: (UnsafeRawBufferPointer, UnsafeRawBufferPointer) throws(StoreError) -> Void
    ) throws(StoreError) {
        try scan([command, store.options.keyPrefix + key]) { (elements) throws(StoreError) in
            for index in stride(from: 0, to: elements.count - 1, by: 2) {
                try body(elements[index].bytes, elements[index + 1].bytes)
            }
        }
    }

    /// The members of an index and the fields of the hash that it is of must be the same.
    func compare(index: String, _ fields: Set<[UInt8]>, of hash: String) throws(StoreError) {
        var members: Set<[UInt8]> = []
        try pairs("ZSCAN", index) { member, score in
            members.insert(Array(member))
            if !score.elementsEqual("0".utf8) { found("A member of \(index) has a score.") }
        }
        let (missing, extra) = (fields.subtracting(members).count, members.subtracting(fields).count)
        if missing > 0 { found("\(missing) records of \(hash) are not in \(index).") }
        if extra > 0 { found("\(extra) members of \(index) have no record in \(hash).") }
    }
}

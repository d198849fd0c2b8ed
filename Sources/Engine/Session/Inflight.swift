// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

package import Packets
package import Persistence

/// What was sent to one client and is not yet complete, by packet identifier.
///
/// A direct-mapped table: an identifier's place is its low bits, and the table grows until no two identifiers
/// in use share a place. A new identifier is the next one whose place is free, so both look-up and choice cost
/// a few loads. An idle session has no table at all.
package struct Inflight: Sendable {
    /// One delivery on its way. Trivial.
    package struct Entry: Sendable, Hashable {
        package var number: MessageNumber
        package var ordinal: UInt32
        package var packetID: UInt16
        package var qos: QoS
        package var state: DeliveryState
        /// Whether the store knows the packet identifier and the state.
        package var isRecorded: Bool

        package init(
            number: MessageNumber, ordinal: UInt32, packetID: UInt16, qos: QoS, state: DeliveryState,
            isRecorded: Bool
        ) {
            self.number = number
            self.ordinal = ordinal
            self.packetID = packetID
            self.qos = qos
            self.state = state
            self.isRecorded = isRecorded
        }

        static let free = Entry(
            number: 0, ordinal: 0, packetID: 0, qos: .atMostOnce, state: .queued, isRecorded: false)
    }

    private var table: [Entry] = []
    private var lastID: UInt16 = 0
    /// Identifiers of stored deliveries that have not been sent on this connection: they are not in the table and not
    /// free. None of them is in the table.
    private var reserved: Set<UInt16> = []
    /// What else is known of some entries, and what that takes.
    private var parcels: [UInt16: Parcel] = [:]
    private var parcelBytes = 0
    package private(set) var count = 0

    package init() {}

    /// The entry of a packet identifier.
    package subscript(packetID: UInt16) -> Entry? {
        guard !table.isEmpty, packetID != 0 else { return nil }
        let entry = table[place(packetID)]
        return entry.packetID == packetID ? entry : nil
    }

    /// Chooses a packet identifier that is not in use; `nil` when all 65,535 are.
    package mutating func nextPacketID() -> UInt16? {
        guard count + reserved.count < Int(UInt16.max) else { return nil }
        if count * 2 >= table.count && table.count < Inflight.tableMax { grow() }
        while true {
            lastID = lastID == .max ? 1 : lastID + 1
            if table[place(lastID)].packetID == 0, !reserved.contains(lastID) { return lastID }
            if table.count == Inflight.tableMax { continue }
            if count * 4 >= table.count * 3 { grow() }
        }
    }

    /// Enters or replaces an entry under its packet identifier; zero is none.
    package mutating func set(_ entry: Entry) {
        guard entry.packetID != 0 else { return }
        if table.isEmpty { grow() }
        while true {
            let found = table[place(entry.packetID)]
            if found.packetID == 0 || found.packetID == entry.packetID { break }
            grow()
        }
        if table[place(entry.packetID)].packetID == 0 { count += 1 }
        table[place(entry.packetID)] = entry
        if !reserved.isEmpty { reserved.remove(entry.packetID) }
    }

    /// Takes an entry out.
    package mutating func remove(_ packetID: UInt16) -> Entry? {
        guard let entry = self[packetID] else { return nil }
        table[place(packetID)] = .free
        count -= 1
        if !parcels.isEmpty, let parcel = parcels.removeValue(forKey: packetID) {
            parcelBytes -= parcel.bytes.count
        }
        return entry
    }

    /// Keeps the message of an entry until that is taken out, if all that are kept take no more than `bytesMax`.
    package mutating func keep(_ parcel: Parcel, packetID: UInt16, bytesMax: Int) {
        guard parcelBytes + parcel.bytes.count <= bytesMax else { return }
        parcelBytes += parcel.bytes.count
        parcels[packetID] = parcel
    }

    /// The messages that are kept, in the order in which they were sent.
    package var kept: [Parcel] {
        // The identifier that comes after the last one is the oldest.
        let oldest = lastID &+ 1
        return parcels.sorted { $0.key &- oldest < $1.key &- oldest }.map(\.value)
    }

    /// Keeps identifiers from being chosen until all that is stored has been sent.
    package mutating func reserve(_ packetIDs: [UInt16]) {
        for packetID in packetIDs where packetID != 0 && self[packetID] == nil { reserved.insert(packetID) }
    }

    /// Everything stored has been read, and is in the table, or done with, but for what has yet to be sent.
    package mutating func releaseReserved(except packetIDs: [UInt16]) {
        reserved = []
        reserve(packetIDs)
    }

    /// Every entry, in no order.
    package var entries: [Entry] { table.filter { $0.packetID != 0 } }

    /// Forgets everything; the next identifier still counts on, and those of stored deliveries stay taken.
    package mutating func removeAll() {
        let stored = entries.filter { $0.ordinal != PostReceiver.unstored }.map(\.packetID)
        table = []
        count = 0
        parcels = [:]
        parcelBytes = 0
        reserve(stored)
    }

    private func place(_ packetID: UInt16) -> Int { Int(packetID) & (table.count - 1) }

    private mutating func grow() {
        let old = table
        var size = max(8, table.count * 2)
        while true {
            precondition(size <= Inflight.tableMax, "65,536 places hold every packet identifier")
            if fill(size, from: old) { return }
            size *= 2
        }
    }

    private mutating func fill(_ size: Int, from old: [Entry]) -> Bool {
        table = Array(repeating: .free, count: size)
        for entry in old where entry.packetID != 0 {
            if table[place(entry.packetID)].packetID != 0 { return false }
            table[place(entry.packetID)] = entry
        }
        return true
    }

    private static let tableMax = 1 << 16
}

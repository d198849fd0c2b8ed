// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import CLMDB

/// The named databases of an environment, and why they are as they are.
///
/// | table | key | value |
/// |---|---|---|
/// | `client` | session | client record |
/// | `name` | client identifier | session, sealed |
/// | `ended` | session | nothing |
/// | `subscription` | session, filter | subscription record |
/// | `message` | number | message record |
/// | `reference` | number | how many deliveries share the message, sealed |
/// | `delivery` | session, number | length of the delivery record, the record, and the message record if it is inline |
/// | `reception` | session, packet identifier | nothing |
/// | `retained` | topic | number, sealed, and the message record |
/// | `boot` | number | time, sealed |
///
/// A message with one delivery, which is most of them where queues are long, lies in that delivery as long as both
/// fit a leaf page; its removal then touches one page. Others lie in `message`, where keys rise and pages are
/// filled to the end (`MDB_APPEND`), and are written and removed once: the count is in a row of its own, because
/// a value that has pages of its own is written whole when any of it changes. A message without a row in
/// `reference` has one delivery.
///
/// The system information is in the unnamed database beside the names of the others: that page is written by every
/// transaction anyway. So is which durability was asked for (`Durability.init(sealed:)`). Numbers that stand for
/// themselves are sealed with a checksum, as records are.
struct Tables {
    /// The format that is written, in the system information.
    static let formatVersion: UInt32 = 1
    /// More than there are, so that an environment of a newer format can be looked at.
    static let countMax: UInt32 = 32
    /// LMDB's own database of free pages.
    static let free: MDB_dbi = 0
    /// The database that names the others.
    static let unnamed: MDB_dbi = 1
    /// The key of the system information in the unnamed database.
    static let infoKey = InfoKey()
    /// The key of the recorded durability there, a name that no table has.
    static let durabilityKey = StringKey(bytes: Array("durability!".utf8))

    let client, name, ended, subscription, message, reference, delivery, reception, retained, boot: MDB_dbi

    /// Opens all tables, or creates them all; the transaction must be committed before others use them.
    init(_ transaction: OpaquePointer, create: Bool) throws(LMDBFailure) {
        func open(_ name: String) throws(LMDBFailure) -> MDB_dbi {
            var table: MDB_dbi = 0
            let status = mdb_dbi_open(transaction, name, create ? UInt32(MDB_CREATE) : 0, &table)
            if status == MDB_NOTFOUND { throw .corrupt("the table \(name) is missing") }
            try LMDBFailure.check(status)
            return table
        }
        client = try open("client")
        name = try open("name")
        ended = try open("ended")
        subscription = try open("subscription")
        message = try open("message")
        reference = try open("reference")
        delivery = try open("delivery")
        reception = try open("reception")
        retained = try open("retained")
        boot = try open("boot")
    }

    /// Every named table by its name.
    var all: [(name: String, table: MDB_dbi)] {
        [
            ("client", client), ("name", name), ("ended", ended), ("subscription", subscription),
            ("message", message), ("reference", reference), ("delivery", delivery), ("reception", reception),
            ("retained", retained), ("boot", boot),
        ]
    }
}

/// `info!`, a key that is no table's name.
struct InfoKey: Key {
    private let bytes: (UInt8, UInt8, UInt8, UInt8, UInt8) = (0x69, 0x6e, 0x66, 0x6f, 0x21)
}

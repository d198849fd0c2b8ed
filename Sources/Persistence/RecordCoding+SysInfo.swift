// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

extension RecordCoding {
    /// Appends the record of a store about itself.
    public static func append(_ record: SysInfoRecord, to output: inout [UInt8]) {
        let start = output.count
        output.append(version)
        output.append(Kind.sysInfo.rawValue)
        output.append(integer: record.formatVersion)
        let counters = [
            record.batch, record.session, record.message, UInt64(bitPattern: record.time), record.clientCount,
            record.subscriptionCount, record.deliveryCount, record.messageCount, record.receptionCount,
            record.retainedCount,
        ]
        for counter in counters { output.append(integer: counter) }
        seal(from: start, &output)
    }

    /// Reads the record of a store about itself; throws `corrupt` for bytes that are none.
    public static func decodeSysInfo(_ bytes: UnsafeRawBufferPointer) throws(StoreError) -> SysInfoRecord {
        var reader = try reader(bytes, .sysInfo)
        let record = try SysInfoRecord(
            formatVersion: reader.integer(), batch: reader.integer(), session: reader.integer(),
            message: reader.integer(), time: reader.integer(), clientCount: reader.integer(),
            subscriptionCount: reader.integer(), deliveryCount: reader.integer(),
            messageCount: reader.integer(), receptionCount: reader.integer(),
            retainedCount: reader.integer())
        try reader.finish()
        return record
    }
}

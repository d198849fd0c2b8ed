// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import Packets

extension RecordCoding {
    /// Appends a subscription record.
    public static func append(_ record: SubscriptionRecord, to output: inout [UInt8]) {
        let start = output.count
        let options = record.options
        output.append(version)
        output.append(Kind.subscription.rawValue)
        output.append(
            options.qos.rawValue | (options.noLocal ? 4 : 0) | (options.retainAsPublished ? 8 : 0)
                | options.retainHandling.rawValue << 4)
        output.append(integer: record.session)
        output.append(integer: record.identifier)
        output.append(integer: record.retainedSent)
        output.append(integer: record.retainedEnd)
        output.append(text: record.filter)
        seal(from: start, &output)
    }

    /// Reads a subscription record; throws `corrupt` for bytes that are none.
    public static func decodeSubscription(
        _ bytes: UnsafeRawBufferPointer
    ) throws(StoreError) -> SubscriptionRecord {
        var reader = try reader(bytes, .subscription)
        let flags = try reader.integer(UInt8.self)
        let options = try SubscriptionOptions(
            qos: reader.known(QoS(rawValue: flags & 3)),
            noLocal: flags & 4 != 0,
            retainAsPublished: flags & 8 != 0,
            retainHandling: reader.known(RetainHandling(rawValue: flags >> 4)))
        let session = try reader.integer(SessionNumber.self)
        let identifier = try reader.integer(UInt32.self)
        let retainedSent = try reader.integer(MessageNumber.self)
        let retainedEnd = try reader.integer(MessageNumber.self)
        let filter = try reader.text()
        try reader.finish()
        return SubscriptionRecord(
            session: session, filter: filter, options: options, identifier: identifier,
            retainedSent: retainedSent, retainedEnd: retainedEnd)
    }
}

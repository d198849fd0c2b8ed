// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import Packets

/// Changes made of whole records, for whoever has them as values: imports, migrations, tests. The message path puts
/// its changes together from slices instead.
extension ChangeBatch {
    /// A client under its identifier; the greatest session number is not below its own.
    package mutating func add(_ record: ClientRecord) {
        let clientID = append(bytes: record.clientID.bytes)
        let encoded = append(record)
        append(.client(session: record.session, clientID: clientID, record: encoded))
        session = max(session, record.session)
    }

    /// A subscription under its filter.
    package mutating func add(_ record: SubscriptionRecord) {
        let filter = append(bytes: record.filter.bytes)
        let encoded = append(record)
        append(.subscription(session: record.session, filter: filter, record: encoded))
    }

    /// A retained message under its topic; the greatest message number is not below its own.
    package mutating func add(_ record: RetainedRecord) {
        let topic = append(bytes: record.message.topic.bytes)
        let encoded = append(record.message)
        append(.retained(topic: topic, number: record.number, record: encoded))
        message = max(message, record.number)
    }
}

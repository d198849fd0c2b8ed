// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import Packets
import Persistence

/// Every record can be decoded, lies where it belongs, and belongs to something.
extension Inspection {
    func inspectClients() throws(StoreError) {
        var fields: Set<[UInt8]> = []
        var identifiers: [[UInt8]: SessionNumber] = [:]
        try pairs("HSCAN", "client") { field, value in
            let session = SessionNumber(key: field) ?? 0
            fields.insert(Array(field))
            expecting("Client of session \(session)") { () throws(StoreError) in
                let record = try RedisStore.client(value)
                let key = TextKey(record.clientID)
                self.clients[session] = key
                let isInPlace = record.session == session && value.dropFirst(2).starts(with: key.bytes)
                if !isInPlace { throw StoreError(.corrupt, "It lies under the wrong key.") }
            }
        }
        counted.clientCount = UInt64(fields.count)
        try compare(index: "clients", fields, of: "client")
        try pairs("HSCAN", "identifiers") { field, value in
            identifiers[Array(field)] = SessionNumber(key: value) ?? 0
        }
        for (session, key) in clients where identifiers[key.bytes] != session {
            found("The identifier of session \(session) does not lead to it.")
        }
        if identifiers.count != fields.count {
            found("\(identifiers.count) identifiers lead to \(fields.count) clients.")
        }
        try pairs("ZSCAN", "ended") { member, _ in
            if let session = SessionNumber(key: member) { ended.insert(session) }
        }
    }

    func inspectSubscriptions() throws(StoreError) {
        var fields: Set<[UInt8]> = []
        try pairs("HSCAN", "subscription") { field, value in
            fields.insert(Array(field))
            let session = SessionNumber(key: field.prefix(8)) ?? 0
            owners["subscriptions", default: []].insert(session)
            expecting("A subscription of session \(session)") { () throws(StoreError) in
                let record = try RecordCoding.decodeSubscription(value)
                if record.session.key + TextKey(record.filter).bytes == Array(field) { return }
                throw StoreError(.corrupt, "It lies under the wrong key.")
            }
        }
        counted.subscriptionCount = UInt64(fields.count)
        try compare(index: "subscriptions", fields, of: "subscription")
    }

    func inspectRetained() throws(StoreError) {
        var fields: Set<[UInt8]> = []
        try pairs("HSCAN", "retained") { field, value in
            fields.insert(Array(field))
            let topic = String(decoding: field, as: UTF8.self)
            expecting("The retained message of \(topic)") { () throws(StoreError) in
                let record = try RedisStore.retained(value)
                if record.number > info.message {
                    found("Retained message \(record.number) is above the greatest number, \(info.message).")
                }
                if TextKey(record.message.topic).bytes == Array(field) { return }
                throw StoreError(.corrupt, "It lies under the wrong key.")
            }
        }
        counted.retainedCount = UInt64(fields.count)
        try compare(index: "topics", fields, of: "retained")
    }

    func inspectQueue(_ session: SessionNumber) throws(StoreError) {
        let message = MessageRecord(topic: "", payload: [])
        var numbers: Set<MessageNumber> = []
        owners["a queue", default: []].insert(session)
        try pairs("ZSCAN", "queue:\(session)") { bytes, _ in
            expecting("A delivery of session \(session)") { () throws(StoreError) in
                let member = try QueueMember(bytes)
                guard numbers.insert(member.number).inserted else {
                    throw StoreError(.corrupt, "Number \(member.number) is there twice.")
                }
                if member.number > info.message {
                    found("Delivery \(member.number) is above the greatest number, \(info.message).")
                }
                if let body = member.body {
                    counted.messageCount += 1
                    _ = try RecordCoding.decodeMessage(body)
                } else {
                    references[member.number, default: 0] += 1
                }
                _ = try RecordCoding.decodeDelivery(
                    member.record, session: session, number: member.number, message: message)
            }
        }
        counted.deliveryCount += UInt64(numbers.count)
    }

    func inspectStates(_ session: SessionNumber) throws(StoreError) {
        var numbers: Set<[UInt8]> = []
        try pairs("HSCAN", "states:\(session)") { field, value in
            numbers.insert(Array(field))
            let isKnown = value.count == 3 && DeliveryState(rawValue: value[2]) != nil
            if !isKnown { found("A state of session \(session) is unknown.") }
        }
        let key = store.options.keyPrefix + "queue:\(session)"
        for number in numbers {
            let range = [Array("[".utf8) + number, Array("[".utf8) + number + [255]]
            let count = try store.readers.exchange { (connection) throws(RedisFailure) in
                try connection.send([Array("ZLEXCOUNT".utf8), Array(key.utf8)] + range)
            }.read { $0.integer }
            if count == 0 { found("A state of session \(session) has no delivery.") }
        }
    }

    func inspectReceptions(_ session: SessionNumber) throws(StoreError) {
        var identifiers: Set<UInt16> = []
        owners["receptions", default: []].insert(session)
        try scan(["SSCAN", store.options.keyPrefix + "received:\(session)"]) { elements in
            for element in elements {
                guard let identifier = UInt16(element.text) else {
                    found("A reception of session \(session) is no packet identifier.")
                    continue
                }
                identifiers.insert(identifier)
            }
        }
        counted.receptionCount += UInt64(identifiers.count)
    }

    func inspectMessages() throws(StoreError) {
        var stored: [MessageNumber: UInt64] = [:]
        try pairs("HSCAN", "references") { field, value in
            let number = MessageNumber(key: field) ?? 0
            stored[number] = UInt64(String(decoding: value, as: UTF8.self)) ?? 0
        }
        var bodies: Set<MessageNumber> = []
        try pairs("HSCAN", "message") { field, value in
            let number = MessageNumber(key: field) ?? 0
            bodies.insert(number)
            expecting("Message \(number)") { () throws(StoreError) in
                _ = try RecordCoding.decodeMessage(value)
            }
        }
        counted.messageCount += UInt64(bodies.count)
        for (number, count) in stored where count != references[number] ?? 0 {
            found("Message \(number) counts \(count) deliveries and has \(references[number] ?? 0).")
        }
        for number in bodies where stored[number] == nil { found("Message \(number) has no count.") }
        for number in references.keys where !bodies.contains(number) {
            found("The deliveries of message \(number) have no body.")
        }
    }
}

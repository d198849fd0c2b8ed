// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import CLMDB
import Packets
import Persistence

/// Deliveries, messages, their counts, retained messages and boots.
extension Inspection {
    mutating func inspectDeliveries() throws(LMDBFailure) {
        var owners = Owners("delivery")
        try walk("delivery", tables.delivery) { (inspection, key, value) throws(LMDBFailure) in
            let (session, number) = (key.number(), key.number(at: 8))
            try owners.check(session, &inspection)
            inspection.limit(message: number, in: "delivery")
            let parts = inspection.decoded("Delivery \(number) of session \(session)") {
                () throws(StoreError) in
                let parts = try DeliveryValue(value)
                _ = try parts.decoded(session, number, MessageRecord(topic: "", payload: []))
                if let body = parts.body { _ = try RecordCoding.decodeMessage(body) }
                return parts
            }
            guard let parts else { return }
            if parts.body != nil {
                inspection.inlineCount += 1
                return
            }
            inspection.users[number, default: 0] += 1
            if try inspection.transaction.get(inspection.tables.message, NumberKey(number)) == nil {
                inspection.found("delivery", "Delivery \(number) of session \(session) has no message.")
            }
        }
    }

    mutating func inspectMessages() throws(LMDBFailure) {
        try walk("message", tables.message) { (inspection, key, value) throws(LMDBFailure) in
            let number = key.number()
            inspection.limit(message: number, in: "message")
            _ = inspection.decoded("Message \(number)") { () throws(StoreError) in
                try RecordCoding.decodeMessage(value)
            }
            let row = try inspection.transaction.get(inspection.tables.reference, NumberKey(number))
            let users = inspection.users[number] ?? 0
            guard let row else {
                if users != 1 {
                    inspection.found(
                        "message", "Message \(number) should have one delivery and has \(users).")
                }
                return
            }
            let references = inspection.decoded("The reference count of message \(number)") {
                () throws(StoreError) in
                try SealedNumber.read(row)
            }
            if let references, references != users {
                inspection.found(
                    "message", "Message \(number) counts \(references) deliveries and has \(users).")
            }
        }
    }

    mutating func inspectReferences() throws(LMDBFailure) {
        try walk("reference", tables.reference) { (inspection, key, _) throws(LMDBFailure) in
            if try inspection.transaction.get(inspection.tables.message, NumberKey(key.number())) == nil {
                inspection.found("reference", "Message \(key.number()) is counted and is not there.")
            }
        }
    }

    mutating func inspectRetained() throws(LMDBFailure) {
        try walk("retained", tables.retained) { (inspection, key, value) throws(LMDBFailure) in
            let record = inspection.decoded("A retained message") { () throws(StoreError) in
                try LMDBStore.retained(value)
            }
            guard let record else { return }
            inspection.limit(message: record.number, in: "retained")
            if !key.elementsEqual(StringKey(record.message.topic).bytes) {
                inspection.found(
                    "retained", "The retained message of \(record.message.topic) lies under the wrong key.")
            }
        }
    }

    mutating func inspectBoots() throws(LMDBFailure) {
        try walk("boot", tables.boot) { (inspection, key, value) throws(LMDBFailure) in
            _ = inspection.decoded("Boot \(key.number())") { () throws(StoreError) in
                try SealedNumber.read(value)
            }
        }
    }
}

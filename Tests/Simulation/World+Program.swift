// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import Engine
import Packets
import Persistence

/// The program that the broker is embedded in.
struct Program {
    /// What it has published and was not told to be done, by ticket.
    var waiting: [UInt64: Int] = [:]
    var lastTicket: UInt64 = 0
}

extension World {
    /// It publishes, always on the first loop, so that what it says stays in order.
    func publishFromProgram() {
        let topic = dice.pick(0...Geography.willTopic - 1)
        let qos = dice.pick([QoS.atMostOnce, .atLeastOnce, .exactlyOnce])
        let isRetained = Geography.topics[topic].isRetained
        let isClear = isRetained && dice.chance(0.3)
        let serial = ledger.add { serial in
            SentMessage(
                serial: serial, client: -1, incarnation: -2, topic: topic, qos: qos, retain: isRetained,
                isClear: isClear, sentAt: moment)
        }
        program.lastTicket += 1
        program.waiting[program.lastTicket] = serial
        let message = MessageRecord(
            topic: Geography.topics[topic].text,
            payload: isClear ? [] : Payload.make(serial: serial, fill: 4),
            qos: qos)
        note("the program publishes \(serial) to \(message.topic), QoS \(qos.rawValue)")
        let ticket = program.lastTicket
        input(loops[0]) { $0.publish(message, retain: isRetained, ticket: ticket, now: now) }
    }

    /// It learns that a publish is done.
    func tapCompletion(_ ticket: UInt64, _ reason: ReasonCode) {
        guard let serial = program.waiting.removeValue(forKey: ticket) else {
            return fail("the program was told twice of publish \(ticket)")
        }
        moment += 1
        note("the program learns of \(serial), reason \(reason.rawValue)")
        if reason.isError { refuse(serial) } else { settle(serial, "the program's answer") }
    }

    /// The broker died with it.
    func forgetProgram() {
        for serial in program.waiting.values { ledger[serial].settledAt = moment }
        program.waiting = [:]
    }
}

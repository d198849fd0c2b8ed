// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

// A broker whose data is in an LMDB environment: end it, start it again, and it counts on.
//
//     swift run persistence-lmdb [PORT]
//     mosquitto_sub -t 'example/#' -q 1 -i me -c

import Logging
import Server
import ServiceLifecycle
import StoreLMDB

/// Counts the starts of this example in a retained message.
struct StartCounter: Service {
    let broker: Broker
    let store: any Store

    func run() async throws {
        let report = try await broker.startup()
        print("serving on \(report.endpoints.map(\.address)), data in \(report.location)")
        let before = try store.retainedMessage("example/starts")?.message.payload ?? []
        let count = (Int(String(decoding: before, as: UTF8.self)) ?? 0) + 1
        try await broker.publish(topic: "example/starts", payload: Array("\(count)".utf8), retain: true)
        print("start number \(count), \(report.sessions) sessions found")
        try await gracefulShutdown()
    }
}

let arguments = CommandLine.arguments.dropFirst()
let port = arguments.first.flatMap { Int($0) } ?? 1883
let store = LMDBStore(path: "example.lmdb", durability: .disk)
let broker = Broker()
broker.add(store)
broker.add(.tcp(port: port))

let group = ServiceGroup(
    services: [broker, StartCounter(broker: broker, store: store)],
    gracefulShutdownSignals: [.sigint, .sigterm],
    logger: Logger(label: "example"))
try await group.run()

// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import Logging
import Persistence
import Testing

@testable import Server

/// A broker on a port of the system's choice that runs while `body` does, and must end well.
func withBroker<Result: Sendable>(
    on store: any Store, _ configure: (inout BrokerOptions) -> Void = { _ in },
    body: (Broker, _ port: Int) async throws -> Result
) async throws -> Result {
    let broker = makeBroker(on: store, configure)
    async let running: Void = broker.run()
    do {
        let port = try await broker.startup().endpoints[0].port
        let result = try await body(broker, port)
        broker.shutDown()
        try await running
        return result
    } catch {
        // What went wrong first is what the test should say; how the broker ends then comes second.
        Issue.record(error)
        broker.shutDown()
        try await running
        throw error
    }
}

/// A broker with two event loops that listens on a port of the system's choice, or this one, and logs to `output`.
func makeBroker(
    on store: any Store, port: Int = 0, output: LogOutput = LogOutput { _ in },
    _ configure: (inout BrokerOptions) -> Void = { _ in }
) -> Broker {
    var options = BrokerOptions()
    options.eventLoops = 2
    configure(&options)
    let broker = Broker(
        options: options, logger: Logger(label: "test") { _ in TextLogHandler(level: .debug, output: output) }
    )
    broker.add(store)
    broker.add(.tcp(port: port))
    return broker
}

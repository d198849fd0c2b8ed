// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import ArgumentParser
import Glibc
import Logging
import Server

/// `roost serve`: a broker until a signal ends it.
struct Serve: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Serve MQTT 5.0, 3.1.1 and 3.1.",
        discussion: """
            SIGTERM and SIGINT end the broker gracefully: it says goodbye to its clients and commits what it has \
            received. A second signal ends it at once; nothing acknowledged is lost even then.
            """)

    @OptionGroup(title: "Data") var data: DataFlags
    @OptionGroup(title: "Network") var network: NetworkFlags
    @OptionGroup(title: "Limits") var limits: LimitFlags
    @OptionGroup(title: "Log") var log: LogFlags

    func run() async throws {
        let logger = log.logger()
        try await Failure.explained { try await serve(logger) }
    }

    private func serve(_ logger: Logger) async throws {
        let broker = Broker(options: try options(), logger: logger)
        broker.add(try data.makeStore(logger))
        for address in try network.addresses() {
            broker.add(.tcp(host: address.host, port: address.port))
        }
        logger.debug("open files", metadata: ["limit": "\(FileLimit.raise())"])
        Signals.watch { signal in
            logger.info("received a signal", metadata: ["signal": signal == SIGINT ? "SIGINT" : "SIGTERM"])
            broker.shutDown()
        }
        try await broker.run()
        logger.info("ended")
    }

    private func options() throws -> BrokerOptions {
        var options = BrokerOptions()
        options.allowsAnonymous = network.allowAnonymous
        options.acknowledgesBeforeCommit = data.acknowledgesBeforeCommit
        options.durabilityExpected = data.durabilityExpected
        try limits.apply(to: &options)
        return options
    }
}

// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import Engine
import Logging
import Persistence

/// What the loops of a running broker reach beyond themselves.
final class Machinery: Sendable {
    let loops: [ShardLoop]
    let commons: Commons
    let commitSignal: WakeSignal
    let readers: ReaderPool
    let clock: BrokerClock
    let logger: Logger

    init(
        loops: [ShardLoop], commons: Commons, commitSignal: WakeSignal, readers: ReaderPool,
        clock: BrokerClock,
        logger: Logger
    ) {
        self.loops = loops
        self.commons = commons
        self.commitSignal = commitSignal
        self.readers = readers
        self.clock = clock
        self.logger = logger
    }

    /// How many bytes have been received and wait for their commit.
    var uncommittedBytes: Int { commons.queuedBytes }

    /// Whether everything that was handed over to the committer is committed.
    var isSettled: Bool { commons.isSettled }

    /// Whether reports of level debug end up anywhere.
    var readsDetails: Bool { logger.logLevel <= .debug }

    func log(clockJump milliseconds: Milliseconds) {
        logger.warning(
            "the wall clock has jumped; expiry and delays go on as if it had not, until the next start",
            metadata: ["milliseconds": "\(milliseconds)"])
    }

    func warn(_ sentence: String) {
        logger.warning("\(sentence)")
    }

    func log(_ report: Report) {
        logger.log(level: Logger.Level(report.level), "\(report)")
    }
}

extension Logger.Level {
    fileprivate init(_ level: Report.Level) {
        self =
            switch level {
            case .debug: .debug
            case .info: .info
            case .warning: .warning
            }
    }
}

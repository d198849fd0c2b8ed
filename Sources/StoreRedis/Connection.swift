// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import CHiredis
import Glibc
import Persistence

/// One connection to Redis, logged in, with the scripts loaded.
///
/// `@unchecked Sendable` because it moves between threads and is never shared: the owner's stays behind the
/// store's lock, a reader's is lent by the pool to one borrower. The context is freed once, in `deinit`.
final class Connection: @unchecked Sendable {
    private let context: UnsafeMutablePointer<redisContext>
    private let usesTLS: Bool
    private let timeout: Duration
    private var digests: [String] = []

    init(_ options: RedisStore.Options) throws(RedisFailure) {
        context = try Self.connect(options)
        usesTLS = options.usesTLS
        timeout = options.commandTimeout
        redisSetTimeout(context, timeout.interval)
        if case .tcp = options.endpoint { redisEnableKeepAlive(context) }
        if usesTLS { try beginTLS(options) }
        try logIn(options)
        digests = try loadScripts()
    }

    deinit {
        redisFree(context)
    }

    private static func connect(
        _ options: RedisStore.Options
    ) throws(RedisFailure) -> UnsafeMutablePointer<redisContext> {
        let timeout = options.connectTimeout.interval
        let made =
            switch options.endpoint {
            case .tcp(let host, let port): redisConnectWithTimeout(host, Int32(port), timeout)
            case .unix(let path): redisConnectUnixWithTimeout(path, timeout)
            }
        guard let made else { throw .notSent("out of memory") }
        if made.pointee.err != 0 {
            defer { redisFree(made) }
            throw .notSent(String(cString: roost_redis_error(made)))
        }
        return made
    }

    private func beginTLS(_ options: RedisStore.Options) throws(RedisFailure) {
        guard case .tcp(let host, _) = options.endpoint else { return }
        // OpenSSL writes without MSG_NOSIGNAL: a lost connection must not end the process.
        signal(SIGPIPE, SIG_IGN)
        if let problem = roost_redis_begin_tls(context, host, options.certificateAuthority) {
            throw .notSent("TLS: \(String(cString: problem))")
        }
    }

    private func logIn(_ options: RedisStore.Options) throws(RedisFailure) {
        if let password = options.password {
            _ = try send(["AUTH"] + (options.user.map { [$0] } ?? []) + [password])
        }
        if options.database != 0 { _ = try send(["SELECT", String(options.database)]) }
    }

    private func loadScripts() throws(RedisFailure) -> [String] {
        var command = Command()
        for script in Script.allCases {
            command.begin()
            for argument in ["SCRIPT", "LOAD", script.source] { command.append(argument) }
            command.end()
        }
        try send(command)
        var digests: [String] = []
        for _ in Script.allCases { digests.append(try receive().read { $0.text }) }
        return digests
    }

    /// The name Redis knows a script by.
    func digest(of script: Script) -> String { digests[script.rawValue] }

    /// Sends one command and waits for its answer.
    func send(_ arguments: [String]) throws(RedisFailure) -> Reply {
        try send(Command(arguments))
        return try receive()
    }

    /// Sends one command of any bytes and waits for its answer.
    func send(_ arguments: [[UInt8]]) throws(RedisFailure) -> Reply {
        var command = Command()
        command.begin()
        for argument in arguments { command.append(argument) }
        command.end()
        try send(command)
        return try receive()
    }

    /// Runs a script on the keys of a prefix.
    func run(_ script: Script, _ prefix: String, _ arguments: [Argument]) throws(RedisFailure) -> Reply {
        var command = Command()
        begin(&command, script, prefix)
        for argument in arguments { command.append(argument.bytes) }
        command.end()
        try send(command)
        return try receive()
    }

    /// Begins a command that runs a script; its arguments follow.
    func begin(_ command: inout Command, _ script: Script, _ prefix: String) {
        command.begin()
        command.append("EVALSHA")
        command.append(digest(of: script))
        command.append("1")
        command.append(prefix + "info")
    }

    /// An error is `notSent` exactly when Redis cannot have got the last command whole: the system took less
    /// of it than there is. TLS may keep what it took, so there it is `lost`.
    func send(_ command: Command) throws(RedisFailure) {
        let sent = command.bytes.span.bytes.withUnsafeBytes { (whole) -> Bool in
            let bytes = UnsafeRawBufferPointer(rebasing: whole[command.skipped...])
            return usesTLS ? sendEncrypted(bytes) : sendPlain(bytes)
        }
        if sent { return }
        let reason = usesTLS ? String(cString: roost_redis_error(context)) : String(cString: strerror(errno))
        throw usesTLS ? .lost(reason) : .notSent(reason)
    }

    /// Around hiredis, which copies what it sends twice and raises SIGPIPE.
    private func sendPlain(_ bytes: UnsafeRawBufferPointer) -> Bool {
        let descriptor = roost_redis_descriptor(context)
        var offset = 0
        while offset < bytes.count {
            let rest = UnsafeRawBufferPointer(rebasing: bytes[offset...])
            let count = Glibc.send(descriptor, rest.baseAddress, rest.count, Int32(MSG_NOSIGNAL))
            if count < 0 && errno == EINTR { continue }
            if count <= 0 { return false }
            offset += count
        }
        return true
    }

    private func sendEncrypted(_ bytes: UnsafeRawBufferPointer) -> Bool {
        let start = bytes.bindMemory(to: CChar.self).baseAddress
        guard redisAppendFormattedCommand(context, start, bytes.count) == REDIS_OK else { return false }
        var isDone: Int32 = 0
        while isDone == 0 {
            guard redisBufferWrite(context, &isDone) == REDIS_OK else { return false }
        }
        return true
    }

    /// From here on answers may take so much longer than others.
    func allow(_ extra: Duration) {
        redisSetTimeout(context, (timeout + extra).interval)
    }

    /// The answer to the oldest command that has none yet.
    func receive() throws(RedisFailure) -> Reply {
        var raw: UnsafeMutableRawPointer?
        guard redisGetReply(context, &raw) == REDIS_OK, let raw else {
            throw .lost(String(cString: roost_redis_error(context)))
        }
        let reply = Reply(raw.assumingMemoryBound(to: redisReply.self))
        if let error = reply.read({ $0.error }) { throw .refused(error) }
        return reply
    }
}

/// An argument of a script.
struct Argument {
    let bytes: [UInt8]

    static func bytes(_ bytes: [UInt8]) -> Argument { Argument(bytes: bytes) }
    static func text(_ text: String) -> Argument { Argument(bytes: Array(text.utf8)) }
    static func number(_ number: some BinaryInteger) -> Argument { text(String(number)) }
}

extension Duration {
    /// As the C library counts time.
    var interval: timeval {
        let microseconds = milliseconds * 1_000
        return timeval(tv_sec: Int(microseconds / 1_000_000), tv_usec: Int(microseconds % 1_000_000))
    }

    /// Whole milliseconds, at least one.
    var milliseconds: Int64 {
        max(1, components.seconds * 1_000 + components.attoseconds / 1_000_000_000_000_000)
    }
}

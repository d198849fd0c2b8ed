// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

/// The append-only file of a server that has just started, which may end within a transaction.
///
/// A batch is a transaction there, `MULTI` to `EXEC`. A server that was killed within the write of one cuts the file
/// when it starts, but not always before the `MULTI`: if the file ends within a command it cuts behind the last whole
/// one (`loadSingleAppendOnlyFile` of Redis 5 to 7.4). In memory all is well; but what is written next follows the open
/// `MULTI`, and the start after that takes it for the rest and executes a part of a batch that nobody was told is stored.
///
/// So nothing is written to a server before it has begun another file since it started. From Redis 7 on it does so as
/// soon as it rewrites, earlier ones when they are done with it. Should it be killed meanwhile, Redis 7 says "the
/// truncated file is not the last file" and ends, and has by then cut the file where it should, so its next start is well.
struct AppendOnlyFile: Hashable {
    enum State: Hashable {
        /// What is written goes where nothing torn can be, or into no file at all.
        case safe
        /// The file is the one that the server has found when it started.
        case old
        /// It will be another one soon.
        case changing
        /// The rewrite has failed.
        case failed
    }

    let state: State

    /// Reads `INFO persistence`.
    init(info: String) {
        let lines = info.split(whereSeparator: \.isNewline)
        func value(_ name: String) -> Substring? {
            lines.first { $0.hasPrefix(name + ":") }?.dropFirst(name.utf8.count + 1)
        }
        guard value("aof_enabled") == "1" else {
            state = .safe
            return
        }
        let isChanging = value("aof_rewrite_scheduled") == "1"
        if let rewrites = value("aof_rewrites") {  // From Redis 7 on: begun since it has started.
            state = rewrites != "0" ? .safe : isChanging ? .changing : .old
        } else {
            // Before, only those that have ended since are known.
            let hasEnded = value("aof_last_rewrite_time_sec") ?? "-1" != "-1"
            let isUnderWay = isChanging || value("aof_rewrite_in_progress") == "1"
            if hasEnded, value("aof_last_bgrewrite_status") == "ok" {
                state = .safe
            } else {
                state = isUnderWay ? .changing : hasEnded ? .failed : .old
            }
        }
    }

    private init(_ connection: Connection) throws(RedisFailure) {
        self.init(info: try connection.send(["INFO", "persistence"]).read { $0.text })
    }

    /// Makes sure that what is written from here on is safe. Gives back that it is not when the server does not let us
    /// ask for it, or cannot rewrite its file; throws `rewriting` when it may be so soon.
    static func isSafe(_ connection: Connection) throws(RedisFailure) -> Bool {
        do throws(RedisFailure) {
            var file = try AppendOnlyFile(connection)
            if file.state == .old {
                try rewrite(connection)
                file = try AppendOnlyFile(connection)
            }
            if file.state == .changing { throw .rewriting }
            return file.state == .safe
        } catch {
            guard error.isRefusal else { throw error }
            return false
        }
    }

    /// Asks for another file. What became of that, the server tells: it may have been asked by somebody else, too.
    private static func rewrite(_ connection: Connection) throws(RedisFailure) {
        do throws(RedisFailure) {
            _ = try connection.send(["BGREWRITEAOF"])
        } catch {
            guard error.isRefusal else { throw error }
        }
    }
}

extension RedisFailure {
    /// Whether the server does not know the command, does not let us use it, or cannot do what it asks for.
    var isRefusal: Bool {
        guard case .refused = self else { return false }
        return meaning == .denied || meaning == .unknown
    }
}

// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import CHiredis
import Persistence

/// Reads the text form of `RedisStore.Options`.
struct RedisAddress {
    private(set) var options = RedisStore.Options()

    init(_ address: String) throws(StoreError) {
        if let rest = address.dropping("redis://") {
            try readAuthority(rest)
        } else if let rest = address.dropping("rediss://") {
            guard roost_redis_has_tls() != 0 else {
                throw Self.error("rediss:// needs hiredis with TLS, and this build has none: use redis://.")
            }
            options.usesTLS = true
            try readAuthority(rest)
        } else if let rest = address.dropping("redis+unix:") {
            let (path, query) = rest.split(at: "?")
            guard !path.isEmpty else { throw Self.error("redis+unix: needs the path of a socket.") }
            options.endpoint = .unix(path: String(path))
            try readQuery(query)
        } else {
            throw Self.error("An address of Redis begins with redis://, rediss:// or redis+unix:.")
        }
    }

    private mutating func readAuthority(_ text: Substring) throws(StoreError) {
        let (location, query) = text.split(at: "?")
        let (authority, database) = location.split(at: "/")
        var server = authority
        if let at = authority.lastIndex(of: "@") {
            try readCredentials(authority[..<at])
            server = authority[authority.index(after: at)...]
        }
        try readServer(server)
        if !database.isEmpty { options.database = try Self.number(database, "database") }
        try readQuery(query)
    }

    private mutating func readCredentials(_ text: Substring) throws(StoreError) {
        guard let colon = text.firstIndex(of: ":") else {
            throw Self.error("Before the @ in an address of Redis stands user:password, or :password.")
        }
        let user = try Self.decoded(text[..<colon])
        options.user = user.isEmpty ? nil : user
        options.password = try Self.decoded(text[text.index(after: colon)...])
    }

    private mutating func readServer(_ text: Substring) throws(StoreError) {
        var host = text
        var port: Substring = ""
        if text.hasPrefix("["), let end = text.firstIndex(of: "]") {
            host = text[text.index(after: text.startIndex)..<end]
            port = text[text.index(after: end)...]
            if !port.isEmpty, port.first != ":" { throw Self.error("After ] in an address comes :port.") }
            port = port.dropFirst()
        } else if let colon = text.lastIndex(of: ":") {
            host = text[..<colon]
            port = text[text.index(after: colon)...]
        }
        guard !host.isEmpty else { throw Self.error("The address of Redis names no host.") }
        guard let number = port.isEmpty ? 6379 : UInt16(port), number > 0 else {
            throw Self.error("\(port) is no port of Redis.")
        }
        options.endpoint = .tcp(host: String(host), port: number)
    }

    private mutating func readQuery(_ text: Substring) throws(StoreError) {
        for item in text.split(separator: "&") {
            let (name, value) = item.split(at: "=")
            switch name {
            case "prefix": options.prefix = try Self.prefix(value)
            case "database": options.database = try Self.number(value, "database")
            case "lease": options.lease = try Self.seconds(value, "lease", atLeast: 1)
            case "standby": options.standbyMax = try Self.seconds(value, "standby", atLeast: 0)
            default:
                throw Self.error(
                    "\(name) is not known in an address of Redis: prefix, database, lease and standby are.")
            }
        }
    }

    private static func prefix(_ text: Substring) throws(StoreError) -> String {
        let prefix = try decoded(text)
        guard !prefix.isEmpty, !prefix.contains("{"), !prefix.contains("}"), prefix.utf8.count <= 256 else {
            throw error("A prefix has 1 to 256 bytes and no braces.")
        }
        return prefix
    }

    private static func number(_ text: Substring, _ what: String) throws(StoreError) -> Int {
        guard let number = Int(text), number >= 0 else {
            throw error("\(text) is no number of a \(what) of Redis.")
        }
        return number
    }

    private static func seconds(
        _ text: Substring, _ what: String, atLeast least: Int
    ) throws(StoreError) -> Duration {
        guard let number = Int(text), number >= least, number <= 1_000_000_000 else {
            throw error("\(what) in an address of Redis is a number of seconds, at least \(least).")
        }
        return .seconds(number)
    }

    private static func decoded(_ text: Substring) throws(StoreError) -> String {
        var bytes: [UInt8] = []
        var rest = text.utf8[...]
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "%") else {
                bytes.append(byte)
                continue
            }
            guard rest.count >= 2,
                let value = UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16)
            else { throw error("In an address of Redis, % is followed by two hexadecimal digits.") }
            bytes.append(value)
            rest = rest.dropFirst(2)
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    private static func error(_ sentence: String) -> StoreError { StoreError(.unavailable, sentence) }
}

extension StringProtocol where SubSequence == Substring {
    /// What follows a beginning; `nil` when it begins otherwise.
    fileprivate func dropping(_ beginning: String) -> Substring? {
        hasPrefix(beginning) ? dropFirst(beginning.count) : nil
    }

    /// What is before and after the first `separator`; all and nothing when there is none.
    fileprivate func split(at separator: Character) -> (Substring, Substring) {
        guard let index = firstIndex(of: separator) else { return (self[startIndex...], "") }
        return (self[..<index], self[self.index(after: index)...])
    }
}

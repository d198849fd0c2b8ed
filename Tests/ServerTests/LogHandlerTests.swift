// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import Logging
import Testing

@testable import Server

struct LogHandlerTests {
    @Test func `a text line has time, level, sentence and sorted metadata`() {
        let lines = Lines()
        let logger = Logger(label: "roost") { _ in TextLogHandler(level: .info, output: lines.output) }
        logger.warning("client left", metadata: ["reason": "keep alive", "client": "a"])
        let parts = lines.only.split(separator: " ", maxSplits: 1)
        #expect(parts[0].count == "2026-01-31T12:00:00.123Z".count)
        #expect(parts[1] == "warning client left client=a reason=\"keep alive\"\n")
    }

    @Test func `a client cannot break a text line`() {
        let lines = Lines()
        let logger = Logger(label: "roost") { _ in TextLogHandler(level: .info, output: lines.output) }
        logger.info("client \"a\nb\u{1B}[2J\"", metadata: ["id": "x\"\r\\y"])
        #expect(lines.only.hasSuffix("info client \"a\\u{a}b\\u{1b}[2J\" id=\"x\\\"\\u{d}\\\\y\"\n"))
        #expect(lines.only.filter { $0.isNewline }.count == 1)
    }

    @Test func `a JSON line is one object with escaped texts`() {
        let lines = Lines()
        let logger = Logger(label: "roost") { JSONLogHandler(label: $0, level: .info, output: lines.output) }
        logger.error("a \"quoted\" \\ line\n\u{1}é", metadata: ["list": ["1", ["k": "v\t"]], "b": "2"])
        let start = #""level":"error","label":"roost","message":"a \"quoted\" \\ line\n\u0001é","#
        let end = #""fields":{"b":"2","list":["1",{"k":"v\t"}]}}"#
        #expect(lines.only.hasPrefix("{\"time\":\"20"))
        #expect(lines.only.hasSuffix(start + end + "\n"))
    }

    @Test func `lines below the level are not written`() {
        let lines = Lines()
        let logger = Logger(label: "roost") {
            JSONLogHandler(label: $0, level: .warning, output: lines.output)
        }
        logger.info("nothing")
        #expect(lines.only == "0 lines")
    }

    @Test func `a time is UTC with milliseconds`() {
        #expect(LogTime.text(seconds: 0, milliseconds: 7) == "1970-01-01T00:00:00.007Z")
        #expect(LogTime.text(seconds: 1_709_208_000, milliseconds: 999) == "2024-02-29T12:00:00.999Z")
    }
}

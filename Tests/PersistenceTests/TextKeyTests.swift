// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import Packets
import Testing

@testable import Persistence

struct TextKeyTests {
    @Test(arguments: [
        ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
        ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
        (
            String(repeating: "a", count: 1_000_000),
            "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"
        ),
    ])
    func `The digest is SHA-256`(message: String, expected: String) {
        let digest = SHA256.digest(of: Array(message.utf8))
        let hex = digest.map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined()
        #expect(hex == expected)
    }

    @Test func `A text of at most 480 bytes is its own key`() {
        let text = Text(String(repeating: "x", count: TextKey.textBytesMax))
        #expect(TextKey(text).bytes == text.bytes)
        #expect(TextKey("").bytes == [])
    }

    @Test func `A longer text begins its key and a digest ends it`() {
        let texts = (0..<100).map { Text(String(repeating: "x", count: 600) + "\($0)") }
        let keys = texts.map(TextKey.init)
        #expect(Set(keys).count == texts.count)
        for (text, key) in zip(texts, keys) {
            #expect(key.bytes.count == TextKey.keyBytesMax)
            #expect(key.bytes.starts(with: text.bytes[..<TextKey.textBytesMax]))
        }
    }

    @Test func `Keys of texts that differ early keep their order`() {
        let long = String(repeating: "m", count: 1_000)
        let texts: [Text] = ["", "a", "a\u{7f}", Text("b" + long), Text("c" + long), "d", "ü"]
        #expect(texts.map(TextKey.init).sorted() == texts.map(TextKey.init))
    }
}

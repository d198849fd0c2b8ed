// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

import Packets
import Persistence
import Testing

@testable import Engine

@Suite struct MailboxTests {
    private struct To {
        var slot: UInt32
        var qos: QoS
        var isPersistent = true
        var identifiers: [UInt32] = []
    }

    /// A mail with one message for these receivers.
    private func mail(_ payload: Text, _ receivers: To...) -> Mail {
        var mail = Mail()
        payload.bytes.withUnsafeBytes { bytes in
            let topic = mail.append(bytes: bytes)
            mail.append(Post(topic: topic, properties: .empty, payload: mail.append(bytes: bytes)))
        }
        for receiver in receivers {
            var target = PostReceiver(
                session: UInt64(receiver.slot), place: receiver.slot, ordinal: 0, qos: receiver.qos,
                retain: false, isPersistent: receiver.isPersistent)
            target.firstIdentifier = Int32(mail.identifiers.count)
            target.identifierCount = Int32(receiver.identifiers.count)
            mail.identifiers += receiver.identifiers
            mail.append(target)
        }
        return mail
    }

    private func payloads(_ mail: Mail) -> [Text] {
        mail.posts.map { Text(bytes: Array(mail.arena[$0.payload.range])) }
    }

    private func emptied(_ mailbox: inout Mailbox) -> Mailbox {
        var contents = Mailbox()
        mailbox.empty(into: &contents)
        return contents
    }

    @Test func `mail is taken whole and in order, with receivers and identifiers`() {
        var mailbox = Mailbox()
        var first = mail("a", To(slot: 1, qos: .atLeastOnce, identifiers: [7, 8]))
        var second = mail(
            "b", To(slot: 2, qos: .atMostOnce), To(slot: 3, qos: .exactlyOnce, identifiers: [9]))
        mailbox.take(&first, bytesMax: 10_000)
        mailbox.take(&second, bytesMax: 10_000)
        #expect(first.isEmpty && second.isEmpty)
        let contents = emptied(&mailbox)
        #expect(payloads(contents.mail) == ["a", "b"] && mailbox.isEmpty)
        #expect(contents.mail.receivers.map(\.place) == [1, 2, 3])
        let last = contents.mail.receivers[2]
        #expect(contents.mail.identifiers[Int(last.firstIdentifier)] == 9)
    }

    @Test
    func `a full mailbox drops QoS 0, remembers persistent receivers, and leaves the rest with the sender`() {
        var mailbox = Mailbox()
        var first = mail("first", To(slot: 1, qos: .atMostOnce))
        mailbox.take(&first, bytesMax: 1)
        var second = mail(
            "second", To(slot: 1, qos: .atMostOnce), To(slot: 2, qos: .atLeastOnce),
            To(slot: 3, qos: .exactlyOnce, isPersistent: false, identifiers: [5]),
            To(slot: 4, qos: .atMostOnce, isPersistent: false))
        mailbox.take(&second, bytesMax: 1)
        #expect(payloads(second) == ["second"] && second.receivers.map(\.place) == [3])
        #expect(second.identifiers == [5])
        let contents = emptied(&mailbox)
        #expect(payloads(contents.mail) == ["first"] && contents.lost == [2] && contents.droppedCount == 2)
    }

    @Test func `a full mailbox stays full until it is emptied, so that nothing overtakes what was lost`() {
        var mailbox = Mailbox()
        var (first, second) = (
            mail("1", To(slot: 1, qos: .atLeastOnce)), mail("2", To(slot: 1, qos: .atLeastOnce))
        )
        mailbox.take(&first, bytesMax: 1)
        mailbox.take(&second, bytesMax: 1)
        var third = mail("3", To(slot: 1, qos: .atLeastOnce))
        mailbox.take(&third, bytesMax: 10_000)
        #expect(payloads(emptied(&mailbox).mail) == ["1"])
        var fourth = mail("4", To(slot: 1, qos: .atLeastOnce))
        mailbox.take(&fourth, bytesMax: 10_000)
        let contents = emptied(&mailbox)
        #expect(payloads(contents.mail) == ["4"] && contents.lost == [])
    }

    @Test func `controls are never refused`() {
        var mailbox = Mailbox()
        var first = mail("1", To(slot: 1, qos: .atLeastOnce))
        mailbox.take(&first, bytesMax: 1)
        for position in 0..<5 as Range<UInt64> { mailbox.append(.settled([position...position])) }
        #expect(emptied(&mailbox).controls.count == 5)
    }

    @Test func `a message that waits takes its receivers and identifiers along`() {
        var both = mail("a", To(slot: 1, qos: .atLeastOnce, identifiers: [1, 2]))
        let more = mail("b", To(slot: 2, qos: .atLeastOnce, identifiers: [3]), To(slot: 4, qos: .atMostOnce))
        both.append(more.posts[0], from: more)
        for receiver in more.receivers { both.append(receiver, place: receiver.place, from: more) }
        let extract = both.extract(both.posts[1])
        #expect(payloads(extract) == ["b"] && extract.receivers.map(\.place) == [2, 4])
        #expect(extract.identifiers == [3])
    }
}

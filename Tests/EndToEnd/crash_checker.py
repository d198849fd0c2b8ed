# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: 2026 The Roost authors
"""Finds in a ledger everything that a broker that keeps its promise does not do.

  crash_checker.py LEDGER   checks a ledger that a failed round has kept
"""
import collections
import math
import sys

from crash_ledger import Ledger
from crash_model import CLEAR, Model

RETAINED = "(retained)"
STORED = "t/"  # There are sessions that have asked for these topics and are away.


class Checker:
    """`violations` are (rule, sentence)."""

    def __init__(self, ledger):
        self.ledger = ledger
        self.model = Model(ledger)
        groups = self.model.groups().items()
        self.mortal = {group for group, members in groups if any(member.has_ended for member in members)}
        self.violations = []

    def check(self):
        self.check_broken()
        self.check_settled()
        self.check_sessions()
        self.check_subscriptions()
        self.check_acknowledged()
        self.check_store_down()
        self.check_loss()
        self.check_group_loss()
        self.check_retained_on_subscribe()
        self.check_receipts()
        self.check_wills()
        self.check_retained()
        return self.violations

    def found(self, rule, sentence):
        self.violations.append((rule, sentence))

    # ------------------------------------------------------------ sessions, subscriptions

    def check_broken(self):
        for _, tick, session, reason in self.ledger.of("broken"):
            self.found("broken", f"{session} at {tick}: {reason}")

    def check_settled(self):
        """After a shutdown in good order everything was delivered and acknowledged, so nothing comes again."""
        settled = [event[1] for event in self.ledger.of("settled")]
        for _, tick, session, _, key, *_ in self.ledger.of("receive") if settled else ():
            if tick > settled[0]:
                self.found("returned", f"{session} received {key} at {tick}, after everything was delivered")

    def check_sessions(self):
        """A session is there if and only if it must be."""
        known, asked = set(), collections.Counter()
        clean = {}
        for kind, tick, session, value in self.ledger.of("connect", "connack"):
            if kind == "connect":
                asked[session] += 1
                clean[session] = value
                continue
            if value and (clean[session] or session not in known and asked[session] == 1):
                self.found("session", f"{session} came back at {tick} after it had ended")
            if not value and not clean[session] and session in known:
                self.found("session", f"{session} was lost: no session present at {tick}")
            known.add(session)

    def check_subscriptions(self):
        for session in self.model.sessions.values():
            for each in session.filters.values():
                present = False
                for version in each.requests:
                    if version.acked == math.inf:
                        present = None  # Nobody knows any more.
                        continue
                    self._check_answer(session, each, version, present)
                    present = version.qos is not None

    def _check_answer(self, session, each, version, present):
        if version.qos is not None and version.code != version.qos:
            self.found("options", f"{session.name} asked for {each.text} QoS {version.qos}, got {version.code:#x}")
        if version.qos is None and present and version.code > 0:
            self.found("subscription", f"{session.name} lost {each.text}: UNSUBACK {version.code:#x}")

    # ------------------------------------------------------------------------------ loss

    def check_acknowledged(self):
        for message in self.model.messages.values():
            if message.acked == math.inf and not message.is_will:
                self.found("acknowledgement", f"{message.key} was not acknowledged by the end")

    def check_store_down(self):
        """What is first sent while Redis is dead cannot be acknowledged before it is back, if it has to be stored."""
        down = math.inf
        dead = []
        for kind, tick in self.ledger.of("storedown", "storeup"):
            if kind == "storeup":
                dead.append((down, tick))
            down = tick if kind == "storedown" else math.inf
        for message in self.model.messages.values():
            stored = message.qos == 2 or message.retain or message.topic.startswith(STORED)
            for down, up in dead if stored and not message.is_will else ():
                if down < message.first and message.acked < up:
                    where = f"sent at {message.first}, acknowledged at {message.acked}"
                    self.found("promise", f"{message.key}, {where}, while the store was dead from {down} to {up}")

    def is_owed(self, session, message):
        """Whether a subscription of its own certainly asked for this message at QoS 1 or 2."""
        for each in session.matching(message, None):
            local = any(session.is_own(message, version) for version in each.versions())
            if not local and each.is_present(message.first, message.acked):
                return True
        return False

    def check_loss(self):
        for session in self.model.sessions.values():
            if session.has_ended:
                continue
            for message in self.routed():
                if self.is_owed(session, message) and not self.came(session, message, None):
                    self.found("loss", f"{message.key}, acknowledged at {message.acked}, never reached {session.name}")

    def routed(self):
        """Messages that were certainly published, but for retained messages that were cleared (no payload)."""
        for message in self.model.messages.values():
            if message.is_will and message.fate == "due" or message.acked < math.inf and message.retain != CLEAR:
                yield message

    def came(self, session, message, group):
        return any(
            session.group_of(receipt.ids) == group and not self.is_retained(session, message, receipt)
            for receipt in self.model.receipts.get((session.name, message.key), ())
        )

    def is_retained(self, session, message, receipt):
        """Sent because of a SUBSCRIBE; a session that keeps the retain flag asks for no such messages."""
        if not receipt.retain or not message.retain:
            return False
        return not any("r" in v.flags for f in session.filters.values() for v in f.versions())

    def check_group_loss(self):
        for group, members in self.model.groups().items():
            for message in self.routed():
                asked = any(
                    each.is_present(message.first, message.acked)
                    for member in members if not member.has_ended
                    for each in member.matching(message, group)
                )  # fmt: skip
                if not asked or self._is_mortal(group) and message.qos == 2:
                    continue  # What was sent at QoS 2 to a member that ends is discarded [MQTT-4.8.2-5].
                if not any(self.came(member, message, group) for member in members):
                    self.found("loss", f"{message.key}, acknowledged at {message.acked}, reached nobody in {group}")

    def check_retained_on_subscribe(self):
        """Retained messages on topics that are set once reach who subscribes afterwards."""
        topics = collections.Counter(each.topic for each in self.model.messages.values() if each.retain)
        constant = [each for each in self.model.messages.values() if each.retain and topics[each.topic] == 1]
        for session in self.model.sessions.values():
            for message in () if session.has_ended else constant:
                asked = any(
                    version.acked < math.inf and version.sent > message.acked and "h" not in version.flags
                    and not session.is_own(message, version)
                    for each in session.matching(message, None) for version in each.versions()
                )  # fmt: skip
                if asked and (session.name, message.key) not in self.model.receipts:
                    self.found("retained", f"{message.key} was not sent to {session.name} when it subscribed")

    # --------------------------------------------------------------------------- receipts

    def check_receipts(self):
        copies = collections.Counter()
        for (name, key), receipts in self.model.receipts.items():
            message, session = self.model.messages.get(key), self.model.sessions[name]
            if message is None:
                self.found("unknown", f"{name} received {key}, which nobody published")
                continue
            for receipt in receipts:
                group = RETAINED if self.is_retained(session, message, receipt) else session.group_of(receipt.ids)
                if group != RETAINED and not self._is_mortal(group):
                    self._check_options(session, message, receipt, group)
                owner = group if group not in (None, RETAINED) else name
                if not self._is_mortal(group) or receipt.qos == 2:  # At QoS 1 it moves as a message of its own.
                    copies[owner, group, key] += receipt.is_copy
            self._check_connections(session, message, receipts)
        self._check_copies(copies)
        self._check_order()

    def _check_copies(self, copies):
        for (owner, group, key), count in copies.items():
            message = self.model.messages[key]
            allowed = 1 + message.repeats_max
            if group == RETAINED:
                continue
            if count > allowed:
                rule = "duplicate" if message.qos == 2 else "repeat"
                self.found(rule, f"{owner} received {key} {count} times as new, {allowed} allowed")

    def _check_connections(self, session, message, receipts):
        """Nothing is repeated on one connection."""
        count = collections.Counter(
            (receipt.connection, session.group_of(receipt.ids), receipt.retain) for receipt in receipts
        )
        for (connection, _, retain), number in count.items():
            if number > 1 + message.repeats_max and not retain:
                self.found("repeat", f"{session.name} received {message.key} {number} times on connection {connection}")

    def _check_options(self, session, message, receipt, group):
        filters = session.matching(message, group)
        possible = [version for each in filters for version in each.possible(message)]
        certain = [version for version in (each.certain(message) for each in filters) if version]
        where = f"{session.name} received {message.key} at {receipt.tick}"
        if not possible:
            self.found("subscription", f"{where} without a subscription")
            return
        if all(session.is_own(message, version) for version in possible):
            self.found("options", f"{where}, its own, in spite of no local")
        lowest = min(message.qos, max([version.qos for version in certain], default=0))
        highest = min(message.qos, max(version.qos for version in possible))
        if not lowest <= receipt.qos <= highest:
            self.found("options", f"{where} at QoS {receipt.qos}, expected {lowest} to {highest}")
        if receipt.ids is not None:
            needed, allowed = ({v.id for v in versions if v.id} for versions in (certain, possible))
            if not needed <= set(receipt.ids) <= allowed or len(set(receipt.ids)) != len(receipt.ids):
                self.found("options", f"{where} with identifiers {receipt.ids}, needed {needed} of {allowed}")
        if receipt.retain and not message.retain:
            self.found("options", f"{where} with the retain flag")
        if message.retain and not receipt.retain and any("r" in version.flags for version in certain):
            self.found("options", f"{where} without the retain flag")

    def _check_order(self):
        """First receipts of one publisher, topic and QoS rise, in the order of the publisher's last sending.

        In a group a resend may go to another member. A sending may be lost in a crash, and the next one may meet no
        subscription while a later message does: so what was sent again has an order only if it was asked for from its
        first sending to its last.
        """
        last, seen = {}, set()
        for _, tick, name, _, key, qos, _, _, ids, again, *_ in self.ledger.of("receive"):
            session, message = self.model.sessions[name], self.model.messages.get(key)
            if message is None or message.is_will or again or (name, key, qos) in seen:
                continue
            seen.add((name, key, qos))
            group = session.group_of(ids)
            if self._is_mortal(group) or group and message.resends:
                continue
            line = (name, group, message.publisher, message.topic, message.qos, qos)
            greatest, when = last.get(line, (-1, -1))
            asked = not message.resends or any(
                each.is_present(message.first, message.resent) for each in session.matching(message, group)
            )
            if greatest > message.sequence and message.resent < when and asked:
                self.found("order", f"{name} received {key} at {tick} after {greatest} at {when}")
            last[line] = max((greatest, when), (message.sequence, tick))

    def _is_mortal(self, group):
        """Whether a member of the share has ended, so that deliveries have moved, even to members of later."""
        return group in self.mortal

    # --------------------------------------------------------------------- wills, retained

    def check_wills(self):
        for (name, key), _ in self.model.receipts.items():
            message = self.model.messages.get(key)
            if message and message.fate == "void":
                self.found("will", f"{name} received {key} in spite of its DISCONNECT")

    def check_retained(self):
        """At any time a retained value is the last acknowledged one or one sent later; one client writes each topic."""
        writes = collections.defaultdict(list)
        for message in self.model.messages.values():
            if message.retain:
                writes[message.topic].append(message)
        began, ended = {}, {}
        for kind, tick, when in self.ledger.of("snapshot", "kept"):
            (began if kind == "snapshot" else ended)[when] = tick
        values = {(when, topic): key for _, _, topic, key, when in self.ledger.of("retained")}
        for when in ended:
            for topic, messages in writes.items():
                self._check_value(topic, messages, values.pop((when, topic), None), began[when], ended[when])
        for (_, topic), key in values.items():
            if topic not in writes:
                self.found("retained", f"{topic} has {key}, which nobody retained")

    def _check_value(self, topic, messages, key, begin, end):
        settled = [message for message in messages if message.acked < begin]
        allowed = settled[-1:] + [m for m in messages if m.acked >= begin and m.first < end]
        keys = {None if message.retain == CLEAR else message.key for message in allowed}
        if not settled:
            keys.add(None)
        if key not in keys:
            expected = sorted(map(str, keys))
            self.found("retained", f"{topic} has {key} between {begin} and {end}, expected one of {expected}")


def main():
    violations = Checker(Ledger.load(sys.argv[1])).check()
    for rule, sentence in violations:
        print(f"{rule}: {sentence}")
    print(f"{len(violations)} violations")
    return 1 if violations else 0


if __name__ == "__main__":
    sys.exit(main())

# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: 2026 The Roost authors
"""What a ledger says about messages, sessions and subscriptions: what must be so, and what may be so.

Between a request and its acknowledgement nobody but the broker knows whether it holds. So a subscription is *possible*
from its SUBSCRIBE to the acknowledgement of a later request, and *certain* from its SUBACK to the next request.
"""
import collections
import dataclasses
import math

import mqttwire as wire
from crash_ledger import split_key

SET, CLEAR = 1, 2  # What `retain` of a message may be besides 0.


@dataclasses.dataclass
class Message:
    key: str
    publisher: str
    topic: str
    qos: int
    sequence: int
    retain: int
    first: int
    acked: float = math.inf
    resends: int = 0
    fate: str = ""  # Of a will: "due", "void" or not known.
    is_will: bool = False

    @property
    def repeats_max(self):
        """How often a client may see this message more often than it was published: resends at QoS 1."""
        return self.resends if self.qos == 1 else 0


@dataclasses.dataclass
class Version:
    """One SUBSCRIBE of one filter."""

    qos: int
    id: int
    flags: str
    sent: int
    acked: float = math.inf
    code: int = -1
    certain_until: float = math.inf
    possible_until: float = math.inf

    def is_certain(self, begin, end):
        return self.acked <= begin and end <= self.certain_until

    def is_possible(self, begin, end):
        return self.sent <= end and begin <= self.possible_until


class Filter:
    """The requests of one session for one filter, in order; an UNSUBSCRIBE is a version of QoS None."""

    def __init__(self, text):
        self.text = text
        self.group = None
        self.pattern = text
        if text.startswith("$share/"):
            _, self.group, self.pattern = text.split("/", 2)
        self.requests = []

    def request(self, version):
        if self.requests:
            self.requests[-1].certain_until = min(self.requests[-1].certain_until, version.sent)
        self.requests.append(version)

    def acknowledge(self, tick, code):
        self.requests[-1].acked, self.requests[-1].code = tick, code
        for earlier in self.requests[:-1]:
            earlier.possible_until = min(earlier.possible_until, tick)

    def end(self, tick):
        for version in self.requests:
            version.possible_until = min(version.possible_until, tick)
            version.certain_until = min(version.certain_until, tick)

    def versions(self):
        return [version for version in self.requests if version.qos is not None]

    def is_present(self, begin, end):
        """Whether the filter was certainly subscribed all that time; a new SUBSCRIBE does not interrupt it."""
        since = None
        for version in self.requests:
            if version.qos is None:
                if since is not None and since <= begin and end <= version.sent:
                    return True
                since = None
            elif since is None and version.acked < math.inf:
                since = version.acked
        return since is not None and since <= begin

    def possible(self, message):
        return [each for each in self.versions() if each.is_possible(message.first, message.acked)]

    def certain(self, message):
        """The one version that certainly held while the message was routed, if there is one."""
        for version in self.versions():
            if version.is_certain(message.first, message.acked):
                return version
        return None


class Session:
    def __init__(self, name):
        self.name = name
        self.client = name.split("#")[0]
        self.filters = {}
        self.has_ended = False

    def filter(self, text):
        return self.filters.setdefault(text, Filter(text))

    def matching(self, message, group):
        """Its filters for a message: its own with group None, or those of one group."""
        return [
            each for each in self.filters.values()
            if each.group == group and wire.matches(each.pattern, message.topic)
        ]  # fmt: skip

    def is_own(self, message, version):
        return "l" in version.flags and message.publisher == self.client

    def group_of(self, ids):
        """The share that a delivery with these subscription identifiers came through."""
        for each in self.filters.values():
            if each.group and ids and any(version.id in ids for version in each.versions()):
                return each.group
        return None


class Model:
    def __init__(self, ledger):
        self.ledger = ledger
        self.messages = {}
        self.sessions = {}
        self.receipts = collections.defaultdict(list)  # (session, key) -> receive events
        for event in ledger.events:
            apply = getattr(self, f"_{event[0]}", None)
            if apply:
                apply(event[1], *event[2:])

    def session(self, name):
        return self.sessions.setdefault(name, Session(name))

    def groups(self):
        """Group name to the sessions that ever were members."""
        members = collections.defaultdict(list)
        for session in self.sessions.values():
            for each in session.filters.values():
                if each.group and session not in members[each.group]:
                    members[each.group].append(session)
        return members

    def _publish(self, tick, key, topic, qos, retain):
        publisher, _, _, sequence = split_key(key)
        self.messages[key] = Message(key, publisher, topic, qos, sequence, retain, tick)

    def _will(self, tick, key, topic, qos):
        self._publish(tick, key, topic, qos, 0)
        self.messages[key].is_will = True

    def _willdue(self, _, key):
        self.messages[key].fate = "due"

    def _willvoid(self, _, key):
        self.messages[key].fate = "void"

    def _resend(self, _, key):
        self.messages[key].resends += 1

    def _ack(self, tick, key):
        self.messages[key].acked = min(self.messages[key].acked, tick)

    def _ended(self, tick, name):
        session = self.session(name)
        session.has_ended = True
        for each in session.filters.values():
            each.end(tick)

    def _subscribe(self, tick, name, text, qos, number, flags):
        self.session(name).filter(text).request(Version(qos, number, flags, tick))

    def _unsubscribe(self, tick, name, text):
        self.session(name).filter(text).request(Version(None, 0, "", tick))

    def _suback(self, tick, name, text, code):
        self.session(name).filter(text).acknowledge(tick, code)

    def _unsuback(self, tick, name, text, code):
        self.session(name).filter(text).acknowledge(tick, code)

    def _receive(self, tick, name, connection, key, qos, dup, retain, ids, again, *_):
        self.session(name)
        receipt = Receipt(tick, name, connection, key, qos, dup, retain, ids, again)
        self.receipts[name, key].append(receipt)


@dataclasses.dataclass
class Receipt:
    tick: int
    session: str
    connection: int
    key: str
    qos: int
    dup: bool
    retain: bool
    ids: list
    again: bool

    @property
    def is_copy(self):
        """Whether this is a delivery of its own, and not a repeat that says so."""
        return not self.again if self.qos == 2 else not self.dup

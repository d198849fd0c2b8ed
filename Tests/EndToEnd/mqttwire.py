# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: 2026 The Roost authors
"""MQTT 3.1.1 and 5.0 on the wire, as a client sees it: every field in the caller's hand, nothing done by itself."""
import functools
import struct

CONNECT, CONNACK, PUBLISH, PUBACK, PUBREC, PUBREL, PUBCOMP = range(1, 8)
SUBSCRIBE, SUBACK, UNSUBSCRIBE, UNSUBACK, PINGREQ, PINGRESP, DISCONNECT, AUTH = range(8, 16)

NAMES = (
    "0 CONNECT CONNACK PUBLISH PUBACK PUBREC PUBREL PUBCOMP SUBSCRIBE SUBACK UNSUBSCRIBE UNSUBACK PINGREQ PINGRESP "
    "DISCONNECT AUTH"
).split()

# Property identifiers that the tests use.
EXPIRY, SUBSCRIPTION_ID, SESSION_EXPIRY, WILL_DELAY = 0x02, 0x0B, 0x11, 0x18
RECEIVE_MAXIMUM, TOPIC_ALIAS, REASON, USER = 0x21, 0x23, 0x1F, 0x26

BYTES = {0x01, 0x17, 0x19, 0x24, 0x25, 0x28, 0x29, 0x2A}
SHORTS = {0x13, 0x21, 0x22, 0x23}
LONGS = {0x02, 0x11, 0x18, 0x27}
STRINGS = {0x03, 0x08, 0x09, 0x12, 0x15, 0x16, 0x1A, 0x1C, 0x1F}


class Malformed(Exception):
    """The broker sent bytes that no MQTT packet has."""


class Packet:
    """One packet from the broker; fields that its type does not have keep their defaults."""

    __slots__ = ("kind", "flags", "id", "reason", "topic", "payload", "properties", "present", "codes")

    def __init__(self, kind, flags):
        self.kind, self.flags = kind, flags
        self.id = self.reason = self.present = 0
        self.topic, self.payload, self.codes = "", b"", b""
        self.properties = {}

    @property
    def qos(self):
        return (self.flags >> 1) & 3

    @property
    def dup(self):
        return bool(self.flags & 8)

    @property
    def retain(self):
        return bool(self.flags & 1)

    def __repr__(self):
        return (
            f"{NAMES[self.kind]}(flags={self.flags:x} id={self.id} reason={self.reason:#x} topic={self.topic!r} "
            f"payload={bytes(self.payload[:40])!r} properties={self.properties} codes={bytes(self.codes)!r})"
        )


# ---------------------------------------------------------------------- encoding


def integer(value):
    """A variable byte integer."""
    encoded = bytearray()
    while True:
        value, digit = value >> 7, value & 127
        encoded.append(digit | 128 if value else digit)
        if not value:
            return bytes(encoded)


def string(value):
    data = value if isinstance(value, bytes) else value.encode()
    return struct.pack(">H", len(data)) + data


def properties(pairs):
    """The property block of (identifier, value) pairs with its length; a user property's value is a pair."""
    body = bytearray()
    for which, value in pairs:
        body.append(which)
        if which in BYTES:
            body.append(value)
        elif which in SHORTS:
            body += struct.pack(">H", value)
        elif which in LONGS:
            body += struct.pack(">I", value)
        elif which == SUBSCRIPTION_ID:
            body += integer(value)
        elif which == USER:
            body += string(value[0]) + string(value[1])
        else:
            body += string(value)
    return integer(len(body)) + bytes(body)


def packet(kind, flags, *parts):
    body = b"".join(parts)
    return bytes([kind << 4 | flags]) + integer(len(body)) + body


def connect(version, client, clean, keep_alive=0, pairs=(), will=None):
    """`will` is (topic, payload, qos, retain, property pairs)."""
    flags = 2 if clean else 0
    tail = b""
    if will:
        topic, payload, qos, retain, will_pairs = will
        flags |= 4 | qos << 3 | (32 if retain else 0)
        tail = (properties(will_pairs) if version == 5 else b"") + string(topic) + string(payload)
    return packet(
        CONNECT, 0, string("MQTT"), bytes([version, flags]), struct.pack(">H", keep_alive),
        properties(pairs) if version == 5 else b"", string(client), tail,
    )  # fmt: skip


def publish(version, topic, payload, qos=0, number=0, dup=False, retain=False, pairs=()):
    return packet(
        PUBLISH, (8 if dup else 0) | qos << 1 | (1 if retain else 0), string(topic),
        struct.pack(">H", number) if qos else b"", properties(pairs) if version == 5 else b"", payload,
    )  # fmt: skip


def acknowledge(kind, number, reason=0):
    flags = 2 if kind == PUBREL else 0
    return packet(kind, flags, struct.pack(">H", number), bytes([reason]) if reason else b"")


def subscribe(version, number, filters, pairs=()):
    """`filters` are (filter, options byte)."""
    return packet(
        SUBSCRIBE, 2, struct.pack(">H", number), properties(pairs) if version == 5 else b"",
        *(string(each) + bytes([options]) for each, options in filters),
    )  # fmt: skip


def unsubscribe(version, number, filters):
    return packet(
        UNSUBSCRIBE, 2, struct.pack(">H", number), properties(()) if version == 5 else b"", *map(string, filters)
    )


def disconnect(version, reason=0, pairs=()):
    if version != 5 or (not reason and not pairs):
        return packet(DISCONNECT, 0)
    return packet(DISCONNECT, 0, bytes([reason]), properties(pairs))


PING = packet(PINGREQ, 0)


# ---------------------------------------------------------------------- decoding


def read_integer(data, at):
    """(value, next position), or None if the bytes end before the integer does."""
    value = shift = 0
    while at < len(data):
        value |= (data[at] & 127) << shift
        if data[at] < 128:
            return value, at + 1
        at, shift = at + 1, shift + 7
        if shift > 21:
            raise Malformed("a variable byte integer of five bytes")
    return None


def read_string(data, at):
    end = at + 2 + (data[at] << 8 | data[at + 1])
    return bytes(data[at + 2 : end]), end


def read_properties(data, at):
    """Identifier to value; subscription identifiers and user properties are lists."""
    length, at = read_integer(data, at)
    end, found = at + length, {}
    while at < end:
        which, at = data[at], at + 1
        if which in BYTES:
            found[which], at = data[at], at + 1
        elif which in SHORTS:
            found[which], at = data[at] << 8 | data[at + 1], at + 2
        elif which in LONGS:
            found[which], at = struct.unpack_from(">I", data, at)[0], at + 4
        elif which == SUBSCRIPTION_ID:
            value, at = read_integer(data, at)
            found.setdefault(which, []).append(value)
        elif which == USER:
            name, at = read_string(data, at)
            value, at = read_string(data, at)
            found.setdefault(which, []).append((name.decode(), value.decode()))
        elif which in STRINGS:
            found[which], at = read_string(data, at)
        else:
            raise Malformed(f"property {which:#x}")
    return found, end


class Decoder:
    """Takes bytes as they come and gives back whole packets."""

    def __init__(self, version):
        self.version = version
        self._waiting = bytearray()

    def feed(self, data):
        waiting = self._waiting
        waiting += data
        packets, at = [], 0
        while len(waiting) - at >= 2:
            length = read_integer(waiting, at + 1)
            if length is None or length[1] + length[0] > len(waiting):
                break
            start, end = length[1], length[1] + length[0]
            packets.append(decode(self.version, waiting[at], waiting[start:end]))
            at = end
        del waiting[:at]
        return packets


def decode(version, first, body):
    found = Packet(first >> 4, first & 15)
    try:
        _decode_body(version, found, body)
    except (IndexError, struct.error, TypeError) as error:
        raise Malformed(f"{NAMES[found.kind]} {bytes(body[:64])!r}") from error
    return found


def _decode_body(version, found, body):
    kind = found.kind
    if kind == PUBLISH:
        _decode_publish(version, found, body)
    elif kind in (PUBACK, PUBREC, PUBREL, PUBCOMP):
        found.id = body[0] << 8 | body[1]
        found.reason = body[2] if len(body) > 2 else 0
    elif kind == CONNACK:
        found.present, found.reason = body[0], body[1]
        if version == 5:
            found.properties, _ = read_properties(body, 2)
    elif kind in (SUBACK, UNSUBACK):
        found.id, at = body[0] << 8 | body[1], 2
        if version == 5:
            found.properties, at = read_properties(body, 2)
        found.codes = bytes(body[at:])
    elif kind == DISCONNECT:
        found.reason = body[0] if body else 0
        if len(body) > 1:
            found.properties, _ = read_properties(body, 1)


def _decode_publish(version, found, body):
    topic, at = read_string(body, 0)
    found.topic = topic.decode()
    if found.qos:
        found.id, at = body[at] << 8 | body[at + 1], at + 2
    if version == 5:
        found.properties, at = read_properties(body, at)
    found.payload = bytes(body[at:])


@functools.lru_cache(maxsize=100_000)
def matches(topic_filter, topic):
    """Whether a filter without $share matches a topic."""
    wanted, levels = topic_filter.split("/"), topic.split("/")
    if topic.startswith("$") and wanted[0] in ("+", "#"):
        return False
    for i, level in enumerate(wanted):
        if level == "#":
            return True
        if i >= len(levels) or level not in ("+", levels[i]):
            return False
    return len(wanted) == len(levels)

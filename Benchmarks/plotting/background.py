# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: 2026 The Roost authors
"""What a broker has to carry while it is measured: subscriptions, sessions, a backlog. MQTT 3.1.1 by hand."""
import selectors
import socket
import struct


def text(value):
    data = value.encode()
    return struct.pack("!H", len(data)) + data


def packet(first, body):
    length, digits = len(body), b""
    while True:
        digits += bytes([length % 128 | (128 if length > 127 else 0)])
        length //= 128
        if not length:
            return bytes([first]) + digits + body


def connect_packet(client, clean):
    return packet(0x10, text("MQTT") + bytes([4, 2 if clean else 0]) + struct.pack("!H", 0) + text(client))


def subscribe_packet(identifier, filters, qos):
    return packet(0x82, struct.pack("!H", identifier) + b"".join(text(f) + bytes([qos]) for f in filters))


def receive(connection, count):
    data = b""
    while len(data) < count:
        more = connection.recv(count - len(data))
        if not more:
            raise ConnectionError("the broker closed the connection")
        data += more
    return data


def connected(port, client, clean=True):
    connection = socket.create_connection(("127.0.0.1", port), 60)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    connection.sendall(connect_packet(client, clean))
    receive(connection, 4)
    return connection


def subscriptions(port, count):
    """Connections that hold that many filters, none of which ever matches; at most 1,000 filters each."""
    held = []
    for start in range(0, count, 1000):
        connection = connected(port, f"filters-{start}")
        filters = [f"elsewhere/{i}/state" for i in range(start, min(count, start + 1000))]
        for first in range(0, len(filters), 250):
            some = filters[first:first + 250]
            connection.sendall(subscribe_packet(1 + first, some, 0))
            receive(connection, len(packet(0x90, bytes(2 + len(some)))))
        held.append(connection)
    return held


def sessions(port, count, at_once=64):
    """Makes that many persistent sessions of one subscription each and leaves them absent."""
    for start in range(0, count, at_once):
        opened = [socket.create_connection(("127.0.0.1", port), 60)
                  for _ in range(start, min(count, start + at_once))]
        for index, connection in enumerate(opened, start):
            connection.sendall(connect_packet(f"absent-{index}", False)
                               + subscribe_packet(1, [f"absent/{index}"], 1))
        for connection in opened:
            receive(connection, 4 + 5)
            connection.sendall(b"\xe0\x00")
        for connection in opened:
            connection.close()


def backlog(port, count, payload=200):
    """Queues that many QoS 1 messages for one absent session."""
    owner = connected(port, "backlog", clean=False)
    owner.sendall(subscribe_packet(1, ["backlog/+"], 1))
    receive(owner, 5)
    owner.sendall(b"\xe0\x00")
    owner.close()
    publisher = connected(port, "backlog-publisher")
    body, wanted, unsent = b"x" * payload, count * 4, b""
    published = 0
    publisher.setblocking(False)
    with selectors.DefaultSelector() as selector:
        selector.register(publisher, selectors.EVENT_READ | selectors.EVENT_WRITE)
        while wanted:
            if not unsent and published < count:
                some = range(published, min(count, published + 256))
                unsent = b"".join(
                    packet(0x32, text("backlog/x") + struct.pack("!H", i % 60000 + 1) + body) for i in some)
                published = some.stop
            selector.modify(publisher, selectors.EVENT_READ | (selectors.EVENT_WRITE if unsent else 0))
            for _, events in selector.select(60):
                if events & selectors.EVENT_READ:
                    data = publisher.recv(1 << 16)
                    if not data:
                        raise ConnectionError("the broker closed the publisher")
                    wanted -= len(data)
                if events & selectors.EVENT_WRITE and unsent:
                    unsent = unsent[publisher.send(unsent):]
    publisher.setblocking(True)
    publisher.sendall(b"\xe0\x00")
    publisher.close()

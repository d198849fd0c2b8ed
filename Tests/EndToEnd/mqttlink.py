# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: 2026 The Roost authors
"""One network connection of a test client, with asyncio; what to answer is the owner's business."""
import asyncio
import socket

import mqttwire as wire


class Link(asyncio.Protocol):
    """Decodes what arrives and calls its owner: `received(link, packet)` and `closed(link)`."""

    serial = 0

    def __init__(self, owner, version):
        Link.serial += 1
        self.number = Link.serial
        self.owner, self.decoder = owner, wire.Decoder(version)
        self.transport = None
        self.is_open = False
        self.kills = 0  # How many crashes there had been when it was opened.

    @classmethod
    async def open(cls, owner, port, version):
        """Connects, or raises OSError."""
        loop = asyncio.get_running_loop()
        _, link = await loop.create_connection(lambda: cls(owner, version), "127.0.0.1", port)
        return link

    def connection_made(self, transport):
        self.transport, self.is_open = transport, True
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def data_received(self, data):
        for packet in self.decoder.feed(data):
            if self.owner is None:
                return
            self.owner.received(self, packet)

    def eof_received(self):
        return False

    def connection_lost(self, _):
        self.is_open = False
        if self.owner is not None:
            self.owner.closed(self)

    def send(self, data):
        if self.is_open:
            self.transport.write(data)

    def abandon(self):
        """The owner forgets this connection, and the broker sees it break."""
        self.owner, self.is_open = None, False
        self.transport.abort()

    def forget(self):
        """The owner forgets this connection, but leaves it to the broker to close it."""
        self.owner = None

    def pause(self, paused):
        if self.is_open:
            (self.transport.pause_reading if paused else self.transport.resume_reading)()

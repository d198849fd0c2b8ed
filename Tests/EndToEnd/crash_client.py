# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: 2026 The Roost authors
"""A client of the crash test: it comes back after every crash and keeps its half of the session."""
import asyncio

import mqttwire as wire
from mqttlink import Link

CONNACK_SECONDS_MAX = 10
RETRY_SECONDS = 0.01


class Client:
    """Connects, and answers; a subclass says what else. `world` has port, ledger, rng, broker_is_up and producing."""

    def __init__(self, world, name, version, expiry=3600, receive_maximum=None):
        self.world, self.name, self.version = world, name, version
        self.expiry, self.receive_maximum = expiry, receive_maximum
        self.rng = world.rng_for(name)
        self.generation = 1
        self.link = None
        self.connected = asyncio.Event()
        self.window = 20
        self.wants_to_be_connected = True
        self._connack = None
        self._next_id = 0
        self._requests = {}  # SUBSCRIBE and UNSUBSCRIBE: packet id to future

    @property
    def session(self):
        return f"{self.name}#{self.generation}"

    def log(self, kind, *fields):
        self.world.ledger.add(kind, *fields)

    # -------------------------------------------------------------------- connecting

    async def connect(self, clean=False, will=None):
        """One attempt; True once the CONNACK has come."""
        try:
            kills = self.world.kills
            link = await Link.open(self, self.world.port, self.version)
        except OSError:
            return False
        link.kills = kills
        self.link = link
        self._connack = asyncio.get_running_loop().create_future()
        pairs = [(wire.SESSION_EXPIRY, self.expiry)]
        if self.receive_maximum:
            pairs.append((wire.RECEIVE_MAXIMUM, self.receive_maximum))
        self.will_is_sent()
        self.log("connect", self.session, clean)
        link.send(wire.connect(self.version, self.name, clean, pairs=pairs, will=will))
        try:
            packet = await asyncio.wait_for(self._connack, CONNACK_SECONDS_MAX)
        except asyncio.TimeoutError:
            self.log("broken", self.session, "no CONNACK")
            self.drop()
            return False
        return packet is not None

    def begin(self, packet):
        """The CONNACK is there."""
        self.choose_generation(bool(packet.present))
        self.log("connack", self.session, bool(packet.present))
        self.window = min(20, packet.properties.get(wire.RECEIVE_MAXIMUM, 20))
        self.resume(bool(packet.present))
        self.connected.set()

    def choose_generation(self, present):
        """A subclass may find here that a new generation of the session begins."""

    def will_is_sent(self):
        """The CONNECT goes out now."""

    def resume(self, present):
        """The connection is there; what is in flight may be sent again."""

    async def until_connected(self, **options):
        while not await self.connect(**options):
            await asyncio.sleep(RETRY_SECONDS)

    async def stay_connected(self):
        """The loop of a client that is always there."""
        while True:
            if self.wants_to_be_connected and not self.connected.is_set():
                await self.connect()
            await asyncio.sleep(RETRY_SECONDS)

    def drop(self):
        """Breaks the connection as a network failure does."""
        if self.link:
            self.link.abandon()
            self._down()

    def leave(self, reason=0, pairs=()):
        """A DISCONNECT; the broker closes."""
        self.link.send(wire.disconnect(self.version, reason, pairs))
        self.link.forget()
        self.link.transport.close()
        self._down()

    async def leave_and_wait(self, pairs=()):
        """A DISCONNECT, then until the broker has closed; True if it did so while it was alive."""
        link, self.link = self.link, None
        closed = asyncio.get_running_loop().create_future()
        link.owner = _Waiter(closed)
        link.send(wire.disconnect(self.version, 0, pairs))
        self._down()
        try:
            await asyncio.wait_for(closed, 5)
        except asyncio.TimeoutError:
            link.abandon()
            return False
        return link.kills == self.world.kills

    def _down(self):
        self.link = None
        self.connected.clear()
        if self._connack and not self._connack.done():
            self._connack.set_result(None)
        for future, *_ in self._requests.values():
            if not future.done():
                future.set_result(None)
        self._requests.clear()
        self.lost()

    def lost(self):
        """The connection is gone."""

    def closed(self, link):
        if link is not self.link:
            return
        if self.world.broker_is_up and link.kills == self.world.kills:
            self.log("broken", self.session, "the broker closed the connection")
        self._down()

    # --------------------------------------------------------------------- receiving

    def received(self, link, packet):
        if link is not self.link:
            return
        if packet.kind == wire.CONNACK:
            if packet.reason:
                self.log("broken", self.session, f"CONNACK {packet.reason:#x}")
                self._connack.set_result(None)
            else:
                self.begin(packet)  # At once: what follows in the same read belongs to the session.
                if not self._connack.done():
                    self._connack.set_result(packet)
            return
        if packet.kind in (wire.SUBACK, wire.UNSUBACK):
            self._answered(packet)
        elif packet.kind == wire.DISCONNECT:
            self.log("note", f"{self.session} got {packet!r}")
        else:
            self.packet(packet)

    def packet(self, packet):
        raise NotImplementedError

    def free_id(self, used):
        while True:
            self._next_id = self._next_id % 65535 + 1
            if self._next_id not in used and self._next_id not in self._requests:
                return self._next_id

    # --------------------------------------------------------- SUBSCRIBE and UNSUBSCRIBE

    async def subscribe(self, text, qos, number=0, flags=""):
        """Until the SUBACK has come, over as many connections as it takes."""
        options = qos | ("l" in flags) << 2 | ("r" in flags) << 3 | (32 if "h" in flags else 0)
        pairs = [(wire.SUBSCRIPTION_ID, number)] if number and self.version == 5 else []
        while True:
            await self.connected.wait()
            identifier = self.free_id(self.used_ids())
            data = wire.subscribe(self.version, identifier, [(text, options if self.version == 5 else qos)], pairs)
            self.log("subscribe", self.session, text, qos, number, flags)
            if await self._ask(identifier, data, "suback", text) is not None:
                return

    async def unsubscribe(self, text):
        while True:
            await self.connected.wait()
            identifier = self.free_id(self.used_ids())
            self.log("unsubscribe", self.session, text)
            data = wire.unsubscribe(self.version, identifier, [text])
            if await self._ask(identifier, data, "unsuback", text) is not None:
                return

    def used_ids(self):
        return ()

    async def _ask(self, identifier, data, answer, text):
        future = asyncio.get_running_loop().create_future()
        self._requests[identifier] = (future, answer, text)
        self.link.send(data)
        return await future

    def _answered(self, packet):
        request = self._requests.pop(packet.id, None)
        if request is None:
            self.log("broken", self.session, f"an answer nobody asked for: {packet!r}")
            return
        future, answer, text = request
        code = packet.codes[0] if packet.codes else 0
        self.log(answer, self.session, text, code)
        future.set_result(code)


class _Waiter:
    """Owns a connection until the broker closes it."""

    def __init__(self, future):
        self.future = future

    def received(self, link, packet):
        pass

    def closed(self, link):
        if not self.future.done():
            self.future.set_result(None)

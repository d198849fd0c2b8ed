# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: 2026 The Roost authors
"""Clients of the crash test whose sessions end, clients with wills, and one that hears itself."""
import asyncio

import mqttwire as wire
from crash_actors import PROMPT, Publisher, Subscriber
from crash_client import Client
from crash_ledger import message_key


class Ender(Subscriber):
    """A subscriber whose session ends again and again; each session is a generation with subscriptions of its own."""

    may_have_ended = False

    def must_have_ended(self):
        """Whether a session that is still there is one that came back."""
        return False

    def new_generation(self):
        self.log("ended", self.session)
        self.generation += 1
        self.received_ids.clear()

    def choose_generation(self, present):
        if not self.may_have_ended:
            return
        if not present or self.must_have_ended():
            self.new_generation()
            self.log("connect", self.session, False)
        self.may_have_ended = False

    async def stay_a_while(self):
        """Consumes, over crashes, for some time."""
        end = asyncio.get_running_loop().time() + self.rng.uniform(0.05, 0.5)
        while asyncio.get_running_loop().time() < end:
            if not self.connected.is_set():
                await self.until_connected()
            await asyncio.sleep(0.01)

    async def subscribe_while_coming_back(self, *request):
        """`subscribe` waits for a connection that somebody must make."""
        task = asyncio.ensure_future(self.subscribe(*request))
        while not task.done():
            if not self.connected.is_set():
                await self.connect()
            await asyncio.wait([task], timeout=0.01)


class CleanStarter(Ender):
    """Ends its session by a clean start; its CONNACK says that the old one has ended for good."""

    async def live(self, text):
        await self.until_connected()
        while self.world.producing:
            self.drop()
            self.generation += 1
            await self.until_connected(clean=True)
            self.received_ids.clear()
            if self.version == 4:  # Before MQTT 5 such a session ends with its connection; the next one stays.
                self.drop()
                self.generation += 1
                await self.until_connected()
            await self.subscribe_while_coming_back(text, self.rng.choice((1, 2)), 30 + self.generation % 50)
            await self.stay_a_while()

    def begin(self, packet):
        """Whatever follows this CONNACK belongs to the new session."""
        if self.generation > 1:
            self.world.ledger.add("ended", f"{self.name}#{self.generation - 1}")
        super().begin(packet)


class Leaver(Ender):
    """Ends its session by a DISCONNECT with session expiry 0. Nothing acknowledges that, so a crash may undo it.

    When its first CONNECT after that got no answer, a session that is present may be the old one or one that this
    CONNECT has made. A client that does not know starts clean.
    """

    left_at_kills = -1
    attempts = 0
    starts_clean = False

    async def connect(self, clean=False, will=None):
        return await super().connect(clean or self.starts_clean, will)

    def will_is_sent(self):
        self.attempts += 1

    def begin(self, packet):
        if packet.present and self.may_have_ended and self.attempts > 1 and not self.must_have_ended():
            self.starts_clean = True
            self.drop()
            return
        self.starts_clean = False
        super().begin(packet)

    def must_have_ended(self):
        return self.left_at_kills == self.world.kills

    async def live(self, text):
        while self.world.producing:
            if not self.connected.is_set():
                await self.until_connected()
            await self.subscribe_while_coming_back(text, self.rng.choice((1, 2)), 30 + self.generation % 50)
            await self.stay_a_while()
            if not self.connected.is_set():
                continue
            self.may_have_ended, self.attempts = True, 0
            kills = self.world.kills
            closed = await self.leave_and_wait([(wire.SESSION_EXPIRY, 0)])
            self.left_at_kills = kills if closed else -1
            await asyncio.sleep(self.rng.uniform(0, 0.1))
        await self.until_connected()


class Expirer(Ender):
    """Leaves for longer than its session may live."""

    async def live(self, text):
        await self.until_connected()
        await self.subscribe_while_coming_back(text, 1, 30)
        await self.stay_a_while()
        self.may_have_ended = True
        self.drop()

    def must_have_ended(self):
        return asyncio.get_running_loop().time() > self.world.last_start + self.expiry + 1

    async def look(self):
        """Long after: the session must be gone, and what comes instead is left to expire, too."""
        if not self.may_have_ended:
            return
        wait = self.world.last_start + self.expiry + 1.1 - asyncio.get_running_loop().time()
        await asyncio.sleep(max(0, wait))
        await self.until_connected()
        await asyncio.sleep(0.1)
        self.drop()
        self.log("ended", self.session)


class Willer(Client):
    """Has a will on every connection, and ends it with and without a DISCONNECT."""

    number = 0
    key = ""
    has_left = was_connected = False
    taken_back = None

    def will_is_sent(self):
        self.log("will", self.key, f"w/{self.name}", 2)

    def lost(self):
        if self.key and self.was_connected and not self.has_left:
            self.log("willdue", self.key)
        self.was_connected = False

    def resume(self, present):
        """A CONNACK follows what was committed before it, the end of the will among that."""
        self.was_connected = True
        if self.taken_back and self.taken_back[1] == self.world.calm():
            self.log("willvoid", self.taken_back[0])
        self.taken_back = None

    def packet(self, packet):
        self.log("broken", self.session, f"unexpected {packet!r}")

    async def live(self):
        topic = f"w/{self.name}"
        while self.world.producing:
            self.number += 1
            self.key, self.has_left = message_key(self.name, 2, topic, self.number), False
            if not await self.connect(will=(topic, f"{self.key}|w", 2, False, [])):
                await asyncio.sleep(0.02)
                continue
            await asyncio.sleep(self.rng.uniform(0.05, 0.6))
            if not self.connected.is_set():
                continue
            self.has_left = self.rng.random() < 0.5
            if not self.has_left:
                self.drop()
            else:
                await self.take_back()
        if self.connected.is_set():
            self.has_left = True
            await self.take_back()

    async def take_back(self):
        """Nothing acknowledges a DISCONNECT: the will is void for certain at the next CONNACK, if no crash came before."""
        key, calm = self.key, self.world.calm()
        if await self.leave_and_wait():
            self.taken_back = key, calm


class Echo(Publisher, Subscriber):
    """Publishes to topics that it has subscribed to with no local."""

    def __init__(self, world, name, topics):
        Publisher.__init__(self, world, name, 5, (1, 2), topics)
        self.style, self.received_ids, self.held, self.last_receipt = PROMPT, {}, ([], []), 0.0

    def packet(self, packet):
        if packet.kind in (wire.PUBLISH, wire.PUBREL):
            Subscriber.packet(self, packet)
        else:
            Publisher.packet(self, packet)

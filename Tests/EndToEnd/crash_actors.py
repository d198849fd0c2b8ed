# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: 2026 The Roost authors
"""Publishers and subscribers of the crash test."""
import asyncio
import collections

import mqttwire as wire
from crash_client import RETRY_SECONDS, Client
from crash_ledger import message_key


class Publisher(Client):
    """Publishes at QoS 1 and 2, and after a crash sends again what was not acknowledged, with the same ids."""

    def __init__(self, world, name, version, qos_choices, topics, **options):
        super().__init__(world, name, version, **options)
        self.qos_choices, self.topics = qos_choices, topics
        self.sequences = collections.Counter()
        self.inflight = {}  # Packet id to [key, topic, payload, qos, retain, PUBREC received], in order.
        self.release_delay_max = 0.0

    def is_idle(self):
        return not self.inflight

    async def produce(self):
        while self.world.producing:
            await self.connected.wait()
            for _ in range(self.rng.randint(1, 6)):
                if self.connected.is_set() and len(self.inflight) < self.window:
                    self.publish()
            await asyncio.sleep(self.rng.uniform(0.002, 0.03))

    def publish(self):
        topic, qos = self.rng.choice(self.topics), self.rng.choice(self.qos_choices)
        key = self.next_key(topic, qos)
        filler = "x" * self.rng.choice((0, 10, 50, 200, 200, 3000))
        self.send_new(key, topic, f"{key}|{filler}".encode(), qos, 0)

    def next_key(self, topic, qos):
        self.sequences[topic, qos] += 1
        return message_key(self.name, qos, topic, self.sequences[topic, qos])

    def send_new(self, key, topic, payload, qos, retain):
        identifier = self.free_id(self.inflight)
        self.inflight[identifier] = [key, topic, payload, qos, retain, False]
        self.log("publish", key, topic, qos, retain)
        self.link.send(wire.publish(self.version, topic, payload, qos, identifier, False, bool(retain)))

    def used_ids(self):
        return self.inflight

    def resume(self, present):
        for identifier, (key, topic, payload, qos, retain, recorded) in self.inflight.items():
            if recorded:
                self.link.send(wire.acknowledge(wire.PUBREL, identifier))
                continue
            self.log("resend", key)
            self.link.send(wire.publish(self.version, topic, payload, qos, identifier, True, bool(retain)))

    def packet(self, packet):
        entry = self.inflight.get(packet.id)
        expected = {wire.PUBACK: 1, wire.PUBREC: 2, wire.PUBCOMP: 2}.get(packet.kind)
        if entry is None or entry[3] != expected:
            if packet.kind != wire.PUBCOMP:
                self.log("broken", self.session, f"nobody waits for {packet!r}")
            return
        if packet.reason not in (0, 0x10) and not (packet.kind == wire.PUBCOMP and packet.reason == 0x92):
            self.log("broken", self.session, f"{entry[0]}: {packet!r}")
        self.log("ack", entry[0])
        if packet.kind == wire.PUBREC:
            entry[5] = True
            self.release(packet.id)
        else:
            del self.inflight[packet.id]

    def release(self, identifier):
        delay = self.rng.uniform(0, self.release_delay_max) if self.world.producing else 0
        if not delay:
            self.link.send(wire.acknowledge(wire.PUBREL, identifier))
            return
        asyncio.get_running_loop().call_later(delay, self._release_later, self.link, identifier)

    def _release_later(self, link, identifier):
        if link is self.link:
            link.send(wire.acknowledge(wire.PUBREL, identifier))


class Retainer(Publisher):
    """Sets and clears retained messages on topics that nobody else writes."""

    def publish(self):
        topic = self.rng.choice(self.topics)
        qos = self.qos_choices[self.topics.index(topic) % len(self.qos_choices)]
        key = self.next_key(topic, qos)
        clears = self.rng.random() < 0.3
        self.send_new(key, topic, b"" if clears else f"{key}|r".encode(), qos, 2 if clears else 1)

    def publish_each_once(self):
        for topic in self.topics:
            key = self.next_key(topic, self.qos_choices[0])
            self.send_new(key, topic, f"{key}|k".encode(), self.qos_choices[0], 1)


class Acknowledging:
    """How a subscriber answers: the delay in seconds of PUBACK and PUBREC, and of PUBCOMP; None is never."""

    def __init__(self, first=(0, 0), release=(0, 0)):
        self.first, self.release = first, release


PROMPT = Acknowledging()


class Subscriber(Client):
    """Keeps the QoS 2 packet ids it has received, and tells the ledger of every PUBLISH."""

    def __init__(self, world, name, version, style=PROMPT, **options):
        super().__init__(world, name, version, **options)
        self.style = style
        self.received_ids = {}
        self.held = ([], [])  # What waits to be sent, in order: PUBACK and PUBREC; PUBCOMP.
        self.last_receipt = 0.0

    def current_style(self):
        return self.style if self.world.producing else PROMPT

    def lost(self):
        for queue in self.held:
            queue.clear()

    def packet(self, packet):
        if packet.kind == wire.PUBLISH:
            self.message(packet)
        elif packet.kind == wire.PUBREL:
            self.received_ids.pop(packet.id, None)
            self.answer(self.held[1], wire.acknowledge(wire.PUBCOMP, packet.id), self.current_style().release)
        else:
            self.log("broken", self.session, f"unexpected {packet!r}")

    def message(self, packet):
        self.last_receipt = asyncio.get_running_loop().time()
        again = packet.qos == 2 and packet.id in self.received_ids
        key = bytes(packet.payload).partition(b"|")[0].decode()
        if key:
            ids = packet.properties.get(wire.SUBSCRIPTION_ID, []) if self.version == 5 else None
            self.log(
                "receive", self.session, self.link.number, key, packet.qos, packet.dup, packet.retain, ids, again,
                packet.id,
            )  # fmt: skip
            if key.split(":")[2:3] != [packet.topic]:
                self.log("broken", self.session, f"{key} came on topic {packet.topic}")
        if again and self.received_ids[packet.id] != key:
            self.log("broken", self.session, f"packet id {packet.id} names {self.received_ids[packet.id]} and {key}")
        first = self.current_style().first
        if packet.qos == 1:
            self.answer(self.held[0], wire.acknowledge(wire.PUBACK, packet.id), first, key)
        elif packet.qos == 2:
            self.received_ids[packet.id] = key
            self.answer(self.held[0], wire.acknowledge(wire.PUBREC, packet.id), first)

    def answer(self, queue, data, delay, key=None):
        """Acknowledgements leave in the order of what they acknowledge, so one that waits holds back the rest."""
        seconds = float("inf") if delay is None else self.rng.uniform(*delay)
        if not seconds and not queue:
            self._send(data, key)
        else:
            queue.append((asyncio.get_running_loop().time() + seconds, data, key))

    def _send(self, data, key):
        self.link.send(data)
        if key:
            self.log("puback", self.session, key)

    async def send_held(self):
        while True:
            now = asyncio.get_running_loop().time()
            for queue in self.held:
                while queue and (queue[0][0] <= now or not self.world.producing):
                    _, data, key = queue.pop(0)
                    self._send(data, key)
            await asyncio.sleep(0.005)

    async def read_slowly(self):
        """Lets the socket fill up from time to time."""
        while self.world.producing:
            await asyncio.sleep(self.rng.uniform(0.05, 0.3))
            link = self.link
            if link:
                link.pause(True)
                await asyncio.sleep(self.rng.uniform(0.02, 0.2))
                link.pause(False)

    async def come_and_go(self, here=(0.05, 0.4), away=(0.0, 0.3)):
        """Breaks, disconnects, or is taken over by itself, again and again."""
        while self.world.producing:
            await asyncio.sleep(self.rng.uniform(*here))
            if not self.connected.is_set():
                continue
            self.wants_to_be_connected = False
            how = self.rng.choice(("break", "disconnect", "takeover"))
            if how == "break":
                self.drop()
            elif how == "disconnect":
                self.leave()
            else:
                self.link.forget()
                self._down()
            if how != "takeover":
                await asyncio.sleep(self.rng.uniform(*away))
            self.wants_to_be_connected = True

    async def be_absent(self):
        """Leaves after it has subscribed, and returns when everything has been published."""
        self.wants_to_be_connected = False
        (self.drop if self.rng.random() < 0.5 else self.leave)()
        while self.world.producing:
            await asyncio.sleep(RETRY_SECONDS)
        self.wants_to_be_connected = True

    async def churn(self, filters):
        """Subscribes, changes options, unsubscribes; at the end every filter is left as chance has it."""
        number = 10
        while self.world.producing:
            text = self.rng.choice(filters)
            number += 1
            if self.rng.random() < 0.65:
                await self.subscribe(text, self.rng.choice((1, 2)), number)
            else:
                await self.unsubscribe(text)
            await asyncio.sleep(self.rng.uniform(0, 0.05))


class Viewer(Client):
    constants = 0  # How many of the retained messages that never change have come.

    def packet(self, packet):
        if packet.kind != wire.PUBLISH:
            return
        if packet.retain:
            key = bytes(packet.payload).partition(b"|")[0].decode()
            self.constants += packet.topic.startswith("k/")
            self.log("retained", packet.topic, key, self.world.snapshots)
        if packet.qos == 1:
            self.link.send(wire.acknowledge(wire.PUBACK, packet.id))

# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: 2026 The Roost authors
"""Messages end to end, with the clients that people use."""
import asyncio
import itertools
import os
import time
import unittest

import mqttwire as wire
from broker import Broker
from mqttlink import Link
from peer import PATIENCE, MosquittoSub, Paho, Peer, mosquitto_pub

VERSIONS, LEVELS = (4, 5), (0, 1, 2)


class Messages(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.broker = Broker().start()
        cls.addClassCleanup(cls.broker.close)
        cls.port = cls.broker.port

    def test_mosquitto_pub_and_sub_at_every_qos(self):
        for version, qos in itertools.product((3, 4, 5), LEVELS):
            with self.subTest(version=version, qos=qos):
                topic = f"m/{version}/{qos}"
                subscriber = MosquittoSub(self.port, "-t", topic, "-q", "2", version=version)
                mosquitto_pub(self.port, "-t", topic, "-q", str(qos), "-m", "hello", version=version)
                self.assertEqual(subscriber.lines(), [f"{qos} 0 {topic} hello"])

    def test_paho_at_every_qos_in_order(self):
        for version, qos in itertools.product(VERSIONS, LEVELS):
            with self.subTest(version=version, qos=qos):
                with Paho(self.port, f"sub{version}{qos}", version) as subscriber:
                    subscriber.subscribe("p/#", qos)
                    with Paho(self.port, f"pub{version}{qos}", version) as publisher:
                        for number in range(50):
                            publisher.publish("p/x", str(number), qos)
                    self.assertEqual(subscriber.payloads(50), [str(number) for number in range(50)])

    def test_between_the_versions(self):
        for version, qos in itertools.product(VERSIONS, LEVELS):
            with self.subTest(version=version, qos=qos):
                with Paho(self.port, f"x{version}", version) as subscriber:
                    subscriber.subscribe("v/x", 2)
                    mosquitto_pub(self.port, "-t", "v/x", "-q", str(qos), "-m", "other", version=9 - version)
                    message = subscriber.message()
                    self.assertEqual((message.payload, message.qos), (b"other", qos))

    def test_the_lower_qos_of_publication_and_subscription(self):
        for version, qos in itertools.product(VERSIONS, LEVELS):
            with self.subTest(version=version, qos=qos):
                with Paho(self.port, f"lower{version}", version) as subscriber:
                    subscriber.subscribe("low/x", 1)
                    mosquitto_pub(self.port, "-t", "low/x", "-q", str(qos), "-m", "m", version=version)
                    self.assertEqual(subscriber.message().qos, min(qos, 1))

    def test_wildcards(self):
        filters = {"w/+/c": True, "w/#": True, "w/a/b/#": False, "+/a/c": True, "#": True, "w/+": False}
        for text, expected in filters.items():
            with self.subTest(filter=text), Peer(self.port, "wild") as peer:
                peer.subscribe(text, 1)
                peer.publish("w/a/c", "m", 1)
                found = peer.messages(1, seconds=PATIENCE if expected else 0.3)
                self.assertEqual(bool(found), expected)

    def test_a_wildcard_at_the_beginning_does_not_match_topics_that_begin_with_a_dollar(self):
        with Peer(self.port, "dollar") as peer:
            peer.subscribe("#", 0)
            peer.subscribe("+/x", 0)
            mosquitto_pub(self.port, "-t", "end", "-m", "m")
            self.assertEqual([message.topic for message in peer.messages(1)], ["end"])
            self.assertTrue(peer.is_silent(0.2))

    def test_unsubscribe(self):
        for version in VERSIONS:
            with Peer(self.port, f"un{version}", version) as peer:
                peer.subscribe("u/#", 1)
                peer.publish("u/1", "before", 1)
                self.assertEqual(peer.payloads(1), ["before"])
                peer.unsubscribe("u/#")
                peer.publish("u/1", "after", 1)
                self.assertTrue(peer.is_silent(0.2))

    def test_a_payload_of_1_mib(self):
        payload = os.urandom(1 << 20)
        for version, qos in itertools.product(VERSIONS, LEVELS):
            with self.subTest(version=version, qos=qos):
                with Peer(self.port, f"big{version}", version) as subscriber:
                    subscriber.subscribe("big", qos)
                    with Peer(self.port, "from", version) as publisher:
                        publisher.publish("big", payload, qos)
                    self.assertEqual(bytes(subscriber.messages(1)[0].payload), payload)

    def test_a_payload_of_1_mib_through_mosquitto_pub_and_paho(self):
        payload = os.urandom(1 << 20)
        with Paho(self.port, "bigpaho") as subscriber:
            subscriber.subscribe("bigger", 2)
            mosquitto_pub(self.port, "-t", "bigger", "-q", "2", "-s", data=payload)
            self.assertEqual(subscriber.message().payload, payload)

    def test_overlapping_subscriptions_give_the_greatest_qos(self):
        with Peer(self.port, "over") as peer:
            peer.subscribe("o/#", 0, number=1)
            peer.subscribe("o/x", 2, number=2)
            peer.publish("o/x", "m", 2)
            first = peer.messages(1)[0]
            self.assertEqual((first.qos, sorted(first.properties[wire.SUBSCRIPTION_ID])), (2, [1, 2]))
            self.assertTrue(peer.is_silent(0.2))

    def test_no_local_and_retain_as_published(self):
        with Peer(self.port, "options") as peer, Peer(self.port, "writer") as writer:
            peer.subscribe("opt/#", 1, options=4 | 8)
            peer.publish("opt/x", "own", 1)
            writer.publish("opt/x", "retained", 1, retain=True)
            writer.publish("opt/x", "not", 1)
            found = [(bytes(each.payload), each.retain) for each in peer.messages(2)]
            self.assertEqual(found, [(b"retained", True), (b"not", False)])

    def test_properties_are_forwarded(self):
        with Peer(self.port, "props") as peer:
            peer.subscribe("props", 1)
            pairs = [(0x01, 1), (0x03, "text/plain"), (0x08, "answer/here"), (0x09, b"\0\1"), (wire.USER, ("a", "b"))]
            peer.publish("props", "m", 1, pairs=pairs + [(wire.USER, ("a", "c"))])
            found = peer.messages(1)[0].properties
            self.assertEqual((found[0x01], found[0x03], found[0x08], found[0x09]), (
                1, b"text/plain", b"answer/here", b"\0\1"))  # fmt: skip
            self.assertEqual(found[wire.USER], [("a", "b"), ("a", "c")])

    def test_a_shared_subscription_gives_each_message_to_one_member(self):
        peers = [Peer(self.port, f"share{i}") for i in range(3)]
        for peer in peers:
            self.addCleanup(peer.close)
            peer.subscribe("$share/g/s/#", 2)
        with Peer(self.port, "all") as everything, Peer(self.port, "sharepub") as publisher:
            everything.subscribe("s/#", 2)
            for number in range(60):
                publisher.publish(f"s/{number % 7}", str(number), number % 3)
            self.assertEqual(sorted(map(int, everything.payloads(60))), list(range(60)))
        found = payloads_of(peers, 60)
        self.assertEqual(sorted(map(int, itertools.chain(*found))), list(range(60)))

    def test_a_shared_subscription_of_mosquitto_sub(self):
        subscriber = MosquittoSub(self.port, "-t", "$share/h/sh", "-q", "1", count=2)
        for number in range(2):
            mosquitto_pub(self.port, "-t", "sh", "-q", "1", "-m", str(number))
        self.assertEqual(subscriber.lines(), ["1 0 sh 0", "1 0 sh 1"])

    def test_what_a_member_has_not_acknowledged_goes_to_another_when_its_session_ends(self):
        members = [Peer(self.port, f"member{number}", clean=False, expiry=100) for number in range(2)]
        for member in members:
            self.addCleanup(member.close)
            member.subscribe("$share/m/move", 1)
            member.answers = False
        with Peer(self.port, "mover") as publisher:
            for number in range(4):
                publisher.publish("move", str(number), 1)
        members[1].answers = True
        held, rest = payloads_of(members, 4)
        self.assertEqual(sorted(held + rest), ["0", "1", "2", "3"])
        Peer(self.port, "member0", clean=True).close()
        self.assertEqual(members[1].payloads(len(held)), held)


def payloads_of(peers, count):
    """What each receives until there are so many in all, and what comes within a moment after that."""
    found, end = [[] for _ in peers], time.monotonic() + PATIENCE
    while sum(map(len, found)) < count and time.monotonic() < end:
        for mine, peer in zip(found, peers, strict=True):
            mine += peer.payloads(count, seconds=0.1)
    for mine, peer in zip(found, peers, strict=True):
        mine += peer.payloads(1, seconds=0.2)
    return found


class Retained(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.broker = Broker().start()
        cls.addClassCleanup(cls.broker.close)
        cls.port = cls.broker.port

    def set(self, topic, value, qos, version):
        """Returns when it is set; at QoS 0, which nothing acknowledges, the PINGRESP says so."""
        with Peer(self.port, "setter", version) as setter:
            self.assertLess(setter.publish(topic, value, qos, retain=True), 0x80)
            setter.ping()

    def test_set_replace_and_clear(self):
        for version in VERSIONS:
            for qos in (0, 1, 2):
                with self.subTest(version=version, qos=qos):
                    topic = f"r/{version}/{qos}"
                    for value in ("first", "second"):
                        self.set(topic, value, qos, version)
                    lines = MosquittoSub(self.port, "-t", topic, "-q", "2", version=version).lines()
                    self.assertEqual(lines, [f"{qos} 1 {topic} second"])
                    self.set(topic, "", qos, version)
                    with Peer(self.port, "looker", version) as peer:
                        peer.subscribe(topic, 2)
                        self.assertTrue(peer.is_silent(0.3))

    def test_wildcards_and_retain_handling(self):
        for number in range(20):
            mosquitto_pub(self.port, "-t", f"rw/{number}", "-q", "1", "-r", "-m", str(number))
        with Peer(self.port, "rh") as peer:
            peer.subscribe("rw/#", 1)
            self.assertEqual(sorted(map(int, peer.payloads(20))), list(range(20)))
            peer.subscribe("rw/#", 1, options=0x10)
            self.assertTrue(peer.is_silent(0.2), "retain handling 1: the subscription is not new")
            peer.subscribe("rw/+", 1, options=0x20)
            self.assertTrue(peer.is_silent(0.2), "retain handling 2: none")
            peer.subscribe("rw/#", 1)
            self.assertEqual(len(peer.payloads(20)), 20)

    def test_a_shared_subscription_gets_no_retained_messages(self):
        mosquitto_pub(self.port, "-t", "rs/x", "-q", "1", "-r", "-m", "kept")
        with Peer(self.port, "rshare") as peer:
            peer.subscribe("$share/g/rs/#", 1)
            self.assertTrue(peer.is_silent(0.3))


class Crowd:
    """Many clients on one event loop; each subscribes to a topic of its own and to one of all."""

    def __init__(self, port, count):
        self.port, self.count = port, count
        self.links, self.connected, self.subscribed, self.received = [], 0, 0, 0
        self.changed = asyncio.Event()

    def received_from(self, link, packet):
        if packet.kind == wire.CONNACK and packet.reason == 0:
            self.connected += 1
        elif packet.kind == wire.SUBACK:
            self.subscribed += 1
        elif packet.kind == wire.PUBLISH:
            self.received += 1
            link.send(wire.acknowledge(wire.PUBACK, packet.id))
        self.changed.set()

    def closed(self, _link):
        raise AssertionError("the broker closed a connection")

    async def until(self, condition):
        while not condition():
            self.changed.clear()
            await asyncio.wait_for(self.changed.wait(), 20)

    async def run(self):
        owner = CrowdOwner(self)
        for number in range(self.count):
            link = await Link.open(owner, self.port, 4 + number % 2)
            self.links.append(link)
            version = 4 + number % 2
            link.send(wire.connect(version, f"crowd{number}", True))
            link.send(wire.subscribe(version, 1, [(f"crowd/{number}", 1), ("crowd/all", 1)]))
        await self.until(lambda: self.connected == self.subscribed == self.count)
        for number, link in enumerate(self.links):
            target = f"crowd/{(number + 1) % self.count}"
            link.send(wire.publish(4 + number % 2, target, b"hello", 1, 1))
        await self.until(lambda: self.received == self.count)
        self.links[0].send(wire.publish(4, "crowd/all", b"all", 1, 2))
        await self.until(lambda: self.received == 2 * self.count)
        for link in self.links:
            link.abandon()


class CrowdOwner:
    def __init__(self, crowd):
        self.received = crowd.received_from
        self.closed = crowd.closed


class Many(unittest.TestCase):
    def test_1000_clients_at_once(self):
        with Broker() as broker:
            crowd = Crowd(broker.port, 1000)
            asyncio.run(crowd.run())
            self.assertEqual((crowd.connected, crowd.received), (1000, 2000))


if __name__ == "__main__":
    unittest.main()
